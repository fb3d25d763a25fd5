import { cp, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import { runBuf } from '../contracts/buf.ts'
import { writeCommonImports } from '../contracts/imports.ts'
import { Failure } from './failure.ts'

/** The modules that a folder is laid out in: what to build, and what that may import. */
export const built = 'contract'
const imported = 'imports'

const configNames = ['buf.yaml', 'buf.work.yaml']

/** The files of a folder, from where they were laid out (`contract/a.proto`) to their path in it (`proto/a.proto`). */
export type Layout = ReadonlyMap<string, string>

/**
 * Lays a folder of .proto out in `work` as a buf workspace that needs no network. The folder's own buf configuration says
 * where its imports start and what is excluded. A file that it has of the common imports is used instead of Deed's.
 */
export async function layOut(path: string, work: string, signal: AbortSignal): Promise<Layout> {
  const copy = join(work, 'copy')
  await cp(path, copy, { recursive: true, dereference: true, filter: (from) => from === path || isSource(from) })
  await writeCommonImports(join(work, imported))
  const layout = new Map<string, string>()
  for (const { path: own, import_path: name } of await listFiles(path, copy, signal)) {
    const shared = name.startsWith('google/protobuf/') || (await exists(join(work, imported, name)))
    const place = join(shared ? imported : built, name)
    await mkdir(dirname(join(work, place)), { recursive: true })
    await rename(join(copy, own), join(work, place))
    layout.set(place, own)
  }
  const modules = [{ path: built }, { path: imported }]
  await writeFile(join(work, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }))
  if (![...layout.keys()].some(isBuilt))
    throw new Failure(`${path} has no .proto file of its own`, { hint: noProtoHint })
  return layout
}

/** Whether a laid out file is one to build. */
export function isBuilt(place: string): boolean {
  return place.startsWith(`${built}/`)
}

/** Some laid out files and all that import them, directly or not. */
export async function withImporters(places: Iterable<string>, layout: Layout, work: string): Promise<Set<string>> {
  const importers = new Map<string, string[]>()
  for (const place of layout.keys()) {
    const source = await readFile(join(work, place), 'utf8')
    for (const [, name = ''] of source.matchAll(/\bimport\s+(?:(?:public|weak|option)\s+)?["']([^"']+)["']/g)) {
      importers.set(name, [...(importers.get(name) ?? []), place])
    }
  }
  const found = new Set(places)
  // A set that grows while it is walked is walked to its new end.
  for (const place of found) {
    for (const importer of importers.get(place.slice(place.indexOf('/') + 1)) ?? []) found.add(importer)
  }
  return found
}

/** Copied without buf.lock: a lock would have buf look for modules in the network. */
async function isSource(path: string): Promise<boolean> {
  const name = basename(path)
  if (name.startsWith('.') || name === 'node_modules') return false
  if (extname(name) === '.proto' || configNames.includes(name)) return true
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

async function listFiles(
  path: string,
  copy: string,
  signal: AbortSignal,
): Promise<{ path: string; import_path: string }[]> {
  const entries = await readdir(copy, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const sources = files.filter((file) => extname(file) === '.proto').map((file) => relative(copy, file))
  if (sources.length === 0) throw new Failure(`${path} has no .proto file`, { hint: noProtoHint })
  // Imports start in the folder itself, unless a configuration says where; buf takes 0.2 s to read one.
  const isConfigured = files.some((file) => configNames.includes(basename(file)))
  if (!isConfigured) return sources.toSorted().map((file) => ({ path: file, import_path: file }))
  const { code, stdout, stderr } = await runBuf(['ls-files', '--format', 'json'], copy, signal)
  if (code !== 0) {
    const hint = /buf\.(work\.)?yaml/.test(stderr) ? 'mend buf.yaml, or drop it: Deed needs none' : undefined
    throw new Failure(`buf cannot read ${path}: ${stderr.replace(/\s+/g, ' ').trim()}`, { hint })
  }
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line))
}

const noProtoHint = 'give the folder that holds the contract, or start one with "npx deed new NAME"'

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
