import { setTimeout as delay } from 'node:timers/promises'
import type { Subject } from './subject.ts'

/** Unmeasured ones before, for V8 and the statements to be prepared on each connection. */
const warmUp = 30
const limitMs = 30_000

/**
 * Milliseconds from the call that adds one to the start of the work on it, one at a time. Between them is a pause of another
 * length each time, so that none falls in with a poll.
 */
export async function measureStart(subject: Subject, samples: number): Promise<number[]> {
  let begun: (at: number) => void = () => {}
  await subject.start(() => {
    begun(performance.now())
    return undefined
  })
  const times: number[] = []
  for (let n = -warmUp; n < samples; n++) {
    const started = new Promise<number>((resolve) => {
      begun = resolve
    })
    const from = performance.now()
    await subject.add(1)
    const time = (await within(started)) - from
    if (n >= 0) times.push(time)
    await delay(10 + Math.random() * 20)
  }
  await subject.stop()
  return times
}

async function within<T>(promise: Promise<T>): Promise<T> {
  const limit = new AbortController()
  const late = delay(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`what was added has not started within ${limitMs / 1_000} s`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    late.catch(() => {})
    limit.abort()
  }
}
