import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { isRoot } from '../../src/storage/embedded/as-user.ts'
import { type Embedded, startEmbedded } from '../../src/storage/embedded.ts'
import { dataFolder, initialisedFolder } from '../support/data-folder.ts'
import { ownPostgres, testDatabase } from '../support/postgres.ts'

const ownerScript = join(import.meta.dirname, '../support/embedded-owner.ts')
const quiet = () => undefined

const start = (dataDir: string, log: (message: string) => void = quiet): Promise<Embedded> =>
  startEmbedded({ dataDir, signal: AbortSignal.timeout(30_000), log })

type Owner = {
  child: ChildProcess
  answer: { url?: string; error?: string }
  end(signal: NodeJS.Signals): Promise<void>
}

/** Another process that starts on the folder; it has answered when this resolves. */
async function startOwner(dataDir: string): Promise<Owner> {
  const child = spawn(process.execPath, [ownerScript, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    child,
    answer: JSON.parse(String(line)),
    async end(signal) {
      child.kill(signal)
      await exited
    },
  }
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', quiet)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function eventually<T>(attempt: () => Promise<T>, timeoutMs: number, pauseMs = 50): Promise<T> {
  const until = performance.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(pauseMs)
    }
  }
}

const postmasterPid = async (dataDir: string) =>
  Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])

const oneLineRefusal = (dataDir: string) =>
  `another deed server uses the data folder ${dataDir}; stop it or set DEED_DATA_DIR to another folder`

