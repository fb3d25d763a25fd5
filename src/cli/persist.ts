import { setTimeout as delay } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { Failure } from './failure.ts'

export type Persistence = {
  signal: AbortSignal
  /** For how long the server may be away. */
  patienceMs: number
  /** Told of each failure that is not the end. */
  trouble?: ((failure: Failure) => void) | undefined
}

/** As a server or a connection that went away ends calls. Deed's own errors of these codes are told by their reason. */
const broken = [status.UNAVAILABLE, status.CANCELLED, status.INTERNAL, status.DEADLINE_EXCEEDED].map(
  (code) => status[code],
)

const [baseMs, ceilingMs] = [100, 5_000]

/**
 * Repeats a call that may be repeated until it is answered: while the server is away, and as its RetryInfo asks. Throws what
 * cannot become better, and everything once the server was away for longer than the patience, or when interrupted.
 */
export async function persist<T>(attempt: () => Promise<T>, { signal, patienceMs, trouble }: Persistence): Promise<T> {
  const from = performance.now()
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (!isTransient(error) || signal.aborted) throw error
      const pauseMs = pauseAfter(error, failures)
      if (performance.now() + pauseMs - from > patienceMs) throw error
      trouble?.(error)
      await pause(pauseMs, signal)
    }
  }
}

/** Whether the same call may end otherwise. */
export function isTransient(error: unknown): error is Failure {
  if (!(error instanceof Failure)) return false
  const { code, reason, retryAfterSeconds } = error.json
  return retryAfterSeconds !== undefined || (reason === undefined && broken.includes(String(code)))
}

/** Full jitter under a doubling ceiling, and not before the time that the server asks for. */
export function pauseAfter({ json }: Failure, failures: number): number {
  const asked = typeof json['retryAfterSeconds'] === 'number' ? json['retryAfterSeconds'] * 1_000 : 0
  return asked + Math.random() * Math.min(ceilingMs, baseMs * 2 ** Math.min(failures - 1, 20))
}

/** Throws a Failure when it is interrupted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch (error) {
    throw new Failure('interrupted', {}, error)
  }
}
