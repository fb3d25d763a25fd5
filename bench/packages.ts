import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'

/** A package of Debian: its section, and what its maintainer says about it. */
export type Package = { name: string; section: string; description: string }

const maxBytes = 1024 * 1024 * 1024
const hint = 'on Debian or Ubuntu, run "apt-get update" first'

/** All packages that apt knows. Throws one line that says what to do when there are none. */
export async function readPackages(signal: AbortSignal): Promise<Package[]> {
  const text = await dump(signal)
  const packages = packagesOf(text)
  if (packages.length === 0) throw new Error(`apt-cache knows no packages: ${hint}`)
  return packages
}

async function dump(signal: AbortSignal): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: 'C.UTF-8' }
    const { stdout } = await promisify(execFile)('apt-cache', ['dumpavail'], { signal, env, maxBuffer: maxBytes })
    return stdout
  } catch (error) {
    signal.throwIfAborted()
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    throw new Error(missing ? `there is no apt-cache here: ${hint}` : `apt-cache dumpavail failed: ${hint}`)
  }
}

/**
 * The packages of a dump by their names, one for each source and each description: what is built from one source is said
 * in nearly the same words. The order is that of the hash of their names: the same everywhere, and by chance.
 */
export function packagesOf(dumped: string): Package[] {
  const bySource = new Map<string, Package & { rank: string }>()
  for (const stanza of dumped.split(/\n\n+/)) {
    const fields = fieldsOf(stanza)
    const name = fields.get('Package')
    // Without the translations that apt can fetch, there is only the first line.
    const description = fields.get('Description') ?? fields.get('Description-en')
    const section = fields.get('Section')?.replace(/^.*\//, '')
    if (name === undefined || description === undefined || section === undefined) continue
    const source = fields.get('Source')?.replace(/ .*$/, '') ?? name
    const rank = createHash('sha256').update(name).digest('hex')
    const known = bySource.get(source)
    if (known && known.rank <= rank) continue
    bySource.set(source, { name, section, description, rank })
  }
  const ordered = [...bySource.values()].toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
  const byText = new Map(ordered.toReversed().map((each) => [each.description, each]))
  const kept = new Set(byText.values())
  return ordered
    .filter((each) => kept.has(each))
    .map(({ name, section, description }) => ({ name, section, description }))
}

/** The fields of a stanza; lines that go on have no space in front, and no full stop alone. */
function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>()
  let current = ''
  for (const line of stanza.split('\n')) {
    const [, name, value = ''] = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line) ?? []
    if (name !== undefined) {
      current = name
      if (!fields.has(name)) fields.set(name, value)
    } else if (current !== '') {
      fields.set(current, `${fields.get(current) ?? ''}\n${line.trim().replace(/^\.$/, '')}`)
    }
  }
  return fields
}
