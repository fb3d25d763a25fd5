import { built, type Layout } from './proto-folder.ts'
import { nearest } from './text.ts'

/**
 * What to say of an import that buf did not find, with what to do about it; undefined when that is not what it says. Paths in
 * imports start at the folder, or at the modules of its buf.yaml.
 */
export function missingImport(cause: string, layout: Layout): string | undefined {
  const [, name] = /^import "([^"]+)": file does not exist/.exec(cause) ?? []
  if (name === undefined) return undefined
  const there = [...layout.keys()]
    .filter((place) => place.startsWith(`${built}/`))
    .map((place) => place.slice(built.length + 1))
  const base = (path: string) => path.slice(path.lastIndexOf('/') + 1)
  const meant = there.find((path) => base(path) === base(name)) ?? nearest(name, [...there, ...usual])
  const advice =
    meant === undefined
      ? 'put it into the folder, or drop the import; Deed brings along buf/validate, deed/v1/annotations.proto and google/{api,longrunning,protobuf,rpc,type}'
      : `did you mean "${meant}"?`
  return `imports "${name}", which is not there: ${advice}`
}

/** What contracts import most of what Deed brings along. */
const usual = [
  'buf/validate/validate.proto',
  'deed/v1/annotations.proto',
  'google/protobuf/timestamp.proto',
  'google/protobuf/duration.proto',
  'google/protobuf/struct.proto',
  'google/protobuf/wrappers.proto',
  'google/protobuf/any.proto',
  'google/protobuf/empty.proto',
  'google/protobuf/field_mask.proto',
  'google/type/money.proto',
  'google/type/date.proto',
]
