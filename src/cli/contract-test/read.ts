import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Image } from '../../contracts/image.ts'
import type { Method } from '../../contracts/method.ts'
import { Failure } from '../failure.ts'
import { celFaults } from './cel.ts'
import { type Example, readExample, type Untyped } from './example.ts'
import { type Fault, Source } from './source.ts'

/** The examples of a contract's folder, in order of their files. Throws a Failure with all that is wrong with any of them. */
export async function readExamples(
  folder: string,
  image: Image,
  methods: readonly Method[],
  signal: AbortSignal,
): Promise<Example[]> {
  const faults: Fault[] = []
  const untyped: Untyped[] = []
  const read: Example[] = []
  for (const file of await filesOf(folder)) {
    const source = await Source.read(file, signal)
    if (source.faults.length === 0) {
      for (const node of source.items) {
        const example = await readExample(source, node, methods, untyped, signal)
        if (example) read.push(example)
      }
    }
    faults.push(...source.faults)
  }
  faults.push(...(await typeFaults(untyped, image, signal)))
  if (faults.length > 0) throw refusal(faults)
  if (read.length === 0) throw new Failure(`there is no example in ${join(folder, folderName)}`, { hint })
  return read
}

const folderName = 'examples'
const hint = 'write some in a file such as examples/first.yaml, as "npx deed new NAME" does'

async function filesOf(folder: string): Promise<string[]> {
  const path = join(folder, folderName)
  const names = await readdir(path).catch(() => [])
  const files = names.filter((name) => ['.yaml', '.yml'].includes(extname(name))).toSorted()
  return files.map((name) => join(path, name))
}

/** What the compiler cannot tell before it knows the types. */
async function typeFaults(untyped: readonly Untyped[], image: Image, signal: AbortSignal): Promise<Fault[]> {
  const found = await celFaults(image, untyped, signal)
  return untyped.flatMap(({ source, at }, index) => {
    const cause = found.get(index)
    if (cause === undefined) return []
    return [{ file: source.file, ...source.placeOf(at), cause: `cel does not compile: ${cause}` }]
  })
}

function refusal(faults: readonly Fault[]): Failure {
  const sorted = faults.toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column)
  const lines = sorted.map(({ file, line, column, cause }) => `${file}:${line}:${column}: ${cause}`)
  const count = lines.length === 1 ? '1 fault' : `${lines.length} faults`
  return new Failure(`nothing was tested: the examples have ${count}`, { lines, json: { faults: sorted } })
}
