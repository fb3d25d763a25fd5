import { setTimeout as delay } from 'node:timers/promises'

/** Calls at a fixed rate. */
export type Pace = {
  /** Calls a second. */
  rate: number
  calls: number
}

/** What became of each call, in the order in which they were due. */
export type Outcomes = {
  /** Milliseconds from when the call was due, not from when it was made: a wait that a slow server causes here counts too. */
  latencies: Float64Array
  /** As the call ended: 0 is OK. */
  codes: Uint8Array
}

/** Milliseconds from the first call at which this one is due. */
export function dueAt(index: number, { rate }: Pace): number {
  return (index * 1_000) / rate
}

/** How many calls are due that many milliseconds after the first. */
export function dueBy(elapsedMs: number, { rate, calls }: Pace): number {
  return elapsedMs < 0 ? 0 : Math.min(calls, Math.floor((elapsedMs * rate) / 1_000) + 1)
}

/**
 * Makes each call when it is due, whatever has become of those before it: an open loop, as callers that do not know of each
 * other are. Resolves when all have ended. `make` gets the time, by `performance.now()`, at which its call was due; it resolves
 * with the code and never rejects.
 */
export async function openLoop(
  pace: Pace,
  make: (index: number, due: number) => Promise<number>,
  signal: AbortSignal,
): Promise<Outcomes> {
  const latencies = new Float64Array(pace.calls)
  const codes = new Uint8Array(pace.calls)
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  let open = pace.calls
  const start = performance.now()
  const begin = async (index: number) => {
    const due = start + dueAt(index, pace)
    codes[index] = await make(index, due)
    latencies[index] = performance.now() - due
    open--
    if (open === 0) resolve()
  }
  for (let next = 0; next < pace.calls; ) {
    for (const due = dueBy(performance.now() - start, pace); next < due; next++) void begin(next)
    await delay(Math.max(1, start + dueAt(next, pace) - performance.now()), undefined, { signal })
  }
  await ended
  return { latencies, codes }
}
