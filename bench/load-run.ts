import { fork } from 'node:child_process'
import { on, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Outcomes, Pace } from './open-loop.ts'

/** What the callers are to do. */
export type Job = Pace & {
  /** `host:port` */
  address: string
  key: string
  /** How many of the calls, the first ones, are not measured. */
  warmUpCalls: number
  /** A call that takes longer has failed. */
  timeoutMs: number
}

/** The first call that is measured is due. */
export type Warm = { kind: 'warm' }
/** What happened in the last second. */
export type Second = { kind: 'second'; answered: number; failed: number; open: number; p95Ms: number }
/** The first call that ended with a code. The text is gRPC's. */
export type Failed = { kind: 'failed'; code: string; details: string }
type End = { kind: 'end' } & Outcomes

/** Runs load-client.ts to its end. Nothing is left of it when this rejects. */
export async function runClient(
  job: Job,
  signal: AbortSignal,
  told: (message: Warm | Second | Failed) => void,
): Promise<Outcomes> {
  const path = fileURLToPath(new URL('load-client.ts', import.meta.url))
  // What V8 clones keeps its typed arrays, as JSON does not.
  const child = fork(path, { serialization: 'advanced' })
  const exited = once(child, 'exit')
  try {
    child.send(job)
    for await (const [received] of on(child, 'message', { signal, close: ['disconnect'] })) {
      const message: Warm | Second | Failed | End = received
      if (message.kind === 'end') return message
      told(message)
    }
  } finally {
    child.kill('SIGKILL')
    await exited
  }
  throw new Error('the client ended before its calls did')
}
