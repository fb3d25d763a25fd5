import {
  type Context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { estimatedUsage } from './estimate.ts'
import { type CompletionRequest, ModelError, NO_USAGE, type Provider, splitModel, type Usage } from './provider.ts'
import type { Verdict } from './routing/breaker.ts'
import type { Model } from './routing/model.ts'

/** No contract's answer is near this size (a response is 4 MiB at most); a model that goes on and on is stopped here. */
const MAX_ANSWER_CHARS = 8 * 1024 * 1024

/** One completion, whatever became of it. */
export type Completion = {
  end:
    | { kind: 'complete' | 'truncated' | 'refused'; text: string }
    | { kind: 'failed'; error: ModelError }
    /** `asked`: unless the signal fired before a vendor could hear of it. */
    | { kind: 'aborted'; asked: boolean }
    /** Not asked for: the model's breaker is open, or one of its limits reached. No vendor heard of it. */
    | { kind: 'skipped'; error: ModelError }
  usage: Usage
  /** It was broken off, and some of its tokens are an estimate (estimate.ts). */
  usageEstimated: boolean
  /** The vendor's id of its request, for its support; empty when there is none. */
  providerRequestId: string
  startTimeMs: number
  latencyMs: number
}

/** Takes the text as it comes; nothing more is asked of the provider before it resolves. False: no more is wanted. */
export type OnText = (text: string) => Promise<boolean>

/**
 * Asks a model once, if its breaker and limits let it, and gathers what it streams, in a span of the gen_ai semantic
 * conventions that never holds content. `last`: there is no other model to ask, so it waits a little for a place under the
 * limits. Throws what `onText` throws, else only for bugs: how it ended is in the result. A completion of which no more was wanted
 * ends as `aborted`.
 */
export async function complete(
  model: Model,
  request: Omit<CompletionRequest, 'model' | 'headers' | 'dialect'>,
  context: Context,
  signal: AbortSignal,
  last: boolean,
  onText?: OnText,
): Promise<Completion> {
  const started = performance.now()
  const startTimeMs = Date.now()
  const admission = await admit(model, request, signal, last)
  if (admission.kind !== 'admitted') {
    if (admission.kind === 'skipped') noteSkip(context, model, admission.error)
    const latencyMs = Math.round(performance.now() - started)
    return { end: admission, ...NOTHING_USED, startTimeMs, latencyMs }
  }
  let completion: Completion | undefined
  try {
    completion = await ask(model, request, context, signal, onText)
    return completion
  } finally {
    admission.end(completion ? verdictOf(completion.end) : 'none', completion && tokensOf(completion))
  }
}

async function admit(model: Model, request: Parameters<Model['admit']>[0], signal: AbortSignal, last: boolean) {
  try {
    signal.throwIfAborted()
    return await model.admit(request, signal, last)
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' as const, asked: false }
    throw error
  }
}

async function ask(
  model: Model,
  request: Omit<CompletionRequest, 'model' | 'headers' | 'dialect'>,
  context: Context,
  signal: AbortSignal,
  onText?: OnText,
): Promise<Completion> {
  const [providerName, name] = splitModel(model.name)
  const span = startSpan(providerName, name, request.maxOutputTokens, context)
  span.setAttribute('deed.breaker', model.breaker.state)
  const startTimeMs = Date.now()
  const started = performance.now()
  try {
    const asked = { ...request, model: name, headers: traceHeaders(span, context) }
    const parts: string[] = []
    // Aborted rather than left, so that the provider says what it has used.
    const enough = new AbortController()
    const either = onText ? AbortSignal.any([signal, enough.signal]) : signal
    using stopped = whenAborted(either, () => ({ ...estimatedUsage(asked, NO_USAGE, parts), providerRequestId: '' }))
    const take = onText && (async (text: string) => (await onText(text)) || enough.abort())
    const gathered = gather(model.complete, asked, parts, either, take)
    const outcome = await Promise.race([gathered, stopped.outcome])
    const completion = { ...outcome, startTimeMs, latencyMs: Math.round(performance.now() - started) }
    describe(span, completion)
    return completion
  } finally {
    span.end()
  }
}

/** What an end says of whether the model can be had: one that refuses or is set up wrongly is there. */
function verdictOf(end: Completion['end']): Verdict {
  if (end.kind === 'aborted') return 'none'
  return end.kind === 'failed' && end.error.kind === 'unavailable' ? 'unavailable' : 'available'
}

/** What of a limit of tokens was used; undefined when that is not known. */
function tokensOf({ end, usage }: Completion): number | undefined {
  if (end.kind === 'aborted') return undefined
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
}

/** There is no span of a completion that was not asked for: the caller's own says why. */
function noteSkip(context: Context, model: Model, error: ModelError): void {
  const attributes = { 'deed.model': model.name, 'deed.breaker': model.breaker.state, 'deed.reason': error.message }
  trace.getSpan(context)?.addEvent('deed.model.skipped', attributes)
}

type Known = Pick<Completion, 'usage' | 'usageEstimated' | 'providerRequestId'>
type Outcome = Known & Pick<Completion, 'end'>

const NOTHING_USED: Known = { usage: NO_USAGE, usageEstimated: false, providerRequestId: '' }

/** How long after the signal a provider may take to end, and to tell what it knows of the usage. */
const lastWordMs = 250

/** A provider that does not listen to its signal must not hold the attempt. */
function whenAborted(signal: AbortSignal, known: () => Known): { outcome: Promise<Outcome> } & Disposable {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  let timer: NodeJS.Timeout | undefined
  const end = () => {
    timer = setTimeout(() => resolve({ end: { kind: 'aborted', asked: true }, ...known() }), lastWordMs)
  }
  signal.addEventListener('abort', end, { once: true })
  return {
    outcome: promise,
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
    },
  }
}

