import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { type CompletionEvent, type CompletionRequest, ModelError, type Provider } from '../provider.ts'
import { type Ending, type Recording, readCassette } from './cassette-file.ts'

export type CassetteOptions = { mode: 'record' | 'replay'; file: string }

/** Stands before providers, and adds what they stream to a file. */
export type Recorder = AsyncDisposable & { recorded(name: string, provider: Provider): Provider }

/** Opens a file, which need not be there yet. Throws an Error of one line when it cannot be written, or is none of ours. */
export async function openRecorder(file: string): Promise<Recorder> {
  const handle = await openToAdd(file)
  try {
    await readCassette(file)
    await endLine(handle)
  } catch (error) {
    await handle.close()
    throw error
  }
  let last = Promise.resolve()
  // One after the other: two long lines written at once may end up in each other.
  const append = (recording: Recording): Promise<void> => {
    const written = last.then(() => handle.appendFile(`${JSON.stringify(recording)}\n`))
    last = written.catch(() => {})
    return written
  }
  return {
    recorded: (name, provider) => recorded(name, provider, file, append),
    [Symbol.asyncDispose]: async () => {
      await last
      await handle.close()
    },
  }
}

/**
 * Makes providers that answer with what was recorded of those of their name, and never go out. Throws an Error of one line
 * that says where the file is wrong.
 */
export async function openReplay(file: string): Promise<(name: string) => Provider> {
  const recordings = Map.groupBy(await readCassette(file), ({ request }) => request)
  return (name) => (request, signal) => replay({ file, recordings }, name, request, signal)
}

async function openToAdd(file: string): Promise<FileHandle> {
  try {
    // Answers are as confidential as their requests.
    return await open(file, 'a+', 0o600)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unwritable'
    throw new Error(`cannot write the cassette ${file} (${code}): check DEED_CASSETTE_FILE`, { cause })
  }
}

/** The last line may have lost its end in an editor. */
async function endLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat()
  if (size === 0) return
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  if (buffer.toString() !== '\n') await handle.appendFile('\n')
}

/** What was cut off by the caller's signal is not recorded: the provider did not end it. */
function recorded(
  name: string,
  provider: Provider,
  file: string,
  append: (recording: Recording) => Promise<void>,
): Provider {
  return async function* (request, signal): AsyncGenerator<CompletionEvent> {
    const start = { request: fingerprint(name, request), model: `${name}/${request.model}`, method: methodOf(request) }
    const text: string[] = []
    const keep = async (end: Ending) => {
      try {
        await append({ ...start, text, ...end })
      } catch (cause) {
        throw new ModelError('misconfigured', `the cassette ${file} cannot be written`, { cause })
      }
    }
    for await (const event of failing(provider(request, signal), signal, (error) => keep({ error: storable(error) }))) {
      if (event.kind === 'text') text.push(event.text)
      else await keep({ stop: event.stop, usage: event.usage, providerRequestId: event.providerRequestId })
      yield event
    }
  }
}

/** Tells of the failure of a provider before it is thrown, unless it is the caller who gave up. */
async function* failing(
  events: AsyncIterable<CompletionEvent>,
  signal: AbortSignal,
  tell: (error: ModelError) => Promise<void>,
): AsyncGenerator<CompletionEvent> {
  try {
    yield* events
  } catch (error) {
    if (error instanceof ModelError && !signal.aborted) await tell(error)
    throw error
  }
}

type Deck = {
  file: string
  /** By request, in the order of their recording; the last one is answered again and again. */
  recordings: ReadonlyMap<string, Recording[]>
}

async function* replay(
  { file, recordings }: Deck,
  name: string,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<CompletionEvent> {
  const key = fingerprint(name, request)
  const rest = recordings.get(key) ?? []
  const found = rest.length > 1 ? rest.shift() : rest[0]
  if (!found) {
    throw new ModelError('unrecorded', `the cassette ${file} has no answer to request ${key} of ${methodOf(request)}`)
  }
  for (const text of found.text) {
    signal.throwIfAborted()
    yield { kind: 'text', text }
  }
  if ('error' in found) throw new ModelError(found.error.kind, found.error.message, found.error)
  const { stop, usage, providerRequestId } = found
  yield { kind: 'end', stop, usage, providerRequestId }
}

/**
 * SHA-256 over all that decides what a model answers: everything in the request but the message behind the turns and the
 * trace. No key or header of a vendor is part of a request.
 */
function fingerprint(
  provider: string,
  { method: _, request: __, headers: ___, turns, ...rest }: CompletionRequest,
): string {
  const said = turns.map(({ role, text }) => [role, text])
  const set = Object.entries(rest).filter(([, value]) => value !== undefined)
  const others = set.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([provider, said, others]))
    .digest('hex')
}

function methodOf({ method }: CompletionRequest): string {
  return method.path.slice(1)
}

/** Without the cause, which is the vendor's. */
function storable({ kind, message, retryAfterMs, usage, providerRequestId }: ModelError) {
  return {
    kind,
    message,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(usage !== undefined && { usage }),
    ...(providerRequestId !== undefined && { providerRequestId }),
  }
}
