import { createHash, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorSet, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { runBuf } from '../../src/contracts/buf.ts'
import { writeCommonImports } from '../../src/contracts/imports.ts'
import { runFolder } from './run-folder.ts'

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
  const image = compiled.get(key) ?? kept(key, () => build(sources))
  compiled.set(key, image)
  return fromBinary(FileDescriptorSetSchema, await image)
}

/** From one run to the next: buf takes 0.2 CPU-seconds for each, and there are hundreds. */
const store = join(import.meta.dirname, '../../node_modules/.cache/images')

/** What an image depends on beside its sources. */
const parts = ['package-lock.json', 'proto/deed/v1/annotations.proto', 'test/support/compile.ts']
let shelf: Promise<string> | undefined

/** The folder for the state of those parts; images of others are of no more use. */
async function findShelf(): Promise<string> {
  const texts = await Promise.all(parts.map((name) => readFile(join(import.meta.dirname, '../..', name), 'utf8')))
  const name = hashOf(texts)
  await mkdir(join(store, name), { recursive: true })
  const old = (await readdir(store)).filter((other) => other !== name)
  await Promise.all(old.map((other) => rm(join(store, other), { recursive: true, force: true })))
  return join(store, name)
}

async function kept(key: string, make: () => Promise<Buffer>): Promise<Buffer> {
  shelf ??= findShelf()
  const path = join(await shelf, hashOf([key]))
  const found = await readFile(path).catch(() => undefined)
  if (found) return found
  const image = await make()
  await keep(path, image).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error // a checkout with the same packages and other parts has removed the shelf
  })
  return image
}

async function keep(path: string, image: Buffer): Promise<void> {
  const staging = `${path}.${randomUUID()}`
  await writeFile(staging, image)
  await rename(staging, path) // another worker may make the same
}

function hashOf(texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex')
}

let imports: Promise<string> | undefined

/** What contracts may import, once for all that is compiled. */
async function writeImports(): Promise<string> {
  const path = join(runFolder(), `imports-${process.pid}`)
  await writeCommonImports(path)
  return path
}

async function build(sources: Readonly<Record<string, string>>): Promise<Buffer> {
  const modules = [{ path: 'sources' }, { path: 'imports' }]
  await using folder = await folderOf({
    'buf.yaml': JSON.stringify({ version: 'v2', modules }),
    ...Object.fromEntries(Object.entries(sources).map(([name, source]) => [`sources/${name}`, source])),
  })
  imports ??= writeImports()
  await symlink(await imports, join(folder.path, 'imports'))
  const output = join(folder.path, 'image.binpb')
  const args = ['build', 'sources', '--as-file-descriptor-set', '--output', output]
  const { code, stderr } = await runBuf(args, folder.path, AbortSignal.timeout(20_000))
  if (code !== 0) throw new Error(stderr)
  return readFile(output)
}
