import type { DescField, JsonValue, Registry } from '@bufbuild/protobuf'
import type { Evidence } from './evidence.ts'
import { isGeneric, jsonOf } from './request.ts'
import type { Wanted } from './wanted.ts'

/**
 * The value of the request's field that a field stands for: one that its comment names in backquotes, else one of the same
 * name and type. A list also takes the distinct values of a single field that its comment names, wherever it occurs.
 */
export function copied(
  wanted: Wanted,
  holder: string,
  { entries }: Evidence,
  registry: Registry,
): JsonValue | undefined {
  const { field, sources } = wanted
  for (const source of sources) {
    const named = entries.filter((entry) => entry.field.name === source)
    const whole = named.find((entry) => entry.single && sameType(entry.field, field))
    if (whole) return jsonOf(whole, registry)
    const elements = named.filter((entry) => field.fieldKind === 'list' && isElement(entry.field, field))
    if (elements.length > 0) return distinct(elements.map((entry) => jsonOf(entry, registry)))
  }
  const same = entries.find((entry) => {
    if (!entry.single || entry.field.name !== field.name || !sameType(entry.field, field)) return false
    return entry.holder === holder || !isGeneric(field)
  })
  return same && jsonOf(same, registry)
}

function sameType(a: DescField, b: DescField): boolean {
  if (a.fieldKind === 'map') return b.fieldKind === 'map' && a.mapKey === b.mapKey && sameValue(a, b)
  return a.fieldKind === b.fieldKind && sameValue(a, b)
}

function isElement(single: DescField, list: DescField): boolean {
  return single.fieldKind !== 'list' && single.fieldKind !== 'map' && sameValue(single, list)
}

function sameValue(a: DescField, b: DescField): boolean {
  return a.scalar === b.scalar && a.message?.typeName === b.message?.typeName && a.enum?.typeName === b.enum?.typeName
}

function distinct(values: readonly (JsonValue | undefined)[]): JsonValue[] {
  const byText = new Map(
    values.flatMap((value) => (value === undefined ? [] : [[JSON.stringify(value), value] as const])),
  )
  return [...byText.values()]
}
