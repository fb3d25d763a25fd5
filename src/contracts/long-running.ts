import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  ScalarType,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence, isWrapperDesc } from '@bufbuild/protobuf/wkt'
import { OperationMetadata } from '../../gen/deed/v1/operation.ts'
import type { Any } from '../../gen/google/protobuf/any.ts'
import { wellKnownCheck } from './json/well-known.ts'
import { ownMessage } from './own-image.ts'

/** What only a long-running method has. */
export type LongRunning = {
  /** What is said of an operation, in the type that the contract's `metadata_type` names. */
  metadata(of: OperationMetadata): Any
}

const own = ownMessage('deed.v1.OperationMetadata')
const struct = 'google.protobuf.Struct'

/** For a type that {@link metadataFault} finds nothing wrong with: another may have no message to be written. */
export function longRunning(type: DescMessage): LongRunning {
  const typeUrl = `type.googleapis.com/${type.typeName}`
  if (type.typeName === own.typeName) {
    return { metadata: (of) => ({ typeUrl, value: Buffer.from(OperationMetadata.encode(of).finish()) }) }
  }
  const filled = filledFields(type)
  return {
    metadata(of) {
      const message = fromBinary(own, OperationMetadata.encode(of).finish())
      const all = toJson(own, message, { alwaysEmitImplicit: true }) as JsonObject
      const json = type.typeName === struct ? known(all) : fitting(all, filled)
      return { typeUrl, value: Buffer.from(toBinary(type, fromJson(type, json))) }
    },
  }
}

/** Why the metadata of operations cannot be of this type, and what to name instead; undefined when it can. */
export function metadataFault(type: DescMessage): string | undefined {
  const advice = `name a message with fields, ${struct}, google.protobuf.Empty, or leave metadata_type out`
  const isSpecial = type.typeName === 'google.protobuf.Any' || wellKnownCheck(type) !== undefined
  if (isSpecial && type.typeName !== struct) return `${type.typeName} is no JSON object: ${advice}`
  const filled = filledFields(type)
  // An operation without a result has no settle_time.
  const sure = filled.filter(({ from }) => from.name !== 'settle_time').map(({ to }) => to)
  const lacking = type.fields.find((field) => isRequired(field) && !sure.includes(field))
  return lacking && `${type.typeName} requires ${lacking.name}, which Deed does not always fill: make it optional`
}

type Filled = { from: DescField; to: DescField }

/** The fields of a type that have the name of one of OperationMetadata, and take its values. */
function filledFields(type: DescMessage): Filled[] {
  return own.fields.flatMap((from) => {
    const to = type.fields.find(({ name }) => name === from.name)
    return to && fits(from, to) ? [{ from, to }] : []
  })
}

/** An enum has to have all the names of the states but for that of zero; a string takes what JSON writes as one. */
function fits(from: DescField, to: DescField): boolean {
  if (to.oneof !== undefined || to.fieldKind === 'list' || to.fieldKind === 'map') return false
  if (to.fieldKind === 'enum') {
    const names = new Set(to.enum.values.map(({ jsonName }) => jsonName))
    return from.enum?.values.every(({ number, name }) => number === 0 || names.has(name)) ?? false
  }
  if (from.message !== undefined && from.message.typeName === to.message?.typeName) return true
  const scalar = to.scalar ?? (to.message && isWrapperDesc(to.message) ? to.message.fields[0]?.scalar : undefined)
  if (scalar === undefined) return false
  return from.scalar === ScalarType.UINT32 ? !noNumbers.has(scalar) : scalar === ScalarType.STRING
}

const noNumbers = new Set([ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL])

/** Without the texts that are empty because there is nothing to say yet. */
function known(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== ''))
}

function fitting(json: JsonObject, filled: readonly Filled[]): JsonObject {
  return Object.fromEntries(
    filled.flatMap(({ from, to }) => {
      const value = json[from.jsonName]
      return value === undefined || (value === '' && !isRequired(to)) ? [] : [[to.jsonName, value]]
    }),
  )
}

function isRequired({ presence }: DescField): boolean {
  return presence === FeatureSet_FieldPresence.LEGACY_REQUIRED
}
