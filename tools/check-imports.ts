import { glob, readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

// The directions of imports. As a script, says which imports of src/ go against them and exits with 1.

/** A room is a folder or a file of src/. It may import itself, those to its right, and the leaves. */
const order = ['main', 'cli', 'server', 'rpc', 'access', 'operations', 'deliveries', 'models', 'contracts', 'storage']
/** What all may import; the first may import the second. */
const leaves = ['errors', 'gen']
/** What only some may import. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  telemetry: ['main', 'cli', 'server'],
  config: ['main', 'server'],
}
/** Values are read there alone; the shape of what is handed on may be named by more. */
const mayNameTypes: Readonly<Record<string, readonly string[]>> = { config: ['cli', 'models'] }

type Import = { from: string; to: string; typeOnly: boolean }

/**
 * Everything that is wrong with the imports of these sources, by their path from the root (`src/rpc/unary.ts`): imports against
 * the directions, and cycles between files. One line each.
 */
export function findOffences(sources: ReadonlyMap<string, string>): string[] {
  const imports = [...sources].flatMap(([path, source]) => importsOf(path, source))
  const offences = imports.filter((each) => !isAllowed(each)).map(({ from, to }) => `${from} must not import ${to}`)
  return [...new Set(offences), ...cyclesOf(imports)]
}

/** The TypeScript files of src/ below a root. */
export async function readSources(root: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>()
  for await (const path of glob('src/**/*.ts', { cwd: root })) {
    sources.set(path, await readFile(join(root, path), 'utf8'))
  }
  return sources
}

const statement = /^\s*(?:import|export)\b(?<type>\s+type\b)?(?:[^'"=;()]*?\bfrom)?\s*['"](?<specifier>[^'"]+)['"]/gm
const dynamic = /\bimport\(\s*['"](?<specifier>[^'"]+)['"]/g

function importsOf(from: string, source: string): Import[] {
  return [...source.matchAll(statement), ...source.matchAll(dynamic)].flatMap(({ groups }) => {
    const specifier = groups?.['specifier'] ?? ''
    if (!specifier.startsWith('.')) return []
    const to = posix.join(posix.dirname(from), specifier)
    return [{ from, to, typeOnly: groups?.['type'] !== undefined }]
  })
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const [source, target] = [roomOf(from), roomOf(to)]
  if (source === target || target === 'gen') return true
  if (leaves.includes(source)) return false
  if (leaves.includes(target)) return true
  const readers = reserved[target]
  if (readers) return readers.includes(source) || (typeOnly && (mayNameTypes[target]?.includes(source) ?? false))
  return order.includes(source) && order.indexOf(source) < order.indexOf(target)
}

/** `rpc` of `src/rpc/unary.ts`, `server` of `src/server.ts`, `gen` of what is generated, else the path itself. */
function roomOf(path: string): string {
  if (path.startsWith('gen/')) return 'gen'
  return /^src\/([^/]+?)(?:\.ts$|\/)/.exec(path)?.[1] ?? path
}

/** One line for each import that closes a cycle, found depth first. */
function cyclesOf(imports: readonly Import[]): string[] {
  const targets = Map.groupBy(imports, ({ from }) => from)
  const cycles: string[] = []
  const done = new Set<string>()
  function visit(file: string, path: readonly string[]): void {
    const start = path.indexOf(file)
    if (start >= 0) cycles.push(`a cycle: ${[...path.slice(start), file].join(' → ')}`)
    if (start >= 0 || done.has(file)) return
    for (const { to } of targets.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) visit(file, [])
  return [...new Set(cycles)]
}

if (import.meta.main) {
  const offences = findOffences(await readSources(fileURLToPath(new URL('..', import.meta.url))))
  for (const offence of offences) console.error(offence)
  if (offences.length > 0) process.exitCode = 1
}
