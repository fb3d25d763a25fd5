import type { ProviderConfig } from '../config/model-settings.ts'
import type { Provider, Providers } from './provider.ts'
import { createAnthropic } from './providers/anthropic.ts'
import { type CassetteOptions, openRecorder, openReplay } from './providers/cassette.ts'
import { keywords } from './providers/keywords.ts'
import { createOpenAi } from './providers/openai.ts'

export type ProviderOptions = {
  providers: ReadonlyMap<string, ProviderConfig>
  cassette: CassetteOptions | undefined
}

/** The providers of a configuration, until disposed of. Throws an Error of one line when a cassette cannot be used. */
export async function openProviders(options: ProviderOptions): Promise<{ providers: Providers } & AsyncDisposable> {
  const { cassette } = options
  if (cassette?.mode === 'replay') {
    const replayed = await openReplay(cassette.file)
    const providers = new Map(['local', ...options.providers.keys()].map((name) => [name, replayed(name)]))
    return { providers, [Symbol.asyncDispose]: async () => {} }
  }
  const providers = create(options)
  if (!cassette) return { providers, [Symbol.asyncDispose]: async () => {} }
  const recorder = await openRecorder(cassette.file)
  return {
    providers: new Map([...providers].map(([name, provider]) => [name, recorder.recorded(name, provider)])),
    [Symbol.asyncDispose]: () => recorder[Symbol.asyncDispose](),
  }
}

function create(options: ProviderOptions): Providers {
  const providers = new Map<string, Provider>([['local', keywords]])
  for (const [name, provider] of options.providers) {
    providers.set(name, provider.kind === 'anthropic' ? createAnthropic(provider) : createOpenAi(provider))
  }
  return providers
}
