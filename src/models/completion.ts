import {
  type Context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { type CompletionRequest, ModelError, NO_USAGE, type Provider, type Usage } from './provider.ts'

/** No contract's answer is near this size (a response is 4 MiB at most); a model that goes on and on is stopped here. */
const MAX_ANSWER_CHARS = 16 * 1024 * 1024

/** One completion, whatever became of it. */
export type Completion = {
  end:
    | { kind: 'complete' | 'truncated' | 'refused'; text: string }
    | { kind: 'failed'; error: ModelError }
    | { kind: 'aborted' }
  usage: Usage
  /** The vendor's id of its request, for its support; empty when there is none. */
  providerRequestId: string
  startTimeMs: number
  latencyMs: number
}

/**
 * Asks a model once and gathers what it streams, in a span of the gen_ai semantic conventions that never holds content.
 * `model` is `provider/name`. Throws only for bugs: how it ended is in the result.
 */
export async function complete(
  provider: Provider,
  model: string,
  request: Omit<CompletionRequest, 'model' | 'headers'>,
  context: Context,
  signal: AbortSignal,
): Promise<Completion> {
  const [providerName, name] = splitModel(model)
  const span = startSpan(providerName, name, request.maxOutputTokens, context)
  const startTimeMs = Date.now()
  const started = performance.now()
  try {
    using stopped = whenAborted(signal)
    const headers = traceHeaders(span, context)
    const gathered = gather(provider, { ...request, model: name, headers }, signal)
    const outcome = await Promise.race([gathered, stopped.outcome])
    const completion = { ...outcome, startTimeMs, latencyMs: Math.round(performance.now() - started) }
    describe(span, completion)
    return completion
  } finally {
    span.end()
  }
}

/** `provider/name` apart; the name may hold further slashes. */
export function splitModel(model: string): [provider: string, name: string] {
  const slash = model.indexOf('/')
  return [model.slice(0, slash), model.slice(slash + 1)]
}

type Outcome = Pick<Completion, 'end' | 'usage' | 'providerRequestId'>

/** A provider that does not listen to its signal must not hold the attempt. */
function whenAborted(signal: AbortSignal): { outcome: Promise<Outcome> } & Disposable {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  // After the provider's own end, which knows the usage.
  const end = () => setImmediate(resolve, { end: { kind: 'aborted' }, usage: NO_USAGE, providerRequestId: '' })
  signal.addEventListener('abort', end, { once: true })
  return { outcome: promise, [Symbol.dispose]: () => signal.removeEventListener('abort', end) }
}

async function gather(provider: Provider, request: CompletionRequest, signal: AbortSignal): Promise<Outcome> {
  const parts: string[] = []
  let size = 0
  try {
    signal.throwIfAborted()
    for await (const event of provider(request, signal)) {
      if (event.kind === 'end') {
        const { stop, usage, providerRequestId } = event
        return { end: { kind: stop, text: parts.join('') }, usage, providerRequestId }
      }
      parts.push(event.text)
      size += event.text.length
      if (size > MAX_ANSWER_CHARS) {
        return { end: { kind: 'truncated', text: parts.join('') }, usage: NO_USAGE, providerRequestId: '' }
      }
    }
    throw new ModelError('unavailable', 'the provider cut its answer off')
  } catch (thrown) {
    const error = thrown instanceof ModelError ? thrown : undefined
    const known = { usage: error?.usage ?? NO_USAGE, providerRequestId: error?.providerRequestId ?? '' }
    if (signal.aborted) return { end: { kind: 'aborted' }, ...known }
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
  } else if (end.kind === 'aborted') {
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
