import assert from 'node:assert/strict'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { parse as parseYaml } from 'yaml'
import { buildImage } from '../../src/cli/build-image.ts'
import { checkImage } from '../../src/contracts/check.ts'
import { readImage } from '../../src/contracts/image.ts'
import { folderOf } from '../support/compile.ts'
import { endProcesses, freePort, spawnDeed } from '../support/deed-process.ts'
import { type Block, type Document, readDocuments } from '../support/markdown.ts'
import { dataFolder, migratedDatabase, testDatabase } from '../support/postgres.ts'
import { protoFile } from '../support/proto-block.ts'
import { openShell, type Printed, type Shell } from '../support/shell.ts'

/**
 * Every fenced block of README.md and docs is run, in the order of its document and in one folder that looks like a checkout:
 *
 * - `sh` in one bash with `set -e`; `sh fails` has to fail. `npm start` is a server in a process of its own, the same for all,
 *   on a free port: 127.0.0.1:50051 stands for its address, 127.0.0.1:5432 for that of the PostgreSQL that it and the `sql` have.
 * - `json` is what the `sh` before it printed: a part of it, where lists are as long. `…` in a string stands for anything.
 * - `text` is what the `sh` before it printed, on stdout or stderr: these lines in this order. `…` stands for anything.
 * - `proto` is published with `--validate-only`; a part of a file is filled up (support/proto-block.ts).
 * - `sql` is executed in an empty database, `ts` by node, `yaml` is parsed.
 *
 * What cannot be run here: the start of the block, and why.
 */
const notRun: readonly { document: string; starts: string; why: string }[] = [
  {
    document: 'README.md',
    starts: 'npm ci && npm run demo',
    why: 'installs; test/examples runs the demo, .ci/run the rest',
  },
  { document: 'docs/running.md', starts: 'pg_dump ', why: 'needs the client programs of the version of the server' },
  { document: 'docs/specification.md', starts: ' callers', why: 'a drawing' },
  { document: 'docs/models.md', starts: 'npm run bench -- keywords', why: "needs Debian's packages, and minutes" },
  { document: 'docs/models.md', starts: 'majority class', why: 'what that printed on one day' },
  { document: 'docs/deploying.md', starts: 'npm pack', why: 'test/package packs' },
  {
    document: 'docs/deploying.md',
    starts: 'npm install /path/to/',
    why: 'test/package installs what it packed, and serves',
  },
  {
    document: 'docs/deploying.md',
    starts: 'import { readFileSync }',
    why: 'test/package runs it where deed is installed',
  },
  {
    document: 'docs/deploying.md',
    starts: 'docker build',
    why: 'needs an engine; test/package follows the Dockerfile',
  },
  {
    document: 'docs/deploying.md',
    starts: 'mkdir -m 700 deploy/secrets',
    why: 'needs an engine; test/package reads the file',
  },
  { document: 'docs/deploying.md', starts: 'kubectl', why: 'needs a cluster; test/package reads the files' },
]

const exceptionOf = (block: Block) =>
  notRun.find(({ document, starts }) => document === block.document && block.text.startsWith(starts))

const withShell = ['README.md', 'docs/contracts.md', 'docs/calling.md', 'docs/running.md', 'docs/testing.md']

