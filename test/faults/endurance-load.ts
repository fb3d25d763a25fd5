import { setTimeout as sleep } from 'node:timers/promises'
import type { DeedClient } from '../support/deed-client.ts'
import { type Made, mayGoOn } from '../support/load.ts'
import type { Random } from '../support/random.ts'
import { submitEcho } from '../support/submit.ts'

/** A caller of one project, with a client of each replica. */
export type Caller = { name: string; clients: readonly DeedClient[]; idles: boolean; made: Made[] }

/** Calls that one caller has under way at once. */
const atOnce = 16
/** How long a project that idles half of the time is busy, and then idle. */
const spellMs = 10_000

/**
 * Has the callers make so many operations in all, evenly over so much time, each under a key and repeated until it has its end,
 * at whichever replica. Half of them are submitted and waited for, the rest are unary calls. Resolves when the last has one; `givenUp` after which that is not waited for any more.
 */
export async function enduranceLoad(
  callers: readonly Caller[],
  { operations, seconds, random }: { operations: number; seconds: number; random: Random },
  givenUp: AbortSignal,
): Promise<void> {
  const startedAt = performance.now()
  let made = 0
  const elapsedMs = () => performance.now() - startedAt
  const isIdle = ({ idles }: Caller) => idles && Math.floor(elapsedMs() / spellMs) % 2 === 1
  const isAhead = () => made > (operations * elapsedMs()) / (seconds * 1_000)

  const work = async (caller: Caller) => {
    while (made < operations && !givenUp.aborted) {
      if (isIdle(caller) || isAhead()) {
        await sleep(random.between(5, 50))
        continue
      }
      const text = `${caller.name} ${made++}`
      const key = text.replaceAll(' ', '-')
      const call: Made = { text, key, outcomes: [] }
      const submits = random.chance(0.5)
      caller.made.push(call)
      while (!givenUp.aborted) {
        const anyClient = () => random.pick(caller.clients)
        const outcome = await (submits ? submitEcho(anyClient, text, key) : anyClient().echo(text, key))
        call.outcomes.push(outcome)
        if (!mayGoOn(outcome.code)) break
        await sleep(random.between(20, 200))
      }
    }
  }
  await Promise.all(callers.flatMap((caller) => Array.from({ length: atOnce }, () => work(caller))))
}
