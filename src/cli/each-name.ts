import { Failure } from './failure.ts'
import { operationName } from './names.ts'

/** As many are asked about at once. */
const atOnce = 100

/**
 * Does something about each operation that is named, many at once, and prints what that returned in the order of the names.
 * One that fails keeps none of the others from it; at the end, a Failure says which failed.
 */
export async function forEachName(texts: readonly string[], act: (name: string) => Promise<() => void>): Promise<void> {
  const names = [...new Set(texts.map(operationName))]
  const failures: Failure[] = []
  for (let from = 0; from < names.length; from += atOnce) {
    const started = names.slice(from, from + atOnce).map((name) => act(name))
    for (const settled of started) settled.catch(() => {})
    for (const settled of started) {
      try {
        const print = await settled
        print()
      } catch (error) {
        if (!(error instanceof Failure) || error.message === 'interrupted') throw error
        failures.push(error)
      }
    }
  }
  const [first] = failures
  if (!first) return
  // What is wrong with all of them in the same way is said once, such as a server that is away.
  if (names.length === 1 || failures.every(({ message }) => message === first.message)) throw first
  throw new Failure(`${failures.length} of ${names.length} did not work out`, {
    lines: failures.map(({ message, hint }) => (hint === undefined ? message : `${message} — ${hint}`)),
    json: { failures: failures.map(({ message, json }) => ({ message, ...json })) },
  })
}
