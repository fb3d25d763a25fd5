/** Milliseconds before the next attempt: full jitter under a doubling ceiling, and never before the vendor asked for. */
export function backoffMs(failures: number, retryAfterMs: number): number {
  const ceiling = Math.min(500 * 2 ** failures, 60_000)
  return retryAfterMs + ceiling * Math.random()
}
