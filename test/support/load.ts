import { status } from '@grpc/grpc-js'
import { type DeedClient, type Outcome, textOf } from './deed-client.ts'
import { submitEcho } from './submit.ts'

/** A call that was made, with every answer that was had to it. */
export type Made = { text: string; key: string | undefined; outcomes: Outcome[] }

/** Callers that make one call after the other until they are stopped. */
export type Load = {
  readonly made: readonly Made[]
  /** Calls that were answered OK so far. */
  readonly answered: number
  /** Resolves when that many more calls were answered OK. */
  more(answers: number): Promise<void>
  /** Resolves when the last calls have ended. */
  stop(): Promise<void>
}

/**
 * Starts `callers` callers, spread over the clients; every second one sends an idempotency key, and repeats a call that may
 * go on until it has its end. The rest let go of what failed. With `submits`, every third submits an operation under a key, and waits.
 */
export function startLoad(
  clients: readonly DeedClient[],
  callers: number,
  name: string,
  { submits = false } = {},
): Load {
  const made: Made[] = []
  let answered = 0
  let stopped = false
  let waiting: { until: number; resolve: () => void }[] = []

  const once = async (call: Made, client: DeedClient, next: (() => DeedClient) | undefined) => {
    const { text, key } = call
    const outcome = next && key !== undefined ? await submitEcho(next, text, key) : await client.echo(text, key)
    call.outcomes.push(outcome)
    if (outcome.code === status.OK) answered++
    for (const { until, resolve } of waiting) if (answered >= until) resolve()
    waiting = waiting.filter(({ until }) => answered < until)
    return outcome
  }
  const caller = async (index: number) => {
    const submitted = submits && index % 3 === 2
    for (let n = 0; !stopped; n++) {
      const text = `${name} ${index} ${n}`
      const call: Made = {
        text,
        key: index % 2 === 0 || submitted ? text.replaceAll(' ', '-') : undefined,
        outcomes: [],
      }
      made.push(call)
      for (let turn = index; ; turn++) {
        const client = clients[turn % clients.length]
        if (!client) throw new Error('no client')
        let asked = turn
        const next = submitted ? () => clients[asked++ % clients.length] ?? client : undefined
        const { code } = await once(call, client, next)
        if (call.key === undefined || !mayGoOn(code) || stopped) break
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
  const running = Array.from({ length: callers }, (_, index) => caller(index))
  return {
    made,
    get answered() {
      return answered
    },
    more: (answers) => new Promise((resolve) => waiting.push({ until: answered + answers, resolve })),
    async stop() {
      stopped = true
      await Promise.all(running)
    },
  }
}

/** Whether the operation may go on under its key after this: nobody said how it ended. */
export function mayGoOn(code: status): boolean {
  return code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED
}

/**
 * What the promises of Deed rule out, in words: an answer that is not stored as it was given; a key with two ends; a
 * repeated call that is not answered with the stored bytes. Repeats every call that had a key.
 */
export async function broken(made: readonly Made[], client: DeedClient): Promise<string[]> {
  const faults: string[] = []
  const keyed = made.filter((call) => call.key !== undefined)
  await eachOf(keyed, 32, async (call) => {
    const again = await client.echo(call.text, call.key)
    call.outcomes.push(again)
    if (mayGoOn(again.code)) faults.push(`${call.key} has no end: ${again.reason}`)
    else if (!again.replayed && call.outcomes.slice(0, -1).some(({ code }) => !mayGoOn(code)))
      faults.push(`${call.key} was forgotten`)
  })
  const stored = await client.list()
  for (const { text, key, outcomes } of made) {
    const ends = outcomes.filter(({ code }) => !mayGoOn(code))
    if (new Set(ends.map(({ code, bytes, operation }) => `${code} ${bytes?.toString('hex')} ${operation}`)).size > 1) {
      faults.push(
        `${key} has two ends: ${ends.map(({ code, bytes }) => `${status[code]} ${textOf(bytes)}`).join(', ')}`,
      )
    }
    for (const { code, bytes, operation, reason } of ends) {
      // Given back in a drain: the caller is told before it is stored.
      if (reason === 'REPLICA_LOST' && operation === undefined && key === undefined) continue
      const result = stored.get(operation ?? '')?.result
      const storedCode = result?.$case === 'error' ? result.value.code : 0
      const same = result?.$case === 'response' ? bytes?.equals(result.value.value) : code === storedCode
      if (!result || !same)
        faults.push(`${text}: ${status[code]} ${textOf(bytes)} (${reason}) is not what ${operation} has stored`)
    }
  }
  return faults
}

/** Does something with each, at most `atOnce` at a time. */
async function eachOf<T>(items: readonly T[], atOnce: number, task: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const work = async () => {
    for (const item of left) await task(item)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
