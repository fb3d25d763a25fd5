import type { FakeScript } from './fake-vendor.ts'

/** What vendors do, by name. */
export const misbehaviours = {
  '400': { status: 400 },
  '401': { status: 401 },
  '403': { status: 403 },
  '404': { status: 404 },
  '408': { status: 408 },
  '409': { status: 409 },
  '413': { status: 413 },
  '429': { status: 429 },
  '429 with retry-after': { status: 429, headers: { 'retry-after': '1' } },
  '500': { status: 500 },
  '529': { status: 529 },
  'hang before headers': { hang: true },
  'hang after headers': { hang: 'after headers' },
  'hang in mid-answer': { hang: 'in mid-answer' },
  'cut in mid-JSON': { cut: 'connection', cutIn: 'json' },
  'cut in mid-event': { cut: 'connection', cutIn: 'event' },
  'cut in mid-UTF-8': { cut: 'connection', cutIn: 'utf-8' },
  'clean end in mid-JSON': { cut: 'body', cutIn: 'json' },
  'clean end in mid-event': { cut: 'body', cutIn: 'event' },
  'clean end in mid-UTF-8': { cut: 'body', cutIn: 'utf-8' },
  'malformed chunk': { malformed: true },
  'error event': { errorEvent: 'overloaded_error' },
  // Slowly, for whoever leaves in the middle of it.
  'wrong schema': { text: '{"nothing":["of","the","kind"]}', tokenMs: 25 },
  refusal: { stop: 'refusal' },
  'token limit': { stop: 'limit' },
  '50 ms per token': { tokenMs: 50 },
  'answer of 10 MB': { chars: 10 * 1024 * 1024 },
} as const satisfies Record<string, FakeScript>

export type Misbehaviour = keyof typeof misbehaviours

/** Answers the first `times` requests to each model so, and the others `well`. */
export function firstly<R extends { body: { model: string } }, S extends FakeScript>(
  times: number,
  misbehaviour: Misbehaviour,
  well: (request: R) => S,
): (request: R) => S {
  const asked = new Map<string, number>()
  return (request) => {
    const { model } = request.body
    const before = asked.get(model) ?? 0
    asked.set(model, before + 1)
    return before < times ? { ...well(request), ...misbehaviours[misbehaviour] } : well(request)
  }
}
