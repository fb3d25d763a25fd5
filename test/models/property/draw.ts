import fc, { type GeneratorValue, type JsonValue } from 'fast-check'

/** What is random in a property: fast-check decides it, so that a failure can be repeated by its seed and made smaller. */
export type Draw = {
  whole(min: number, max: number): number
  big(min: bigint, max: bigint): bigint
  chance(percent: number): boolean
  pick<T>(items: readonly T[]): T
  /** Text of `min` to `max` code points, of any kind. */
  text(min: number, max: number): string
  bytes(min: number, max: number): Uint8Array
  json(): JsonValue
}

export function drawFrom(g: GeneratorValue): Draw {
  const whole = (min: number, max: number) => g(fc.integer, { min, max })
  return {
    whole,
    big: (min, max) => g(fc.bigInt, { min, max }),
    chance: (percent) => whole(0, 99) < percent,
    pick<T>(items: readonly T[]): T {
      const item = items[whole(0, items.length - 1)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    text: (min, max) => g(texts, min, max),
    bytes: (min, max) => g(fc.uint8Array, { minLength: min, maxLength: max }),
    json: () => g(jsons),
  }
}

const odd = ['\0', '"', '\\', '\u2028', 'é', '😀', '\u{10ffff}', '`', '\n']

function texts(min: number, max: number) {
  const unit = fc.oneof(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }), fc.constantFrom(...odd))
  return fc.array(unit, { minLength: min, maxLength: max }).map((parts) => parts.join(''))
}

/** JSON is numbers, text that looks like other JSON, odd keys, and what holds them. No -0: JSON.stringify writes it as 0. */
function jsons() {
  const number = fc
    .oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
    .map((value) => value + 0 || 0)
  const text = fc.oneof(fc.constantFrom('', '12', 'null', '{"a":1}', '[', '"', 'plain words'), texts(0, 5))
  const leaf = fc.oneof(number, text, fc.boolean(), fc.constant(null))
  const key = fc.oneof(fc.constantFrom('__proto__', 'constructor', '', '@type', 'a b'), texts(0, 3))
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
    ),
  }))
  return value
}
