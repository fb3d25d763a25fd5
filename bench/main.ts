import { misuse, printFailure } from '../src/cli/failure.ts'
import { benchCall } from './call.ts'
import { benchKeywords } from './keywords.ts'
import { benchLoad } from './load.ts'
import { benchQueue } from './queue.ts'
import { type Row, readable } from './rows.ts'
import { benchStart } from './start.ts'
import { benchStream } from './stream.ts'

// `npm run bench -- NAME [options] [--json]`: measures, and prints a table or a line of JSON per row. Exit codes: 0 done, 1 a
// target is missed or the run failed, 2 wrong usage.

type Bench = {
  about: string
  /** As the usage shows them. */
  options?: string
  /** `args` are those behind the name, without --json. */
  run: (args: readonly string[], signal: AbortSignal, progress: (line: string) => void) => Promise<Row[]>
}

const benches: ReadonlyMap<string, Bench> = new Map<string, Bench>([
  [
    'call',
    {
      about: 'a durable unary call, beside a bare grpc-js server; then with many in flight that wait for their model',
      options: '[--in-flight N] [--model-ms M]',
      run: benchCall,
    },
  ],
  [
    'load',
    {
      about: 'calls at a steady rate, beside the targets; 200 a second for 30 s, a model of 100 ms',
      options: '[--rate R] [--seconds S] [--model-ms M] [--plot FILE.png]',
      run: benchLoad,
    },
  ],
  [
    'start',
    { about: 'from `npm start` to the first answer, each kind 3 times', options: '[--runs N]', run: benchStart },
  ],
  [
    'queue',
    {
      about: 'operations accepted, claimed and settled, beside graphile-worker and pg-boss on the same PostgreSQL',
      options: '[--rounds N] [--seconds S] [--samples N] [--waiting N] [--held-seconds S]',
      run: benchQueue,
    },
  ],
  ['stream', { about: 'items of streams, from the model to the caller, beside the target', run: benchStream }],
  ['keywords', { about: 'how often local/keywords is right about Debian packages', run: benchKeywords }],
])

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<0 | 1 | 2> {
  const json = args.includes('--json')
  const [name, ...rest] = args.filter((arg) => arg !== '--json')
  if (args.includes('--help') || args.includes('-h')) {
    for (const line of usage()) console.log(line)
    return 0
  }
  if (name === undefined) {
    for (const line of usage()) console.error(line)
    return 2
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())
  try {
    const bench = benches.get(name)
    if (!bench) throw misuse(`there is no bench ${JSON.stringify(name)}, but ${[...benches.keys()].join(', ')}`)
    const rows = await bench.run(rest, interrupted.signal, (line) => process.stderr.write(`${name}: ${line}\n`))
    const lines = json ? rows.map((row) => JSON.stringify(row)) : readable(rows)
    process.stdout.write(lines.map((line) => `${line}\n`).join(''))
    return rows.some((row) => 'ok' in row && !row.ok) ? 1 : 0
  } catch (error) {
    process.stderr.write(printFailure(interrupted.signal.aborted ? new Error('interrupted') : error, json))
    return error instanceof Error && 'exitCode' in error && error.exitCode === 2 ? 2 : 1
  }
}

function usage(): string[] {
  const lines = [...benches].map(([name, { about, options }]) => [[name, options].filter(Boolean).join(' '), about])
  return [
    'usage: npm run bench -- NAME [options] [--json]',
    ...lines.flatMap(([command, about]) => [`  ${command}`, `      ${about}`]),
  ]
}
