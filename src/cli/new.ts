import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Failure } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { newFiles } from './new-files.ts'
import { newNames } from './new-names.ts'
import type { Output } from './output.ts'
import { pathFailure } from './read-file.ts'
import { shellWord } from './text.ts'

/** `deed new`: a contract to start from, in a folder that is not there yet or is empty. */
export async function newContract(output: Output, path: string): Promise<void> {
  const folder = path.replace(/[/\\]+$/, '')
  const names = newNames(basename(folder))
  const files = newFiles(names, folder)
  await requireEmpty(folder)
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content, { flag: 'wx' })
    }
  } catch (error) {
    throw pathFailure(error, folder, 'write') ?? error
  }
  const quoted = shellWord(folder)
  const next = [
    `npx deed publish ${quoted}`,
    `npx deed call ${names.method} -d ${shellWord(`@${join(folder, 'request.yaml')}`)}`,
  ]
  if (output.json) {
    output.print(jsonLine({ folder, package: names.package, method: names.method, files: Object.keys(files), next }))
    return
  }
  output.print(`wrote ${folder}`)
  for (const name of Object.keys(files)) output.print(`  ${name}`)
  output.print('publish it and call it:')
  for (const line of next) output.print(`  ${line}`)
}

async function requireEmpty(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length > 0) {
      throw new Failure(`${folder} is there already and is not empty`, { hint: 'give another name' })
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code === 'ENOENT') return
    if (error.code === 'ENOTDIR')
      throw new Failure(`${folder} cannot be a folder: a file is in the way`, { hint: 'give another name' })
    throw pathFailure(error, folder) ?? error
  }
}
