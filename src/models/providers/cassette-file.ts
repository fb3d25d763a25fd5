import { readFile } from 'node:fs/promises'
import type { ModelErrorKind, Usage } from '../provider.ts'
import { tokenCount } from './token-count.ts'

/** A recorded completion: one line of a cassette, as JSON. */
export type Recording = {
  /** SHA-256 in hex of all that the model was given (see cassette.ts). */
  request: string
  /** `provider/name` */
  model: string
  /** `acme.support.v1.TicketService/TriageTicket` */
  method: string
  /** The text of the answer, in the parts in which it came. */
  text: string[]
} & Ending

export type Ending =
  | { stop: (typeof stops)[number]; usage: Usage; providerRequestId: string }
  | {
      error: { kind: ModelErrorKind; message: string; retryAfterMs?: number; usage?: Usage; providerRequestId?: string }
    }

const stops = ['complete', 'truncated', 'refused'] as const
const kinds: readonly unknown[] = ['unavailable', 'misconfigured', 'rejected'] satisfies ModelErrorKind[]

/** Reads a cassette. Throws an Error of one line that names the file, and the line that is none of a cassette. */
export async function readCassette(file: string): Promise<Recording[]> {
  const lines = (await text(file)).split('\n')
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return []
    const recording = parsed(line)
    if (isRecording(recording)) return [recording]
    throw new Error(`${file}:${index + 1}: is no line of a cassette: take it out, or record the file again`)
  })
}

async function text(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new Error(`cannot read the cassette ${file} (${code}): check DEED_CASSETTE_FILE`, { cause: error })
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isRecording(value: unknown): value is Recording {
  if (!isObject(value) || !['request', 'model', 'method'].every((name) => typeof value[name] === 'string')) return false
  if (!Array.isArray(value['text']) || !value['text'].every((part) => typeof part === 'string')) return false
  const { error, stop, usage, providerRequestId } = value
  if (error === undefined) {
    return stops.some((each) => each === stop) && isUsage(usage) && typeof providerRequestId === 'string'
  }
  return isObject(error) && isError(error)
}

function isError({ kind, message, retryAfterMs, usage, providerRequestId }: Record<string, unknown>): boolean {
  if (!kinds.includes(kind) || typeof message !== 'string') return false
  if (retryAfterMs !== undefined && !isCount(retryAfterMs)) return false
  if (providerRequestId !== undefined && typeof providerRequestId !== 'string') return false
  return usage === undefined || isUsage(usage)
}

function isUsage(value: unknown): boolean {
  const names = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens']
  return isObject(value) && names.every((name) => isCount(value[name]))
}

function isCount(value: unknown): boolean {
  return tokenCount(value, -1) >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
