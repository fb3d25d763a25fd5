import { type DescField, type DescMessage, type DescOneof, ScalarType } from '@bufbuild/protobuf'
import type { FieldViolation } from '../../errors/deed-error.ts'
import { redacted } from '../redact.ts'
import { maxDepth } from '../well-formed.ts'
import { enumFault, scalarFault, textFault } from './scalar.ts'
import { isObject, wellKnownCheck } from './well-known.ts'

/**
 * Everything that keeps a JSON value from being a message in protobuf's JSON mapping, where protobuf-es stops at the first thing
 * and does not say in which item of a list. Stricter than it: no undefined enum numbers, no dates that do not exist, no integers that
 * JSON has rounded. `field` is a protobuf path; no description quotes a value.
 */
export function jsonFaults(desc: DescMessage, value: unknown): FieldViolation[] {
  const violations: FieldViolation[] = []
  checkMessage(desc, value, { path: '', depth: 1, hidden: false, violations })
  return violations
}

/** A place in the answer. Below a redacted field, `hidden` keeps what a map's keys or unknown names say out of the path. */
type Place = { path: string; depth: number; hidden: boolean; violations: FieldViolation[] }

function refuse({ path, violations }: Place, description: string | undefined): void {
  if (description !== undefined) violations.push({ field: path, description, reason: 'json' })
}

function checkMessage(desc: DescMessage, value: unknown, place: Place): void {
  const check = wellKnownCheck(desc)
  if (check) refuse(place, check(value))
  else if (place.depth > maxDepth) refuse(place, `messages must not be nested deeper than ${maxDepth}`)
  else if (isObject(value)) checkMembers(desc, value, place)
  else refuse(place, 'must be an object')
}

function checkMembers(desc: DescMessage, object: Readonly<Record<string, unknown>>, place: Place): void {
  const fields = fieldsByKey(desc)
  const seen = new Set<DescField>()
  const members = new Map<DescOneof, string[]>()
  for (const [key, value] of Object.entries(object)) {
    const field = fields.get(key)
    if (!field) {
      refuse(place, place.hidden ? 'has an unknown field' : `has no field ${JSON.stringify(key.toWellFormed())}`)
      continue
    }
    if (seen.has(field)) refuse(place, `${field.name} is given twice`)
    seen.add(field)
    // protobuf-es takes a null for a member that is set, unless it is a scalar.
    if (field.oneof && (value !== null || field.fieldKind !== 'scalar')) {
      members.set(field.oneof, [...(members.get(field.oneof) ?? []), field.name])
    }
    checkField(field, value, within(place, field))
  }
  for (const [oneof, names] of members) {
    if (names.length > 1) refuse(place, `only one of ${names.join(', ')} may be given, as ${oneof.name}`)
  }
}

function within(place: Place, field: DescField): Place {
  const path = place.path === '' ? field.name : `${place.path}.${field.name}`
  return { ...place, path, hidden: place.hidden || redacted(field) }
}

function checkField(field: DescField, value: unknown, place: Place): void {
  if (field.fieldKind === 'list') checkList(field, value, place)
  else if (field.fieldKind === 'map') checkMap(field, value, place)
  else if (value !== null || takesNull(field)) checkOne(field, value, place)
}

function checkList(field: DescField, value: unknown, place: Place): void {
  if (value === null) return
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkItem(field, item, { ...place, path: `${place.path}[${index}]` })
  } else {
    refuse(place, 'must be an array')
  }
}

function checkMap(field: DescField & { fieldKind: 'map' }, value: unknown, place: Place): void {
  if (value === null) return
  if (!isObject(value)) {
    refuse(place, 'must be an object')
    return
  }
  for (const [key, item] of Object.entries(value)) {
    const name = field.mapKey === ScalarType.STRING ? JSON.stringify(key.toWellFormed()) : key
    const fault = keyFault(field.mapKey, key)
    if (fault !== undefined) refuse(place, `has a key that ${fault}`)
    checkItem(field, item, place.hidden ? place : { ...place, path: `${place.path}[${name}]` })
  }
}

function checkItem(field: DescField, value: unknown, place: Place): void {
  if (value === null && !takesNull(field)) refuse(place, 'must not be null')
  else checkOne(field, value, place)
}

function checkOne(field: DescField, value: unknown, place: Place): void {
  if (field.message) checkMessage(field.message, value, { ...place, depth: place.depth + 1 })
  else if (field.enum) refuse(place, enumFault(field.enum, value))
  else if (field.scalar) refuse(place, scalarFault(field.scalar, value))
}

/** Everywhere else null says that a field is not set. */
function takesNull({ message, enum: type }: DescField): boolean {
  return message?.typeName === 'google.protobuf.Value' || type?.typeName === 'google.protobuf.NullValue'
}

function keyFault(type: ScalarType, key: string): string | undefined {
  if (type === ScalarType.STRING) return textFault(key)
  if (type === ScalarType.BOOL) return key === 'true' || key === 'false' ? undefined : 'must be true or false'
  return scalarFault(type, key)
}

const keys = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>()

function fieldsByKey(desc: DescMessage): ReadonlyMap<string, DescField> {
  const known = keys.get(desc)
  if (known) return known
  const fields = new Map(
    desc.fields.flatMap((field) => [field.name, field.jsonName].map((key) => [key, field] as const)),
  )
  keys.set(desc, fields)
  return fields
}
