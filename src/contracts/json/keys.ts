import type { JsonValue } from '@bufbuild/protobuf'

/**
 * Whether a JSON text gives a key of an object twice. JSON.parse keeps the last one without a word; protobuf-es has a parser of
 * its own that notices, and takes longer than all else that is done with an answer. `value` is the text, parsed.
 */
export function repeatsKey(text: string, value: JsonValue): boolean {
  return keysInText(text) !== keysInValue(value)
}

/** Strings that are followed by a colon. The text is known to be JSON. */
function keysInText(text: string): number {
  let keys = 0
  let at = text.indexOf('"')
  while (at >= 0) {
    let end = text.indexOf('"', at + 1)
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
    at = end + 1
    while (text.charCodeAt(at) <= 0x20) at++
    if (text[at] === ':') keys++
    at = text.indexOf('"', at)
  }
  return keys
}

function isEscaped(text: string, quote: number): boolean {
  let start = quote
  while (text[start - 1] === '\\') start--
  return (quote - start) % 2 === 1
}

function keysInValue(root: JsonValue): number {
  let keys = 0
  const open: JsonValue[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    const inner = Object.values(value)
    if (!Array.isArray(value)) keys += inner.length
    for (const one of inner) open.push(one)
  }
  return keys
}