describe('embedded PostgreSQL', () => {
  it('keeps data from one start to the next, on the same port, written safely and for its owner alone', async () => {
    await using folder = await dataFolder()
    const first = await start(folder.path)
    await query(first.url, 'create table kept as select 42 as answer')
    const [safety] = await query(
      first.url,
      `select current_setting('fsync') fsync, current_setting('synchronous_commit') commit,
              current_setting('data_checksums') checksums, current_setting('server_encoding') encoding,
              current_setting('server_version_num')::int / 10000 as version`,
    )
    assert.deepEqual(safety, { fsync: 'on', commit: 'on', checksums: 'on', encoding: 'UTF8', version: 18 })
    for (const file of ['deed.password', 'deed.conf']) {
      assert.equal((await stat(join(folder.path, 'postgres', file))).mode & 0o077, 0, file)
    }
    await first.stop()
    await assert.rejects(query(first.url, 'select 1'), { code: 'ECONNREFUSED' })

    await using second = await start(folder.path)
    assert.equal(second.url, first.url)
    assert.deepEqual(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
  })

  it('refuses a wrong password', async () => {
    await using folder = await initialisedFolder()
    await using embedded = await start(folder.path)
    const url = new URL(embedded.url)
    url.password = 'guess'
    await assert.rejects(query(url.href, 'select 1'), { code: '28P01' })
  })

  it('stops while connections are open', async () => {
    await using folder = await initialisedFolder()
    const embedded = await start(folder.path)
    const client = new Client({ connectionString: embedded.url })
    const lost = new Promise((resolve) => client.on('error', resolve))
    await client.connect()
    await client.query('begin')
    await embedded.stop()
    await lost
    await embedded.stop()
    await assert.rejects(postmasterPid(folder.path), { code: 'ENOENT' })
  })

  it('refuses a second server in one line, and leaves the first its PostgreSQL', async () => {
    await using folder = await initialisedFolder()
    await using first = await start(folder.path)
    await assert.rejects(start(folder.path), { message: oneLineRefusal(folder.path) })
    assert.deepEqual(await query(first.url, 'select 1 as one'), [{ one: 1 }])
  })

  it('lets exactly one of several win a fresh folder', async () => {
    await using folder = await dataFolder()
    const starts = await Promise.allSettled([start(folder.path), start(folder.path), start(folder.path)])
    const won = starts.filter((result) => result.status === 'fulfilled').map((result) => result.value)
    const lost = starts.filter((result) => result.status === 'rejected').map((result) => result.reason.message)
    await using winner = won[0]
    assert.equal(won.length, 1, lost.join('\n'))
    assert.deepEqual(lost, [oneLineRefusal(folder.path), oneLineRefusal(folder.path)])
    assert.deepEqual(await query(winner?.url ?? '', 'select 1 as one'), [{ one: 1 }])
  })

  it('adopts the PostgreSQL that a killed server left running', async () => {
    await using folder = await initialisedFolder()
    const owner = await startOwner(folder.path)
    await query(owner.answer.url ?? '', 'create table kept as select 1 as one')
    const pid = await postmasterPid(folder.path)
    await owner.end('SIGKILL')

    await using embedded = await start(folder.path)
    assert.equal(await postmasterPid(folder.path), pid)
    assert.equal(embedded.url, owner.answer.url)
    assert.deepEqual(await query(embedded.url, 'select one from kept'), [{ one: 1 }])
    await embedded.stop()
    await assert.rejects(query(embedded.url, 'select 1'), { code: 'ECONNREFUSED' })
  })

  it('starts anew right after, and while, another server leaves', async () => {
    await using folder = await initialisedFolder()
    const owner = await startOwner(folder.path)
    const leaving = owner.end('SIGTERM')
    await using embedded = await start(folder.path)
    await leaving
    assert.deepEqual(await query(embedded.url, 'select 1 as one'), [{ one: 1 }])
  })

  it('starts PostgreSQL again when it was killed, with the same URL, and still has the folder', async () => {
    await using folder = await initialisedFolder()
    const told: string[] = []
    await using embedded = await start(folder.path, (message) => told.push(message))
    await query(embedded.url, 'create table kept as select 1 as one')
    process.kill(await postmasterPid(folder.path), 'SIGKILL')
    const rows = await eventually(() => query(embedded.url, 'select one from kept'), 20_000)
    assert.deepEqual(rows, [{ one: 1 }])
    await eventually(
      async () => assert.deepEqual(told, ['PostgreSQL is gone: starting it again', 'PostgreSQL is back']),
      5000,
    )
    await assert.rejects(start(folder.path), { message: oneLineRefusal(folder.path) })
  })

  it('takes its lock again when an operator ends the connection that holds it', async () => {
    await using folder = await initialisedFolder()
    const told: string[] = []
    await using embedded = await start(folder.path, (message) => told.push(message))
    const holders = `select count(*)::int as holders from pg_locks where locktype = 'advisory'`
    await query(
      embedded.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deed folder lock'`,
    )
    await eventually(async () => assert.deepEqual(told, ['PostgreSQL is back']), 5000)
    assert.deepEqual(await query(embedded.url, holders), [{ holders: 1 }])
  })

  it('starts over a postmaster.pid whose number is another process by now', async () => {
    await using folder = await initialisedFolder()
    const first = await start(folder.path)
    await query(first.url, 'create table kept as select 1 as one')
    const file = join(folder.path, 'postgres/postmaster.pid')
    const text = await readFile(file, 'utf8')
    await first.stop()
    await writeFile(file, text.replace(/^\d+/, String(process.pid)))
    await using second = await start(folder.path)
    assert.deepEqual(await query(second.url, 'select one from kept'), [{ one: 1 }])
  })

  it('works in a folder that nobody but its owner can enter', async () => {
    await using folder = await dataFolder()
    const dataDir = join(folder.path, 'private', '.deed')
    await mkdir(join(folder.path, 'private'), { mode: 0o700 })
    const told: string[] = []
    const first = await start(dataDir, (message) => told.push(message))
    const cluster = await realpath(join(dataDir, 'postgres'))
    try {
      await query(first.url, 'create table kept as select 1 as one')
      await first.stop()
      // Root's PostgreSQL runs as another user: its data are elsewhere, and a link in the folder says where.
      assert.equal((await lstat(join(dataDir, 'postgres'))).isSymbolicLink(), isRoot())
      assert.equal(told.length, isRoot() ? 1 : 0)
      await using second = await start(dataDir)
      assert.deepEqual(await query(second.url, 'select one from kept'), [{ one: 1 }])
    } finally {
      await first.stop()
      await rm(cluster, { recursive: true, force: true })
    }
  })

  it('says in one line what is wrong with the data folder, or with PostgreSQL', async () => {
    await using folder = await initialisedFolder()
    const file = join(folder.path, 'file')
    await writeFile(file, '')
    await assert.rejects(
      start(file),
      /^Error: cannot use the data folder \S+ \(EEXIST.*\); set DEED_DATA_DIR to another$/,
    )

    const embedded = await start(folder.path)
    await embedded.stop()
    await writeFile(join(folder.path, 'postgres/postgresql.auto.conf'), "work_mem = 'much'\n")
    await assert.rejects(
      start(folder.path),
      /^StartError: PostgreSQL did not start on \S+: .*(work_mem|postgresql\.auto\.conf).*$/,
    )
  })

  it('leaves nothing running when the start is given up', async () => {
    await using folder = await dataFolder()
    const giveUp = new AbortController()
    const starting = startEmbedded({ dataDir: folder.path, signal: giveUp.signal, log: quiet })
    // Its settings are written right before PostgreSQL is started.
    await eventually(() => stat(join(folder.path, 'postgres/deed.conf')), 20_000, 2)
    giveUp.abort()
    try {
      await assert.rejects(starting, { name: 'AbortError' })
    } finally {
      await starting.then((embedded) => embedded.stop(), quiet)
    }
    await assert.rejects(postmasterPid(folder.path), { code: 'ENOENT' })
    await using embedded = await start(folder.path)
    assert.deepEqual(await query(embedded.url, 'select 1 as one'), [{ one: 1 }])
  })
})

describe('PostgreSQL for tests', () => {
  it('gives each test an empty database', async () => {
    await using first = await testDatabase()
    await using second = await testDatabase()
    await query(first.url, 'create table mine ()')
    assert.deepEqual(await query(second.url, `select to_regclass('mine') as there`), [{ there: null }])
  })

  it('can be stopped, started and killed on its own', async () => {
    await using postgres = await ownPostgres()
    await query(postgres.url, 'create table kept as select 1 as one')
    await postgres.stop()
    await assert.rejects(query(postgres.url, 'select 1'), { code: 'ECONNREFUSED' })
    await postgres.start()
    await postgres.kill()
    await postgres.start()
    assert.deepEqual(await query(postgres.url, 'select one from kept'), [{ one: 1 }])
  })
})
