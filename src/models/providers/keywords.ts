import type { Provider } from '../provider.ts'
import { once } from './keywords/lazy.ts'

/** Loaded by the first call: a server that answers with another model needs none of it. */
const rooms = once(() => Promise.all([import('./keywords/evidence.ts'), import('./keywords/fill.ts')]))

/**
 * `local/keywords`: fills the response from the request by the rules of docs/models.md. No network, no key, no weights, and
 * the same answer each time, so a repair changes nothing. Fields without evidence are left unset; whether the contract
 * allows that is for the validation to say. A stream has an item for each row of a table or line of a list in the request, and
 * else one. Usage counts words: those of the text looked at, and those of the answer.
 */
export const keywords: Provider = async function* ({ method, request, itemsBefore = 0 }, signal) {
  signal.throwIfAborted()
  const [{ evidenceOf }, { Filler }] = await rooms()
  const evidence = evidenceOf(method, request)
  const filler = new Filler(method)
  const answer =
    method.shape === 'server_streaming'
      ? { items: filler.items(evidence).slice(itemsBefore) }
      : filler.response(evidence)
  const text = JSON.stringify(answer)
  yield { kind: 'text', text }
  const usage = {
    inputTokens: countWords(evidence.text),
    outputTokens: countWords(text),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
  }
  yield { kind: 'end', stop: 'complete', usage, providerRequestId: '' }
}

function countWords(text: string): number {
  return text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0
}