/** `parts` gets the text as it arrives; nothing more is asked for before `take` has it. */
async function gather(
  provider: Provider,
  request: CompletionRequest,
  parts: string[],
  signal: AbortSignal,
  take?: (text: string) => Promise<unknown>,
): Promise<Outcome> {
  let size = 0
  // Told to stop rather than left, so that the provider says what it has used.
  const tooLong = new AbortController()
  const truncated = () => ({ kind: 'truncated' as const, text: parts.join('') })
  if (signal.aborted) return { end: { kind: 'aborted', asked: false }, ...NOTHING_USED }
  try {
    for await (const event of provider(request, AbortSignal.any([signal, tooLong.signal]))) {
      if (event.kind === 'end') {
        const { stop, usage, providerRequestId } = event
        return { end: { kind: stop, text: parts.join('') }, usage, usageEstimated: false, providerRequestId }
      }
      // It did not listen.
      if (tooLong.signal.aborted)
        return { end: truncated(), ...estimatedUsage(request, NO_USAGE, parts), providerRequestId: '' }
      parts.push(event.text)
      size += event.text.length
      if (take) await take(event.text)
      if (size > MAX_ANSWER_CHARS) tooLong.abort()
    }
    throw new ModelError('unavailable', 'the provider cut its answer off')
  } catch (thrown) {
    const error = thrown instanceof ModelError ? thrown : undefined
    const usage = estimatedUsage(request, error?.usage ?? NO_USAGE, parts)
    const known = { ...usage, providerRequestId: error?.providerRequestId ?? '' }
    if (signal.aborted) return { end: { kind: 'aborted', asked: true }, ...known }
    if (tooLong.signal.aborted) return { end: truncated(), ...known }
    if (!error) throw thrown
    return { end: { kind: 'failed', error }, ...known }
  }
}

function startSpan(providerName: string, name: string, maxTokens: number, context: Context): Span {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': providerName,
    'gen_ai.request.model': name,
    'gen_ai.request.max_tokens': maxTokens,
    'gen_ai.output.type': 'json',
  }
  return trace.getTracer('deed').startSpan(`chat ${name}`, { kind: SpanKind.CLIENT, attributes }, context)
}

/** By the conventions, `input_tokens` counts cached ones too. */
function describe(span: Span, { end, usage }: Completion): void {
  if (!span.isRecording()) return
  span.setAttributes({
    'gen_ai.usage.input_tokens': usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cacheReadTokens,
    'gen_ai.usage.cache_creation.input_tokens': usage.cacheWriteTokens,
  })
  if (end.kind === 'failed') {
    span.setAttribute('error.type', end.error.kind)
    span.setStatus({ code: SpanStatusCode.ERROR, message: end.error.message })
  } else if (end.kind === 'aborted' || end.kind === 'skipped') {
    span.setAttribute('error.type', 'aborted')
    span.setStatus({ code: SpanStatusCode.ERROR })
  } else {
    span.setAttribute('gen_ai.response.finish_reasons', [end.kind])
  }
}

/** Without an OpenTelemetry SDK no propagator is registered, but a caller's trace still has to reach the vendor. */
function traceHeaders(span: Span, context: Context): Record<string, string> {
  const headers: Record<string, string> = {}
  if (!isSpanContextValid(span.spanContext())) return headers
  propagation.inject(trace.setSpan(context, span), headers)
  const { traceId, spanId, traceFlags, traceState } = span.spanContext()
  if (headers['traceparent'] !== undefined) return headers
  headers['traceparent'] = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  const state = traceState?.serialize()
  if (state) headers['tracestate'] = state
  return headers
}
