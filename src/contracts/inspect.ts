import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBuf } from './buf.ts'

/** What buf found in an image. `line` counts from 1 and is missing when the image has no source info. */
export type Finding = { file: string; line?: number; rule: string; message: string }

export type Inspection = {
  command: 'lint' | 'breaking'
  use: readonly string[]
  image: Uint8Array
  signal: AbortSignal
} & ({ command: 'lint' } | { command: 'breaking'; against: Uint8Array })

const timeoutMs = 20_000

/**
 * Has `buf lint` or `buf breaking` apply the given rules to an image; it takes 0.2 s. An image that buf cannot read is a finding
 * too. Throws when buf does not run, or not within 20 s, and with the signal's reason when that fires.
 */
export async function inspect(inspection: Inspection): Promise<readonly Finding[]> {
  const key = keyOf(inspection)
  const found = known.get(key) ?? (await runInspection(inspection))
  // That buf could not read an image may be the fault of a full disk: it is asked again.
  if (found.some(({ rule }) => rule === '')) return found
  if (known.size >= maxKnown) known.clear()
  known.set(key, found)
  return found
}

/** What was found before: who publishes has mostly validated the same image a moment ago. */
const known = new Map<string, readonly Finding[]>()
const maxKnown = 100

function keyOf(inspection: Inspection): string {
  const hash = createHash('sha256').update(configOf(inspection.command, inspection.use))
  for (const image of [inspection.image, ...(inspection.command === 'breaking' ? [inspection.against] : [])]) {
    hash.update(`${image.byteLength}\n`).update(image)
  }
  return hash.digest('base64')
}

async function runInspection(inspection: Inspection): Promise<Finding[]> {
  const { command, use, image } = inspection
  const signal = AbortSignal.any([inspection.signal, AbortSignal.timeout(timeoutMs)])
  const work = await mkdtemp(join(tmpdir(), 'deed-buf-'))
  try {
    await writeFile(join(work, 'new.binpb'), image)
    const args = [command, 'new.binpb', '--error-format', 'json', '--config', configOf(command, use)]
    if (inspection.command === 'breaking') {
      await writeFile(join(work, 'old.binpb'), inspection.against)
      args.push('--against', 'old.binpb', '--exclude-imports')
    }
    const { code, stdout, stderr } = await runBuf(args, work, signal)
    if (code === 0) return []
    if (code === 100) return stdout.split('\n').filter(Boolean).map(findingOf)
    return [{ file: '', rule: '', message: `buf cannot read the image: ${stderr.trim().split('\n')[0]}` }]
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function configOf(command: string, use: readonly string[]): string {
  return JSON.stringify({ version: 'v2', [command]: { use } })
}

function findingOf(line: string): Finding {
  const { path = '', start_line, type, message } = JSON.parse(line)
  return { file: path, rule: type, message, ...(start_line !== undefined && { line: start_line }) }
}
