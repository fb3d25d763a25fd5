import { estimatedUsage } from './estimate.ts'
import { type CompletionEvent, type CompletionRequest, ModelError, NO_USAGE, type Usage } from './provider.ts'
import type { Stop } from './stop.ts'

/** No contract's answer is near this size (a response is 4 MiB at most); a model that goes on and on is stopped here. */
const MAX_ANSWER_CHARS = 8 * 1024 * 1024

/** What is known of a completion when it has ended, and what it consumed. */
export type Outcome = {
  end:
    | { kind: 'complete' | 'refused'; text: string }
    /** `limit`: what it was cut off at, in words. */
    | { kind: 'truncated'; text: string; limit: string }
    | { kind: 'failed'; error: ModelError }
    /** `asked`: unless the signal fired before a vendor could hear of it. */
    | { kind: 'aborted'; asked: boolean }
  usage: Usage
  /** Some of its tokens are an estimate (estimate.ts): it was broken off, or the vendor told of none. */
  usageEstimated: boolean
  /** The vendor's id of its request, for its support; empty when there is none. */
  providerRequestId: string
}

/** Takes the text as it comes; nothing more is asked of the provider before it resolves. False: no more is wanted. */
export type OnText = (text: string) => Promise<boolean>

/** Gathers what a provider streams, until it ends or is stopped. Throws what `onText` throws, and for bugs. */
export async function gather(
  stream: AsyncIterable<CompletionEvent>,
  request: CompletionRequest,
  stop: Stop,
  onText?: OnText,
): Promise<Outcome> {
  const parts: string[] = []
  let size = 0
  const events = stream[Symbol.asyncIterator]()
  let open = false
  try {
    for (;;) {
      open = false
      const { done, value: event } = await stop.orLeft(events.next())
      if (done) throw new ModelError('unavailable', 'the provider cut its answer off')
      open = true
      if (event.kind === 'end') return ended(event, request, parts)
      if (stop.cause?.kind === 'truncated') throw new Error('the provider does not listen')
      stop.begun()
      parts.push(event.text)
      size += event.text.length
      // Stopped rather than left, so that the provider says what it has used.
      if (onText && !(await stop.orAborted(onText(event.text)))) stop.because({ kind: 'aborted' })
      if (size > MAX_ANSWER_CHARS) stop.because({ kind: 'truncated' })
    }
  } catch (thrown) {
    return brokenOff(thrown, request, parts, stop)
  } finally {
    // One that was left would not close either.
    if (open) await events.return?.()
  }
}

function ended(
  { stop, usage, providerRequestId }: Extract<CompletionEvent, { kind: 'end' }>,
  request: CompletionRequest,
  parts: readonly string[],
): Outcome {
  const told = Object.values(usage).some((tokens) => tokens > 0)
  const counted = told ? { usage, usageEstimated: false } : estimatedUsage(request, usage, parts)
  const text = parts.join('')
  const limit = `max_output_tokens (${request.maxOutputTokens})`
  return {
    end: stop === 'truncated' ? { kind: stop, text, limit } : { kind: stop, text },
    ...counted,
    providerRequestId,
  }
}

/** Why it was stopped comes before what the provider made of that. */
function brokenOff(thrown: unknown, request: CompletionRequest, parts: readonly string[], { cause }: Stop): Outcome {
  const error = thrown instanceof ModelError ? thrown : undefined
  const counted = estimatedUsage(request, error?.usage ?? NO_USAGE, parts)
  const known = { ...counted, providerRequestId: error?.providerRequestId ?? '' }
  switch (cause?.kind) {
    case 'aborted':
      return { end: { kind: 'aborted', asked: true }, ...known }
    case 'truncated':
      return { end: { kind: 'truncated', text: parts.join(''), limit: `${MAX_ANSWER_CHARS} characters` }, ...known }
    case 'late':
      return {
        end: { kind: 'failed', error: new ModelError('unavailable', cause.message, { cause: thrown }) },
        ...known,
      }
    default:
      if (!error) throw thrown
      return { end: { kind: 'failed', error }, ...known }
  }
}
