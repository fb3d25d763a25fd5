import { execFile } from 'node:child_process'
import { copyFileSync, linkSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a clone has not, or what is linked. */
const notCloned = ['.git', 'node_modules', 'dist', 'coverage', '.deed', '.imports']

type Removed = { path: string; [Symbol.asyncDispose](): Promise<void> }

/** A folder whose path has a space, which anybody may pass through. */
export async function spacedFolder(): Promise<Removed> {
  const parent = await realpath(await mkdtemp(join(tmpdir(), 'deed-test-')))
  const path = join(parent, 'a folder')
  await chmod(parent, 0o755)
  await mkdir(path)
  return { path, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) }
}

/** Copies the checkout as a fresh clone would be, without its packages. */
export async function copyCheckout(target: string): Promise<void> {
  await cp(root, target, { recursive: true, filter: (from) => !notCloned.includes(basename(from)) })
}

/** The environment of a person in a folder: none of Deed's settings, nothing of the npm that runs the tests, their own PATH. */
export function personEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(DEED_|DATABASE_URL|ANTHROPIC_|OPENAI_|OTEL_|npm_|NODE_V8_COVERAGE|INIT_CWD)/i.test(name),
  )
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !/node_modules|node-gyp-bin/.test(folder))
  return { ...Object.fromEntries(own), PATH: path.join(delimiter), npm_config_update_notifier: 'false', ...more }
}

/** Runs a program to its end; throws with what it wrote when that is not a good one. */
export async function run(cwd: string, file: string, args: readonly string[], env = personEnvironment()) {
  return promisify(execFile)(file, args, { cwd, env, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 })
}

/**
 * Puts the packages that are installed here into a folder's node_modules, each at its place: all, or those of production.
 * `files` gives each its own files, so that packages find nothing but each other; `folders` is faster.
 */
export async function linkPackages(
  folder: string,
  which: 'all' | 'production',
  how: 'files' | 'folders',
): Promise<void> {
  const { packages }: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    await readFile(join(root, 'package-lock.json'), 'utf8'),
  )
  for (const [place, { dev = false }] of Object.entries(packages)) {
    const isNested = place.lastIndexOf('node_modules/') !== 0
    if (isNested || (dev && which === 'production')) continue
    const installed = await realpath(join(root, place)).catch(() => undefined)
    if (installed === undefined) continue // one of another platform
    const target = join(folder, place)
    await mkdir(dirname(target), { recursive: true })
    if (how === 'files') linkFiles(installed, target)
    else await symlink(installed, target)
  }
}

/** Files are linked, so that it costs no space; on another file system they are copied. Synchronous: there are thousands. */
export function linkFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) linkFiles(source, target)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else linkFile(source, target)
  }
}

/** One of them. */
export function linkFile(source: string, target: string): void {
  try {
    linkSync(source, target)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EXDEV' && code !== 'EPERM') throw error
    copyFileSync(source, target)
  }
}

/** Makes the programs of some linked packages callable, as npm does. */
export async function linkPrograms(folder: string, programs: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(folder, 'node_modules/.bin'))
  for (const [name, target] of Object.entries(programs)) {
    await symlink(join('..', target), join(folder, 'node_modules/.bin', name))
  }
}

/** The paths of all files of a folder, from it, in order. */
export async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort()
}
