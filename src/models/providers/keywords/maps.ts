import { type DescField, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import { isWellKnown } from '../../schema.ts'
import { chooseEnum } from './enums.ts'
import type { Evidence } from './evidence.ts'
import { fittingEntries } from './fits.ts'
import { labelsFor } from './labels.ts'
import { numberJson } from './numbers.ts'
import { readScalar } from './scalars.ts'
import type { Wanted } from './wanted.ts'
import { readWellKnown } from './well-known.ts'

type MapField = DescField & { fieldKind: 'map' }

/** A map out of `Key: value` lines, without those whose key or value its types do not hold. Messages are not read. */
export function readMap(field: MapField, wanted: Wanted, evidence: Evidence): JsonObject | undefined {
  const read = new Map<string, JsonValue>()
  for (const { key, value } of labelsFor(wanted, evidence)) {
    const name = keyJson(field.mapKey, key)
    if (name === undefined || read.has(name)) continue
    const json = readValue(field, wanted, evidence.within('value', value))
    if (json !== undefined) read.set(name, json)
  }
  const entries = fittingEntries(evidence.method, field, [...read])
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function keyJson(type: ScalarType, key: string): string | undefined {
  if (type === ScalarType.STRING) return key
  if (type === ScalarType.BOOL || !/^\d{1,20}$/.test(key)) return undefined
  return numberJson(type, { negative: false, whole: key, fraction: '' })?.toString()
}

function readValue(field: MapField, wanted: Wanted, evidence: Evidence): JsonValue | undefined {
  switch (field.mapKind) {
    case 'scalar':
      // Its form is not looked for: what the map's name says is said of all its values.
      return field.scalar === ScalarType.STRING ? evidence.text : readScalar(field.scalar, wanted, [], evidence)
    case 'enum':
      return chooseEnum(wanted, field.enum, evidence)
    case 'message':
      return isWellKnown(field.message) ? readWellKnown(field.message, wanted, [], evidence) : undefined
  }
}
