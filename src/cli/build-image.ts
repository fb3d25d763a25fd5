import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { runBuf } from '../contracts/buf.ts'
import { readImageFile } from './image-file.ts'
import { missingImport } from './missing-import.ts'
import { built, isBuilt, layOut, withImporters } from './proto-folder.ts'
import { pathFailure } from './read-file.ts'

/** A place in a source file, its path relative to what was built, with what is wrong there. Lines and columns from 1. */
export type Fault = { file: string; line?: number; column?: number; cause: string }

/** An image with imports and source info; or what is wrong, and the image of the files that are not concerned, if any. */
export type Build =
  | { kind: 'image'; bytes: Uint8Array }
  | { kind: 'faults'; faults: readonly Fault[]; partial?: Uint8Array }

/**
 * Makes the image to publish from a folder of .proto, with or without a buf configuration, or reads one that `buf build`
 * wrote, in binary or JSON. Writes nothing beside `path` and needs no network: what contracts may import is brought along,
 * and the `deps` of a configuration are not used. Throws an Error of one line when there is nothing to build at `path`.
 */
export async function buildImage(path: string, signal: AbortSignal): Promise<Build> {
  const work = await mkdtemp(join(tmpdir(), 'deed-build-'))
  try {
    const found = await stat(path)
    if (found.isDirectory()) return await buildFolder(path, work, signal)
    return { kind: 'image', bytes: await readImageFile(path, work, signal) }
  } catch (error) {
    throw pathFailure(error, path) ?? error
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Faults of what was built at a path, a line for each that begins with its place. */
export async function faultLines(path: string, faults: readonly Fault[]): Promise<string[]> {
  const isFolder = (await stat(path)).isDirectory()
  return faults.map(({ file, line, column, cause }) => {
    const place = [isFolder ? join(path, file) : file, line, column].filter((part) => part !== undefined)
    return `${place.join(':')}: ${cause}`
  })
}

async function buildFolder(path: string, work: string, signal: AbortSignal): Promise<Build> {
  const layout = await layOut(path, work, signal)
  const whole = await build(work, [], signal)
  if (whole.kind === 'image') return whole
  const faults = await Promise.all(
    whole.faults.map(async (fault) => ({
      ...fault,
      file: layout.get(fault.file) ?? fault.file,
      cause: (await missingImport(fault, layout, work)) ?? fault.cause,
    })),
  )
  const places = whole.faults.map(({ file }) => file)
  const broken = [...(await withImporters(places, layout, work))].filter(isBuilt)
  const rest = [...layout.keys()].filter((place) => isBuilt(place) && !broken.includes(place))
  if (rest.length === 0) return { kind: 'faults', faults }
  const partial = await build(work, broken, signal)
  return partial.kind === 'image' && hasService(partial.bytes, rest)
    ? { kind: 'faults', faults, partial: partial.bytes }
    : { kind: 'faults', faults }
}

async function build(work: string, excluded: readonly string[], signal: AbortSignal): Promise<Build> {
  const output = join(work, 'image.binpb')
  const excludes = excluded.flatMap((place) => ['--exclude-path', place])
  const args = ['build', built, ...excludes, '--error-format', 'json', '--output', output]
  const { code, stderr } = await runBuf(args, work, signal)
  if (code === 0) return { kind: 'image', bytes: await readFile(output) }
  return { kind: 'faults', faults: stderr.split('\n').filter(Boolean).map(faultOf) }
}

function faultOf(line: string): Fault {
  if (!line.startsWith('{')) throw new Error(`buf cannot build the folder: ${line}`)
  const { path, start_line, start_column, message } = JSON.parse(line)
  return { file: path, line: start_line, column: start_column, cause: message }
}

/** Whether one of the files that were built has a service. Without any there is nothing to check further. */
function hasService(image: Uint8Array, places: readonly string[]): boolean {
  const names = new Set(places.map((place) => place.slice(built.length + 1)))
  const { file } = fromBinary(FileDescriptorSetSchema, image)
  return file.some(({ name, service }) => names.has(name) && service.length > 0)
}
