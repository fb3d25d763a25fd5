import type { Provider, Providers } from './provider.ts'
import { createAnthropic } from './providers/anthropic.ts'
import { type CassetteOptions, openRecorder, openReplay } from './providers/cassette.ts'
import { keywords } from './providers/keywords.ts'

export type ProviderOptions = {
  anthropic: { apiKey: string; baseUrl: string | undefined } | undefined
  cassette: CassetteOptions | undefined
}

/** The providers of a configuration, until disposed of. Throws an Error of one line when a cassette cannot be used. */
export async function openProviders(options: ProviderOptions): Promise<{ providers: Providers } & AsyncDisposable> {
  const { cassette } = options
  if (cassette?.mode === 'replay') {
    const replayed = await openReplay(cassette.file)
    const providers = new Map(vendors.map((name) => [name, replayed(name)]))
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

/** A replay has the answers of all, whatever keys are set. */
const vendors = ['local', 'anthropic']

function create({ anthropic }: ProviderOptions): Providers {
  const providers = new Map<string, Provider>([['local', keywords]])
  if (anthropic) {
    const { apiKey, baseUrl } = anthropic
    providers.set('anthropic', createAnthropic({ apiKey, ...(baseUrl === undefined ? {} : { baseUrl }) }))
  }
  return providers
}
