import { NodeSDK, type tracing } from '@opentelemetry/sdk-node'
import { percentile } from './statistics.ts'

/** Milliseconds of Deed's statements, by name: `{"commit": {"count": 9, "p95_ms": 1.5}}` */
export type StatementTimes = Readonly<Record<string, { count: number; p95_ms: number }>>

/** Those that every call waits for, twice. */
export const hotStatements = ['commit']

/**
 * Traces this process, and keeps from the spans of the hot statements how long they took: as Deed sees them, with the wait for
 * a connection and the way to PostgreSQL. Returns what gives the times since it was asked before.
 */
export function timeStatements(): () => { statements: StatementTimes } {
  const times = new Map<string, number[]>()
  const processor: tracing.SpanProcessor = {
    onStart() {},
    onEnd({ name, duration: [seconds, nanos] }) {
      if (hotStatements.includes(name)) times.getOrInsert(name, []).push(seconds * 1_000 + nanos / 1_000_000)
    },
    async forceFlush() {},
    async shutdown() {},
  }
  new NodeSDK({ spanProcessors: [processor], instrumentations: [], metricReaders: [], logRecordProcessors: [] }).start()
  return () => {
    const entries = [...times].map(([name, taken]) => [name, summary(taken)] as const)
    times.clear()
    return { statements: Object.fromEntries(entries) }
  }
}

function summary(taken: readonly number[]): { count: number; p95_ms: number } {
  return {
    count: taken.length,
    p95_ms: percentile(
      taken.toSorted((a, b) => a - b),
      0.95,
    ),
  }
}
