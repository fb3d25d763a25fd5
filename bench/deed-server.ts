import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Provider } from '../src/models/provider.ts'
import { startServer } from '../src/server.ts'
import { startEmbedded } from '../src/storage/embedded.ts'
import { createLog } from '../src/telemetry/log.ts'
import { serveUntilTold } from './ready.ts'
import { answerText } from './ticket.ts'

// Deed as it is run, on a PostgreSQL of its own in a folder that is removed at the end, with a model that answers at once.

const startTimeoutMs = 60_000

const usage = { inputTokens: 120, outputTokens: 60, cacheReadTokens: 0, cacheWriteTokens: 0 }
const instant: Provider = async function* () {
  yield { kind: 'text', text: answerText }
  yield { kind: 'end', stop: 'complete', usage, providerRequestId: '' }
}

const dataDir = await mkdtemp(join(tmpdir(), 'deed-bench-'))
try {
  const signal = AbortSignal.timeout(startTimeoutMs)
  const log = createLog('warn')
  await using postgres = await startEmbedded({ dataDir, signal, log: (message) => log.info(message) })
  const config = {
    dataDir,
    databaseUrl: postgres.url,
    host: '127.0.0.1',
    port: 0,
    model: 'instant/triage',
    anthropic: undefined,
    adminKeyFile: undefined,
    drainMs: 5_000,
    databaseConnections: 16,
    logLevel: 'warn',
  } as const
  const deed = await startServer(config, { signal, log, providers: new Map([['instant', instant]]) })
  const key = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim()
  await serveUntilTold({ address: deed.address, key, databaseUrl: postgres.url })
  await deed.drain()
} finally {
  await rm(dataDir, { recursive: true, force: true })
}
