import type { Context } from '@opentelemetry/api'
import { describe, noteSkip, startSpan, traceHeaders } from './completion-span.ts'
import { gather, type OnText, type Outcome } from './gather.ts'
import { type CompletionRequest, type ModelError, NO_USAGE, splitModel } from './provider.ts'
import type { Verdict } from './routing/breaker.ts'
import type { Model } from './routing/model.ts'
import { Stop } from './stop.ts'

/** One completion, whatever became of it. */
export type Completion = Omit<Outcome, 'end'> & {
  /** `skipped`: not asked for, since the model's breaker is open or one of its limits reached. No vendor heard of it. */
  end: Outcome['end'] | { kind: 'skipped'; error: ModelError }
  startTimeMs: number
  latencyMs: number
}

/** What is asked for; the rest of a CompletionRequest is the model's. */
type Asked = Omit<CompletionRequest, 'model' | 'headers' | 'dialect'>

/**
 * Asks a model once, if its breaker and limits let it, and gathers what it streams, in a span of the gen_ai semantic
 * conventions that never holds content. `last`: there is no other model to ask, so it waits a little for a place under the
 * limits. Throws what `onText` throws, else only for bugs: how it ended is in the result. A completion of which no more was wanted
 * ends as `aborted`.
 */
export async function complete(
  model: Model,
  request: Asked,
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
    // Until it is known, or the repair of an answer to a probe would find the breaker open.
    await admission.end(completion ? verdictOf(completion.end) : 'none', completion && tokensOf(completion))
  }
}

const NOTHING_USED = { usage: NO_USAGE, usageEstimated: false, providerRequestId: '' }

async function admit(model: Model, request: Asked, signal: AbortSignal, last: boolean) {
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
  request: Asked,
  context: Context,
  signal: AbortSignal,
  onText?: OnText,
): Promise<Completion> {
  const [providerName, name] = splitModel(model.name)
  const startTimeMs = Date.now()
  const started = performance.now()
  if (signal.aborted) return { end: { kind: 'aborted', asked: false }, ...NOTHING_USED, startTimeMs, latencyMs: 0 }
  const span = startSpan(providerName, name, request.maxOutputTokens, context)
  span.setAttribute('deed.breaker', model.breaker.state)
  try {
    const asked = { ...request, model: name, dialect: model.dialect, headers: traceHeaders(span, context) }
    using stop = new Stop(signal, model.timeouts)
    const outcome = await gather(model.provider(asked, stop.signal), asked, stop, onText)
    describe(span, outcome)
    return { ...outcome, startTimeMs, latencyMs: Math.round(performance.now() - started) }
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
  if (end.kind === 'aborted' && end.asked) return undefined
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
}
