import type { FakeScript } from './fake-vendor.ts'
import { fillSchema } from './fill-schema.ts'

/** Characters of a token; more or less what they are in English. */
const tokenChars = 4
/** Of one event, when an answer is long. */
const longPartChars = 16 * 1024

/** The answer that a script asks for. `schema`: what the request wants of an answer of which the script says nothing. */
export function answerOf({ text, json, chars, stop }: FakeScript, schema: unknown): string {
  const whole = text ?? JSON.stringify(json ?? fillSchema(schema))
  const long = chars === undefined ? whole : whole.replace(/:"/, (start) => start + filler(chars - whole.length))
  return stop === 'limit' ? (partsOf(long, false)[0] ?? '') : long
}

function filler(chars: number): string {
  return 'ten million '.repeat(Math.ceil(chars / 12)).slice(0, chars)
}

/** An answer in the parts in which it is streamed: its tokens, or two halves, or more when it is long. Characters stay whole. */
export function partsOf(text: string, byToken: boolean): string[] {
  const size = byToken ? tokenChars : Math.min(Math.ceil(text.length / 2), longPartChars)
  const parts: string[] = []
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + size, text.length)
    if (isHighSurrogate(text.charCodeAt(to - 1))) to++
    parts.push(text.slice(from, to))
    from = to
  }
  return parts
}

/** What is sent of an event before it is cut: nothing, half of it, or all up to the middle of a character of several bytes. */
export function pieceOf(event: string, cutIn: 'json' | 'event' | 'utf-8'): Buffer {
  const bytes = Buffer.from(event)
  if (cutIn === 'json') return bytes.subarray(0, 0)
  if (cutIn === 'event') return bytes.subarray(0, bytes.length / 2)
  const lead = bytes.findIndex((byte) => byte >= 0xc0)
  if (lead < 0) throw new Error('the second half of the answer has no character of several bytes')
  return bytes.subarray(0, lead + 1)
}

/** What is shorter, in tokens, is not cached. */
export const cachedFrom = 1024

/** As vendors count, more or less. */
export function tokensOf(text: string): number {
  return Math.ceil(text.length / tokenChars)
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}
