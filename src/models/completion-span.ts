import {
  type Context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Outcome } from './gather.ts'
import type { ModelError } from './provider.ts'
import type { Model } from './routing/model.ts'

/** The span of a completion by the gen_ai semantic conventions. It never holds content. */
export function startSpan(providerName: string, name: string, maxTokens: number, context: Context): Span {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': providerName,
    'gen_ai.request.model': name,
    'gen_ai.request.max_tokens': maxTokens,
    'gen_ai.output.type': 'json',
  }
  return trace.getTracer('deed').startSpan(`chat ${name}`, { kind: SpanKind.CLIENT, attributes }, context)
}

/** How it ended. By the conventions, `input_tokens` counts cached ones too. */
export function describe(span: Span, { end, usage }: Outcome): void {
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
export function traceHeaders(span: Span, context: Context): Record<string, string> {
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

/** There is no span of a completion that was not asked for: the caller's own says why. */
export function noteSkip(context: Context, model: Model, error: ModelError): void {
  const attributes = { 'deed.model': model.name, 'deed.breaker': model.breaker.state, 'deed.reason': error.message }
  trace.getSpan(context)?.addEvent('deed.model.skipped', attributes)
}
