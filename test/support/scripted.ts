import { setTimeout as delay } from 'node:timers/promises'
import type { CompletionEvent, CompletionRequest, Provider, Providers } from '../../src/models/provider.ts'
import { NO_USAGE } from '../../src/models/provider.ts'

/** What a scripted model does: answers with a text, or runs. */
export type Script = (request: CompletionRequest, signal: AbortSignal) => Promise<string> | string

/** An in-process provider `test`, for what is about everything but the vendor. Counts its completions. */
export function scripted(script: Script): { providers: Providers; calls: () => number } {
  let calls = 0
  const provider: Provider = async function* (request, signal): AsyncGenerator<CompletionEvent> {
    calls++
    const text = await script(request, signal)
    signal.throwIfAborted()
    yield { kind: 'text', text }
    yield {
      kind: 'end',
      stop: 'complete',
      usage: { ...NO_USAGE, inputTokens: 10, outputTokens: 5 },
      providerRequestId: '',
    }
  }
  return { providers: new Map([['test', provider]]), calls: () => calls }
}

/** The same for a model whose text comes in parts: a part is asked for when what was made of the one before is done with. */
export function streamed(
  script: (request: CompletionRequest, signal: AbortSignal) => AsyncIterable<string>,
  stop: () => 'complete' | 'truncated' = () => 'complete',
): { providers: Providers; calls: () => number } {
  let calls = 0
  const provider: Provider = async function* (request, signal): AsyncGenerator<CompletionEvent> {
    calls++
    for await (const text of script(request, signal)) {
      signal.throwIfAborted()
      yield { kind: 'text', text }
    }
    const usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 5 }
    yield { kind: 'end', stop: stop(), usage, providerRequestId: '' }
  }
  return { providers: new Map([['test', provider]]), calls: () => calls }
}

/** A model that takes its time and stops when it is told to. */
export async function answerAfter(ms: number, text: string, signal: AbortSignal): Promise<string> {
  await delay(ms, undefined, { signal })
  return text
}

/** A promise with its handles: what a test waits for instead of sleeping. */
export function gate<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>()
}
