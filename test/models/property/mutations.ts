import { type DescField, getOption, hasOption, ScalarType } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence as Presence } from '@bufbuild/protobuf/wkt'
import {
  field as fieldRules,
  Ignore,
  oneof as oneofRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Holder, Place } from './places.ts'
import { scalarOf, wrongValues } from './wrong-values.ts'

/** Makes `holder[key]` another value; without one it takes it away. */
export type Change = { holder: Holder; key: string | number; value?: unknown }

/** Changes of which each alone makes a valid answer one that must not be accepted. */
export type Mutation = { name: string; changes: (place: Place) => Change[]; by?: 'schema' }

/** In the text of an answer: the key `{name}` once more. */
export const again = (name: string): string => `@@again@@${name}`

export const mutations: readonly Mutation[] = [
  ...wrongValues.map(([name, wrong]) => ({ name, changes: (place: Place) => valuesOf(place, wrong) })),
  {
    name: 'wrong type of a list or map',
    changes: ({ kind, holder, key }) =>
      kind === 'list' || kind === 'map' ? ['x', 5, true].map((value) => ({ holder, key, value })) : [],
  },
  {
    name: 'unknown field',
    changes: (place) => (place.kind === 'message' ? [{ holder: place.object, key: 'noSuchField', value: null }] : []),
  },
  {
    name: 'missing required',
    changes: (place) =>
      place.kind === 'value' && place.within === 'message' && mustBeSet(place.field)
        ? [{ holder: place.holder, key: place.key }]
        : [],
  },
  {
    name: 'missing in spite of the schema',
    by: 'schema',
    changes: (place) => {
      if (place.kind !== 'message' || !place.schema) return []
      return (place.schema.required ?? []).map((key) => ({ holder: place.object, key }))
    },
  },
  {
    name: 'two of a oneof',
    changes: (place) => {
      if (place.kind !== 'value' || place.within !== 'message' || !place.field.oneof) return []
      const others = place.field.oneof.fields.filter((other) => other !== place.field)
      return others.flatMap((other) =>
        plausible(other).map((value) => ({ holder: place.holder, key: other.jsonName, value })),
      )
    },
  },
  {
    name: 'null among items and values',
    changes: (place) => {
      if (place.kind !== 'value' || place.within === 'message' || takesNull(place.field)) return []
      return [{ holder: place.holder, key: place.key, value: null }]
    },
  },
  {
    name: 'map key of the wrong type',
    changes: (place) =>
      entriesOf(place).flatMap((holder) => wrongKeys(place).map((value) => ({ holder, key: 'key', value }))),
  },
  {
    name: 'more in a map entry',
    changes: (place) => entriesOf(place).map((holder) => ({ holder, key: 'note', value: null })),
  },
  {
    name: 'less in a map entry',
    changes: (place) => entriesOf(place).flatMap((holder) => ['key', 'value'].map((key) => ({ holder, key }))),
  },
  {
    name: 'map key given twice',
    changes: (place) =>
      place.kind === 'map' && place.entries.length > 0
        ? [{ ...place, value: [...place.entries, place.entries[0]] }]
        : [],
  },
  {
    name: 'field given twice',
    changes: (place) => {
      if (place.kind !== 'message') return []
      const names = Object.keys(place.object).filter((name) => /^\w+$/.test(name))
      return names.map((name) => ({ holder: place.object, key: again(name), value: place.object[name] }))
    },
  },
  {
    name: 'field given under both names',
    changes: (place) => {
      if (place.kind === 'message' || ('within' in place && place.within !== 'message')) return []
      const { name, jsonName } = place.field
      return name === jsonName ? [] : [{ holder: place.holder, key: name, value: place.holder[place.key] }]
    },
  },
]

function valuesOf(place: Place, wrong: (field: DescField) => unknown[]): Change[] {
  if (place.kind !== 'value') return []
  return wrong(place.field).map((value) => ({ holder: place.holder, key: place.key, value }))
}

function mustBeSet(field: DescField): boolean {
  const { required, ignore } = getOption(field, fieldRules)
  if (field.presence === Presence.LEGACY_REQUIRED || (required && ignore !== Ignore.ALWAYS)) return true
  return field.oneof !== undefined && hasOption(field.oneof, oneofRules) && getOption(field.oneof, oneofRules).required
}

function takesNull({ message, enum: type }: DescField): boolean {
  return message?.typeName === 'google.protobuf.Value' || type?.typeName === 'google.protobuf.NullValue'
}

/** A value in the form that a field has, though not one that keeps its rules. */
function plausible(field: DescField): unknown[] {
  const scalar = scalarOf(field)
  if (field.enum) return field.enum.typeName === 'google.protobuf.NullValue' ? [null] : [field.enum.values[0]?.name]
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return ['']
  if (scalar === ScalarType.BOOL) return [false]
  return scalar === undefined ? ['{}'] : [0]
}

function entriesOf(place: Place): Holder[] {
  return place.kind === 'map' ? place.entries : []
}

function wrongKeys(place: Place): unknown[] {
  if (place.kind !== 'map') return []
  if (place.field.mapKey === ScalarType.STRING) return [7, null, true, {}, 'a\ud800']
  if (place.field.mapKey === ScalarType.BOOL) return ['yes', '', 1, null, 'True']
  return ['x', '', '1.5', 1.5, null, true, '1e3', 2 ** 53, '99999999999999999999']
}
