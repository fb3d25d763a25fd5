import { type DescMessage, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf'
import type { Evidence } from './evidence.ts'
import { fits } from './fits.ts'
import { nearest } from './found.ts'
import { labelsFor } from './labels.ts'
import type { Label } from './lines.ts'
import { readScalar } from './scalars.ts'
import type { Wanted } from './wanted.ts'
import { stems } from './words.ts'

const ANY_TIME = stems('time date timestamp at on day when')
const ANY_DURATION = stems('duration time length long period spent estimated')

type Read = (wanted: Wanted, holder: readonly string[], evidence: Evidence) => JsonValue | undefined

/** How the messages of google.protobuf that have a JSON form of their own are read; FieldMask, Value, ListValue, Any are not. */
const READERS: Readonly<Record<string, Read>> = {
  Timestamp: ({ words, field }, _holder, evidence) => {
    const which = evidence.part === 'value' ? [] : words.filter((word) => !ANY_TIME.has(word))
    return nearest(evidence.text, evidence.dates(), which, ({ instant }) => fits(evidence.method, field, instant))
      ?.instant
  },
  Duration: ({ words, field }, _holder, evidence) => {
    const which = evidence.part === 'value' ? [] : words.filter((word) => !ANY_DURATION.has(word))
    const seconds = nearest(evidence.text, evidence.durations(), which, (value) =>
      fits(evidence.method, field, `${value}s`),
    )
    return seconds === undefined ? undefined : `${seconds}s`
  },
  Struct: (wanted, _holder, evidence) => structOf(labelsFor(wanted, evidence)),
  DoubleValue: scalar(ScalarType.DOUBLE),
  FloatValue: scalar(ScalarType.FLOAT),
  Int64Value: scalar(ScalarType.INT64),
  UInt64Value: scalar(ScalarType.UINT64),
  Int32Value: scalar(ScalarType.INT32),
  UInt32Value: scalar(ScalarType.UINT32),
  BoolValue: scalar(ScalarType.BOOL),
  StringValue: scalar(ScalarType.STRING),
}

function scalar(type: ScalarType): Read {
  return (wanted, holder, evidence) => readScalar(type, wanted, holder, evidence)
}

/** Reads a message of google.protobuf with a JSON form of its own. */
export function readWellKnown(
  desc: DescMessage,
  wanted: Wanted,
  holder: readonly string[],
  evidence: Evidence,
): JsonValue | undefined {
  return READERS[desc.name]?.(wanted, holder, evidence)
}

/** The first of each key. */
function structOf(labels: readonly Label[]): JsonObject | undefined {
  if (labels.length === 0) return undefined
  return Object.fromEntries(labels.toReversed().map(({ key, value }) => [key, value]))
}
