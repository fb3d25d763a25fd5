import { fromJson, type JsonValue, type Message, toBinary } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { jsonFaults } from '../../contracts/json/faults.ts'
import type { Method } from '../../contracts/method.ts'
import { validateMessage } from '../../contracts/violations.ts'
import { DeedError, type FieldViolation } from '../../errors/deed-error.ts'

/**
 * A method's request from protobuf's JSON mapping, with its wire format. Throws REQUEST_INVALID with every violation, of the mapping
 * or of the contract's rules; `at` is the field that held the JSON.
 */
export function requestFromJson(method: Method, json: JsonValue, at: string): { message: Message; bytes: Uint8Array } {
  const { input, registry, validator } = method
  refuse(method, at, jsonFaults(input, json), 'is not in the JSON mapping of')
  const message = decode(method, json, at)
  refuse(method, at, validateMessage(validator, input, message), 'breaks rules of')
  return { message, bytes: toBinary(input, message, { writeUnknownFields: false }) }

  function decode(of: Method, value: JsonValue, field: string): Message {
    try {
      return fromJson(input, value, { registry })
    } catch {
      // What the list of faults does not know, such as a type of an Any, protobuf-es says with the value in it.
      const description = 'has a value that protobuf cannot read'
      throw refusal(of, [{ field, description }], 'is not in the JSON mapping of')
    }
  }
}

function refuse(method: Method, at: string, violations: readonly FieldViolation[], what: string): void {
  if (violations.length === 0) return
  const placed = violations.map((violation) => ({
    ...violation,
    field: [at, violation.field].filter(Boolean).join('.'),
  }))
  throw refusal(method, placed, what)
}

function refusal({ input }: Method, fieldViolations: readonly FieldViolation[], what: string): DeedError {
  const message = `the request ${what} ${input.typeName}`
  return new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', message, { fieldViolations })
}