describe('the blocks of the documents', () => {
  let bench: Bench

  before(async () => {
    bench = await prepareBench()
  })
  after(async () => {
    await endProcesses()
    await bench[Symbol.asyncDispose]()
  })

  it('are all of a kind that is run, or listed with a reason', async () => {
    const blocks = await allBlocks()
    const kinds = new Set(['sh', 'sh fails', 'json', 'text', 'proto', 'sql', 'ts', 'yaml'])
    const others = blocks.filter((block) => !kinds.has(block.info) && !exceptionOf(block))
    assert.deepEqual(
      others.map(({ document, line, info }) => `${document}:${line}: ${info}`),
      [],
    )
    const used = new Set(blocks.map(exceptionOf))
    assert.deepEqual(
      notRun.filter((exception) => !used.has(exception)),
      [],
    )
    assert.ok(blocks.length > 35)
  })

  it('are not taken for right when they are wrong', async () => {
    for (const [said, printed] of [
      [{ a: 1 }, { a: 2 }],
      [{ a: [1] }, { a: [1, 2] }],
      [{ a: 'x…' }, { a: 'y' }],
      [{ a: {} }, { b: {} }],
      [{ a: null }, {}],
    ]) {
      assert.throws(() => assertPart(said, [printed]), /is no part of/)
    }
    assertPart({ a: 'x…z' }, [{ a: 'x y z', b: 1 }])
    assertLines('a  …\nc', { stdout: 'a b\nb\n', stderr: 'c\n' })
    for (const text of ['c\na', 'd', 'a b c']) {
      assert.throws(() => assertLines(text, { stdout: 'a b\n', stderr: 'c\n' }), /was not printed/)
    }
    await using run = await bench.open()
    await assert.rejects(run.shell.run('true', true), /did not fail/)
    await assert.rejects(run.shell.run('npm install'), /npm install is not run here/)
  })

  it('that are contracts can be published', async () => {
    const blocks = (await allBlocks()).filter(({ info }) => info === 'proto')
    const files = blocks.map((block, index) => [`${index}.proto`, protoFile(block.text, `docs.block${index}.v1`)])
    await using folder = await folderOf(Object.fromEntries(files))
    const signal = AbortSignal.timeout(20_000)
    // What `deed publish --validate-only` does here, and then what the server does.
    const build = await buildImage(folder.path, signal)
    if (build.kind !== 'image') return assert.fail(JSON.stringify(build.faults))
    const image = readImage(build.bytes)
    assert.deepEqual(await checkImage(image, signal), [])
    assert.ok(image.services.length >= blocks.length && blocks.length >= 3)
  })

  for (const path of withShell) {
    it(`of ${path} do what it says`, async () => {
      const document = (await readDocuments()).get(path)
      assert.ok(document, 'there is no such document')
      await using run = await bench.open()
      await runAll(document, run)
    }).timeout(60_000)
  }

  it('of the other documents need no shell', async () => {
    for (const [path, document] of await readDocuments()) {
      if (document.blocks.length === 0 || withShell.includes(path)) continue
      await using run = await bench.open()
      await runAll(document, { ...run, shell: undefined })
    }
  })
})

async function allBlocks(): Promise<Block[]> {
  return [...(await readDocuments()).values()].flatMap((document) => document.blocks)
}

type Bench = Awaited<ReturnType<typeof prepareBench>>
type Run = {
  /** Undefined where a document has no use for one. */
  shell: Shell | undefined
  /** Of an empty database. */
  database: string
  /** The text with the addresses that are real here. */
  stood(text: string): string
  /** `npm start` */
  start(): Promise<void>
}

