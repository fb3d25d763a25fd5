import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { built, isBuilt, type Layout } from './proto-folder.ts'
import { nearest } from './text.ts'

/** A place that buf finds fault with: a laid out file, and where in it. */
type Place = { file: string; line?: number; column?: number; cause: string }

/**
 * What to say of an import that buf did not find, with what to do about it; undefined when that is not what it says. Paths in
 * imports start at the folder, or at the modules of its buf.yaml. `work` is where the folder was laid out.
 */
export async function missingImport(place: Place, layout: Layout, work: string): Promise<string | undefined> {
  const { file, line = 1, column = 1, cause } = place
  if (!/import.*does not exist/.test(cause)) return undefined
  const lines = (await readFile(join(work, file), 'utf8')).split('\n').slice(line - 1)
  const statement = [lines[0]?.slice(column - 1), ...lines.slice(1)].join('\n')
  const [, name] = /^[^"']*["']([^"'\n]+)["']/.exec(statement) ?? []
  if (name === undefined) return undefined
  const there = [...layout.keys()].filter(isBuilt).map((path) => path.slice(built.length + 1))
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
