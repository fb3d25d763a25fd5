import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { runBuf } from '../../src/contracts/buf.ts'
import { writeCommonImports } from '../../src/contracts/imports.ts'

/** A new folder under the system's temporary one with these files (by path); removed with `await using`. */
export async function folderOf(
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'deed-test-'))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), content)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const compiled = new Map<string, Promise<Buffer>>()

/** Compiles .proto sources (by path) that may import what contracts may: with all imports and source info. Once for each. */
export async function compile(sources: Readonly<Record<string, string>>): Promise<FileDescriptorSet> {
  const key = JSON.stringify(sources)
  const image = compiled.get(key) ?? build(sources)
  compiled.set(key, image)
  return fromBinary(FileDescriptorSetSchema, await image)
}

async function build(sources: Readonly<Record<string, string>>): Promise<Buffer> {
  const modules = [{ path: 'sources' }, { path: 'imports' }]
  await using folder = await folderOf({
    'buf.yaml': JSON.stringify({ version: 'v2', modules }),
    ...Object.fromEntries(Object.entries(sources).map(([name, source]) => [`sources/${name}`, source])),
  })
  await writeCommonImports(join(folder.path, 'imports'))
  const output = join(folder.path, 'image.binpb')
  const args = ['build', 'sources', '--as-file-descriptor-set', '--output', output]
  const { code, stderr } = await runBuf(args, folder.path, AbortSignal.timeout(20_000))
  if (code !== 0) throw new Error(stderr)
  return readFile(output)
}
