import { type DescMessage, fromJsonString, type Registry, toBinary } from '@bufbuild/protobuf'
import { jsonFaults } from '../contracts/json/faults.ts'
import { Failure, misuse } from './failure.ts'
import { nearest } from './text.ts'

/** The bytes of a message from its JSON. Throws a Failure (wrong usage) that says where the text is wrong, or each field. */
export function encodeJson(desc: DescMessage, text: string, registry: Registry): Buffer {
  const value = parseJson(text)
  try {
    return Buffer.from(toBinary(desc, fromJsonString(desc, text, { registry })))
  } catch (error) {
    const faults = jsonFaults(desc, value)
    const lines = faults.map(({ field, description }) => {
      const text = advised(desc, field, description)
      return field === '' ? text : `${field}: ${text}`
    })
    // The parser stops at the first fault, but knows some that the list does not, such as a key that is given twice.
    const first = error instanceof Error ? error.message.replace(/^cannot decode (message )?/, '') : String(error)
    throw new Failure(`the request is not a ${desc.typeName}`, {
      exitCode: 2,
      lines: lines.length > 0 ? lines : [first],
      hint: lines.some((line) => /did you mean|it has/.test(line)) ? undefined : fieldsHint,
      json: { violations: faults.map(({ field, description }) => ({ field, description })) },
    })
  }
}

const fieldsHint = '"npx deed contract show CONTRACT" shows its fields'
const shownFields = 8

/** An unknown field with the one that was likely meant, or with those that there are. */
function advised(desc: DescMessage, path: string, description: string): string {
  const [, quoted] = /^has no field ("(?:[^"\\]|\\.)*")$/.exec(description) ?? []
  const message = quoted === undefined ? undefined : messageAt(desc, path)
  if (quoted === undefined || !message) return description
  const names = message.fields.map(({ jsonName }) => jsonName)
  const meant = nearest(JSON.parse(quoted), names)
  if (meant !== undefined) return `${description}, did you mean ${JSON.stringify(meant)}?`
  const more = names.length > shownFields ? ', …' : ''
  return names.length === 0 ? description : `${description}; it has ${names.slice(0, shownFields).join(', ')}${more}`
}

/** The message that a path such as `items[0].price` leads to. Keys of maps may hold dots. */
function messageAt(desc: DescMessage, path: string): DescMessage | undefined {
  const names = path.replace(/\[(?:"(?:[^"\\]|\\.)*"|[^\]]*)\]/g, '').split('.')
  return names.reduce<DescMessage | undefined>(
    (message, name) => (name === '' ? message : message?.fields.find((field) => field.name === name)?.message),
    desc,
  )
}

function parseJson(text: string): unknown {
  let rounded: string | undefined
  const notice = (_: string, value: unknown, context?: { source?: string }) => {
    const source = context?.source ?? ''
    if (typeof value === 'number' && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)) rounded ??= source
    return value
  }
  try {
    const value: unknown = JSON.parse(text, notice)
    if (rounded === undefined) return value
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const before = text.slice(0, faultAt(text, message)).split('\n')
    const place = `line ${before.length} column ${(before.at(-1)?.length ?? 0) + 1}`
    throw misuse(
      `the request is not JSON: ${causeOf(message)} at ${place}`,
      'quote it for the shell: -d \'{"name": "value"}\'',
    )
  }
  throw misuse(`the request has a number that JSON rounds: write it as a string, "${rounded}"`)
}

/** V8's words without its place and its excerpt, which can span lines. */
function causeOf(message: string): string {
  const [cause = message] =
    /^Unexpected token .+?(?=, )|^.*?(?= in JSON at position| JSON input|$)/s.exec(message) ?? []
  return cause
}

/** V8 names the place of most faults, but not that of an unexpected token: then it is where a longer prefix gets no better. */
function faultAt(text: string, message: string): number {
  const position = / at position (\d+)/.exec(message)?.[1]
  if (position !== undefined) return Number(position)
  let [good, bad] = [0, text.length]
  if (!message.startsWith('Unexpected token')) return bad
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (hasUnexpectedToken(text.slice(0, middle))) bad = middle
    else good = middle
  }
  return good
}

function hasUnexpectedToken(prefix: string): boolean {
  try {
    JSON.parse(prefix)
    return false
  } catch (error) {
    return error instanceof Error && error.message.startsWith('Unexpected token')
  }
}
