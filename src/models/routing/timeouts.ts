import { type CompletionEvent, type CompletionRequest, ModelError, type Provider } from '../provider.ts'

export type Timeouts = { firstTokenMs: number; completionMs: number }

/** How long a provider may take to end after it was told to; it knows what was consumed. */
const GRACE_MS = 1_000

/**
 * The provider, bounded in time: until the model begins to write, and in all. What takes longer ends as `unavailable`, with the
 * usage that the provider knew by then. The signal is the attempt's own and comes first.
 */
export function withTimeouts(provider: Provider, { firstTokenMs, completionMs }: Timeouts): Provider {
  return async function* (request, signal) {
    const controller = new AbortController()
    const waiting: Waiting = { give: () => {} }
    let reason = ''
    let grace: NodeJS.Timeout | undefined
    const expire = (what: string) => () => {
      if (reason !== '') return
      reason = what
      controller.abort(new Error(what))
      grace = setTimeout(() => waiting.give(new ModelError('unavailable', what)), GRACE_MS)
    }
    const whole = setTimeout(expire(`it did not finish within ${completionMs / 1_000} s`), completionMs)
    const first = setTimeout(expire(`it wrote nothing within ${firstTokenMs / 1_000} s`), firstTokenMs)
    // They must not keep a process that has nothing else to do.
    for (const timer of [whole, first]) timer.unref()
    try {
      for await (const event of follow(provider, request, AbortSignal.any([signal, controller.signal]), waiting)) {
        clearTimeout(first)
        yield event
      }
    } catch (error) {
      throw reason === '' || signal.aborted ? error : expired(reason, error)
    } finally {
      for (const timer of [whole, first, grace]) clearTimeout(timer)
    }
  }
}

/** `give` ends the wait for the next event with an error. */
type Waiting = { give: (error: Error) => void }

/** The provider's events; one that does not listen to its signal is left behind. */
async function* follow(
  provider: Provider,
  request: CompletionRequest,
  signal: AbortSignal,
  waiting: Waiting,
): AsyncGenerator<CompletionEvent> {
  const events = provider(request, signal)[Symbol.asyncIterator]()
  const next = () =>
    // Not a race with one promise for all events: that would gather a reaction for each.
    new Promise<IteratorResult<CompletionEvent>>((resolve, reject) => {
      waiting.give = reject
      events.next().then(resolve, reject)
    })
  let open = true
  try {
    for (;;) {
      open = false
      const { done, value } = await next()
      if (done) return
      open = true
      yield value
    }
  } finally {
    // A consumer that has enough lets the provider close its connection.
    if (open) await events.return?.()
  }
}

function expired(reason: string, error: unknown): ModelError {
  const { usage, providerRequestId } = error instanceof ModelError ? error : {}
  return new ModelError('unavailable', reason, {
    ...(usage && { usage }),
    ...(providerRequestId !== undefined && { providerRequestId }),
    cause: error,
  })
}