/** One server, started when a document first asks for it, and what each document needs for itself. */
async function prepareBench() {
  await using stack = new AsyncDisposableStack()
  const { path: dataDir } = stack.use(await dataFolder())
  // Commands start twice as fast from compiled code, and whether it is covered is for other tests to say.
  const quick = {
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(dataDir, 'compiled'),
    NODE_V8_COVERAGE: '',
  }
  const served = stack.use(await migratedDatabase())
  const port = String(await freePort())
  let started: Promise<unknown> | undefined
  async function start(): Promise<void> {
    const env = {
      ...quick,
      DEED_PORT: port,
      DEED_DATA_DIR: dataDir,
      DATABASE_URL: served.url,
      DEED_MODEL: 'local/keywords',
    }
    started ??= spawnDeed(env).listening()
    await started
  }
  const owned = stack.move()
  return {
    /** What the commands of one document are run in. */
    async open(): Promise<Run & { shell: Shell } & AsyncDisposable> {
      await using mine = new AsyncDisposableStack()
      const database = mine.use(await testDatabase())
      const shell = mine.use(await openShell({ ...quick, DEED_PORT: port, DEED_DATA_DIR: '.deed' }))
      await symlink(dataDir, join(shell.folder, '.deed'))
      const postgres = new URL(database.url).host
      const kept = mine.move()
      return {
        shell,
        database: database.url,
        stood: (text) => text.replaceAll('127.0.0.1:50051', `127.0.0.1:${port}`).replaceAll('127.0.0.1:5432', postgres),
        start,
        [Symbol.asyncDispose]: () => kept.disposeAsync(),
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function runAll(document: Document, run: Run): Promise<void> {
  let printed: Printed | undefined
  for (const block of document.blocks) {
    if (exceptionOf(block)) continue
    const at = `${block.document}:${block.line}`
    const text = run.stood(block.text)
    try {
      if (block.info === 'sh' || block.info === 'sh fails') printed = await runShell(block, text, run)
      else if (block.info === 'ts') printed = await runTypeScript(text, run)
      else if (block.info === 'json') assertPart(JSON.parse(text), documentsIn(printed?.stdout ?? ''))
      else if (block.info === 'text') assertLines(text, printed)
      else if (block.info === 'yaml') assert.ok(parseYaml(text) instanceof Object)
      else if (block.info === 'sql') await execute(run.database, text)
    } catch (error) {
      throw new Error(`${at}: ${error instanceof Error ? error.message : error}`, { cause: error })
    }
  }
}

async function runShell({ info }: Block, text: string, { shell, start }: Run): Promise<Printed> {
  assert.ok(shell, 'no shell is prepared for this document')
  if (text !== 'npm start') return shell.run(text, info === 'sh fails')
  await start()
  return { stdout: '', stderr: '' }
}

async function runTypeScript(text: string, { shell }: Run): Promise<Printed> {
  assert.ok(shell, 'no shell is prepared for this document')
  await writeFile(join(shell.folder, 'block.ts'), text)
  return shell.run('node block.ts')
}

/** The JSON that was printed: documents of a line each, or one that goes from the start of a line to the end. */
function documentsIn(text: string): unknown[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    if (!/^[[{]/.test(line)) return []
    return [line, lines.slice(index).join('\n')].flatMap((part) => parseJson(part))
  })
}

function parseJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)]
  } catch {
    return []
  }
}

function assertPart(expected: unknown, printed: readonly unknown[]): void {
  if (printed.some((one) => isPart(expected, one))) return
  assert.fail(`${JSON.stringify(expected)} is no part of what was printed: ${JSON.stringify(printed)}`)
}

function isPart(expected: unknown, actual: unknown): boolean {
  if (typeof expected === 'string') return typeof actual === 'string' && pattern(expected).test(actual)
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) && actual.length === expected.length && expected.every((one, i) => isPart(one, actual[i]))
    )
  }
  if (expected === null || typeof expected !== 'object') return expected === actual
  if (actual === null || typeof actual !== 'object') return false
  return Object.entries(expected).every(([key, value]) => isPart(value, Reflect.get(actual, key)))
}

function assertLines(text: string, printed: Printed | undefined): void {
  assert.ok(printed, 'nothing has been printed before')
  const lines = `${printed.stdout}\n${printed.stderr}`.split('\n')
  for (const line of text.split('\n')) {
    const found = lines.findIndex((candidate) => pattern(line.trimEnd()).test(candidate.trimEnd()))
    assert.ok(found >= 0, `the line ${JSON.stringify(line)} was not printed:\n${printed.stdout}${printed.stderr}`)
    lines.splice(0, found + 1)
  }
}

/** Runs of spaces are one, since tables are as wide as what is in them. */
function pattern(text: string): RegExp {
  const parts = text.split('…').map((part) => RegExp.escape(part).replaceAll(/(\\x20| )+/g, '\\s+'))
  return new RegExp(`^${parts.join('.*')}$`, 's')
}

async function execute(url: string, text: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    // One at a time: a database cannot be created among others.
    for (const statement of text.split(/;\s*$/m)) if (statement.trim() !== '') await client.query(statement)
  } finally {
    await client.end()
  }
}
