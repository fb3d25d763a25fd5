import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Method } from '../../../src/contracts/method.ts'
import { responseSchema } from '../../../src/models/schema.ts'

const formats: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  email: /^[^@\s]+@[^@\s]+$/,
  hostname: /^[a-z0-9-]+(\.[a-z0-9-]+)*$/,
  ipv4: /^\d+(\.\d+){3}$/,
  ipv6: /^[0-9a-f:]+$/,
  uri: /^[a-z]+:\S+$/,
  uuid: /^[0-9a-f-]{36}$/,
}

const ajv = new Ajv2020({ strict: false, ownProperties: true, formats: { ...formats }, validateSchema: false })

/** What decides whether a value has the form that a model is asked for, as a vendor's structured outputs would. */
export function schemaCheck(method: Method): ValidateFunction {
  const schema = responseSchema(method)
  const check = ajv.compile(schema)
  // It would keep every schema that it ever compiled.
  ajv.removeSchema(schema)
  return check
}
