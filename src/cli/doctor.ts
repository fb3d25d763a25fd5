import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Client } from 'pg'
import { unreachable } from '../storage/migrate.ts'
import { type Examined, examine, type Finding, maxFindings } from '../storage/statements/doctor.ts'
import { Failure } from './failure.ts'
import { jsonLine } from './json-line.ts'
import type { Storage } from './migrate.ts'
import { type Column, type Output, printTable } from './output.ts'

/** `deed doctor`: looks into the database for what Deed promises that it never holds. Fails when it finds something. */
export async function runDoctor(storage: Storage, output: Output, signal: AbortSignal): Promise<void> {
  using progress = output.progress('examining the database')
  await using stack = new AsyncDisposableStack()
  const url = storage.databaseUrl ?? (await embeddedUrl(storage.dataDir, output, signal, stack))
  const { findings, examined } = await examineAt(url, signal)
  progress[Symbol.dispose]()
  if (output.json) for (const finding of findings) output.print(jsonLine(jsonOf(finding)))
  if (output.json) output.remark(jsonLine({ examined }))
  else if (findings.length > 0) printTable(output, findings, columns)
  else output.print(`nothing is wrong: ${wordsOf(examined)}`)
  if (findings.length === 0) return
  const all = Map.groupBy(findings, ({ fault }) => fault).values()
  const cut = all.some((found) => found.length >= maxFindings) ? ', or more' : ''
  throw new Failure(`findings: ${findings.length}${cut}, in ${wordsOf(examined)}`, {
    hint: '"deed doctor" in docs/running.md says what each means',
  })
}

async function examineAt(url: string, signal: AbortSignal) {
  const client = new Client({ connectionString: url, application_name: 'deed doctor', connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  // A statement that runs ends with its connection.
  signal.addEventListener('abort', () => void client.end(), { once: true })
  await client.connect().catch((error: unknown) => {
    throw unreachable(error)
  })
  try {
    return await examine(client)
  } catch (error) {
    // undefined_table, undefined_column
    if (!(error instanceof Error && 'code' in error && /^(42P01|42703)$/.test(String(error.code)))) throw error
    throw new Failure("the database does not have this release's schema", { hint: 'run "npx deed migrate"' }, error)
  } finally {
    await client.end()
  }
}

/** Of the PostgreSQL that runs in the data folder, under a server or left by a killed one; else it is started meanwhile. */
async function embeddedUrl(dataDir: string, output: Output, signal: AbortSignal, stack: AsyncDisposableStack) {
  await access(join(dataDir, 'postgres')).catch((error: unknown) => {
    const hint = 'set DEED_DATA_DIR to the folder of a server, or DATABASE_URL'
    throw new Failure(`there is no database in ${resolve(dataDir)}`, { hint }, error)
  })
  const log = (message: string) => output.remark(output.json ? jsonLine({ message }) : message)
  const { databaseName, databaseUrl, openCluster } = await import('../storage/embedded/cluster.ts')
  const { findPostmaster } = await import('../storage/embedded/postmaster.ts')
  const cluster = await openCluster({ dataDir, signal, log })
  const postmaster = await findPostmaster(cluster)
  if (postmaster?.ready) return databaseUrl(cluster, postmaster.port, databaseName)
  const { startEmbedded } = await import('../storage/embedded.ts')
  return stack.use(await startEmbedded({ dataDir, signal, log })).url
}

function jsonOf({ fault, table, projectId, operation, replica, detail }: Finding) {
  return {
    fault,
    table,
    ...(operation !== null && { operation: `operations/${operation}` }),
    ...(projectId !== null && { projectId }),
    ...(replica !== null && { replica }),
    detail,
  }
}

function wordsOf({ operations, unfinished, projects, replicas }: Examined): string {
  return `${operations} operations (${unfinished} unfinished), projects: ${projects}, replicas that live: ${replicas}`
}

const columns: readonly Column<Finding>[] = [
  { title: 'FAULT', cell: ({ fault }) => fault, format: () => 'red' },
  { title: 'TABLE', cell: ({ table }) => table },
  { title: 'OPERATION', cell: ({ operation }) => (operation === null ? '-' : `operations/${operation}`) },
  { title: 'PROJECT', cell: ({ projectId }) => projectId ?? '-', spare: true },
  { title: 'REPLICA', cell: ({ replica }) => replica ?? '-', spare: true },
  { title: 'DETAIL', cell: ({ detail }) => detail, shrinks: true },
]
