import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'

/**
 * A file of `inputs/`: a request in protobuf's JSON mapping, and the method that it is for. Beside it stands what a person
 * would answer, as far as there is only one right answer: `NAME.expected.json`.
 */
export type Input = { name: string; method: string; request: unknown; expected: unknown }

/** All inputs in order of their file names. Throws when one is not as it should be. */
export async function readInputs(): Promise<Input[]> {
  const folder = new URL('../inputs/', import.meta.url)
  const files = (await readdir(folder)).filter((file) => /(?<!\.expected)\.json$/.test(file)).toSorted()
  return Promise.all(
    files.map(async (file) => {
      const { method, request } = JSON.parse(await readFile(new URL(file, folder), 'utf8'))
      if (typeof method !== 'string') throw new Error(`inputs/${file} names no method`)
      const name = basename(file, '.json')
      const expected: unknown = JSON.parse(await readFile(new URL(`${name}.expected.json`, folder), 'utf8'))
      return { name, method, request, expected }
    }),
  )
}
