import type { Random } from './random.ts'

/** One way in which an output is not what it should be. */
export type Mutation = (text: string, random: Random) => string

/** By name. Each takes the JSON text of an answer, or what an earlier one made of it. */
export const mutations: Readonly<Record<string, Mutation>> = {
  truncated: (text, random) => text.slice(0, random.whole(0, text.length)),
  'bytes flipped': (text, random) => {
    const bytes = Buffer.from(text)
    for (let n = random.whole(1, 3); n > 0 && bytes.length > 0; n--)
      bytes[random.whole(0, bytes.length - 1)] = random.whole(0, 255)
    return bytes.toString()
  },
  'tokens swapped': (text, random) => {
    const all = tokens(text)
    const [a, b] = [random.whole(0, all.length - 1), random.whole(0, all.length - 1)]
    return all.map((token, index) => (index === a ? all[b] : index === b ? all[a] : token)).join('')
  },
  'a token lost': (text, random) => inPlaceOf(text, isAny, () => '', random),
  'a key twice': (text, random) => {
    const [pair] = /"[^"\\]*":(?:"[^"\\]*"|-?\d+|true|false)/.exec(text) ?? []
    if (pair === undefined) return text
    const again = random.chance(0.5) ? pair : pair.replace(/:.*$/s, ':null')
    return text.replace(pair, () => `${pair},${again}`)
  },
  'deep nesting': (text, random) => {
    const levels = random.pick([5, 99, 101, 200, 2_000])
    const [open, close] = random.pick([['[', ']'] as const, ['{"child":', '}'] as const])
    return inPlaceOf(text, isValue, (value) => `${open.repeat(levels)}${value}${close.repeat(levels)}`, random)
  },
  'another number': (text, random) =>
    inPlaceOf(text, isValue, () => random.pick(numbers), random).replace(/"(-?\d+)"/, (whole, digits) =>
      random.chance(0.3) ? `"${digits}${'0'.repeat(random.whole(1, 30))}"` : whole,
    ),
  'a lone surrogate': (text, random) =>
    inPlaceOf(
      text,
      isString,
      () => random.pick(['"\\ud800"', '"\\udc00\\ud800"', `"${'\ud83d'}"`, '"ok \\udfff"']),
      random,
    ),
  'not a number': (text, random) =>
    inPlaceOf(
      text,
      isValue,
      () => random.pick(['NaN', 'Infinity', '"NaN"', '"Infinity"', '"-Infinity"', '-Infinity']),
      random,
    ),
  'another type': (text, random) =>
    inPlaceOf(
      text,
      isValue,
      () => random.pick(['null', 'true', '"true"', '[]', '{}', '""', '1', '"x"', '[null]']),
      random,
    ),
  'another name': (text, random) =>
    inPlaceOf(
      text,
      isString,
      (value) => random.pick(['"__proto__"', '"toString"', '"@type"', `${value.slice(0, -1)}_"`]),
      random,
    ),
  'a code fence': (text, random) =>
    random.pick([`\`\`\`json\n${text}\n\`\`\``, `\`\`\`\n${text}\n\`\`\`\n`, `\`\`\`json\n${text}`]),
  'prose around': (text, random) =>
    random.pick([
      `Here is the answer:\n${text}`,
      `${text}\nI hope this helps!`,
      `<thinking>{}</thinking>${text}`,
      `${text}${text}`,
    ]),
  'other unicode': (text, random) => {
    const odd = random.pick(['\ufeff', '\u200b', '\u00a0', '\u2028', '\0', '“', '：', '\u202e', '1\u0301', '💥'])
    const at = random.whole(0, text.length)
    return text.slice(0, at) + odd + text.slice(at)
  },
  'a string of 1 MB': (text, random) =>
    inPlaceOf(text, isString, () => `"${random.pick(['x', 'é', '\\n', '[{']).repeat(1024 * 1024)}"`, random),
}

const numbers = [
  '1e400 -1e400 9223372036854775807 9223372036854775808 -9223372036854775809 18446744073709551616 4294967296 -2147483649',
  '-0 -0.0 0.1 1.0 1e0 1E+2 5e-324 3.5e38 01 .5 1. +1 0x10 1_000 9007199254740993 1e309 123456789012345678901234567890',
].flatMap((line) => line.split(' '))

/** The tokens of JSON text, white space included; what is none is taken by the character. */
function tokens(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|\s+|./gs) ?? []
}

/** Puts something else in place of one token that fits. */
function inPlaceOf(
  text: string,
  fits: (token: string, next: string) => boolean,
  make: (token: string) => string,
  random: Random,
) {
  const all = tokens(text)
  const places = all.flatMap((token, index) => (fits(token, all[index + 1] ?? '') ? [index] : []))
  if (places.length === 0) return text
  const place = random.pick(places)
  return all.map((token, index) => (index === place ? make(token) : token)).join('')
}

const isAny = (token: string) => token.trim() !== ''
const isString = (token: string) => token.startsWith('"')
const isValue = (token: string, next: string) => /^["\dtfn-]/.test(token) && next !== ':'
