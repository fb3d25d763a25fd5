import { parseArgs } from 'node:util'
import { benchCall } from './call.ts'
import { benchKeywords } from './keywords.ts'
import { type Row, readable } from './rows.ts'

// `npm run bench -- NAME [--json]`: measures, and prints a table or a line of JSON per row. Exit codes: 0 done, 1 a target is
// missed or the run failed, 2 wrong usage.

type Bench = (signal: AbortSignal, progress: (line: string) => void) => Promise<Row[]>

const benches: ReadonlyMap<string, { about: string; run: Bench }> = new Map([
  ['call', { about: 'a durable unary call, beside a bare grpc-js server', run: benchCall }],
  ['keywords', { about: 'how often local/keywords is right about Debian packages', run: benchKeywords }],
])

process.exitCode = await main()

async function main(): Promise<0 | 1 | 2> {
  const { name, json } = argumentsOf()
  const bench = benches.get(name)
  if (!bench) {
    console.error('usage: npm run bench -- NAME [--json]')
    for (const [each, { about }] of benches) console.error(`  ${each}  ${about}`)
    return 2
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  try {
    const rows = await bench.run(interrupted.signal, (line) => process.stderr.write(`${name}: ${line}\n`))
    const lines = json ? rows.map((row) => JSON.stringify(row)) : readable(rows)
    process.stdout.write(lines.map((line) => `${line}\n`).join(''))
    return rows.some((row) => 'ok' in row && !row.ok) ? 1 : 0
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return 1
  }
}

/** Without a name when they are wrong. */
function argumentsOf(): { name: string; json: boolean } {
  try {
    const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true })
    return { name: positionals.length === 1 ? (positionals[0] ?? '') : '', json: values.json ?? false }
  } catch {
    return { name: '', json: false }
  }
}
