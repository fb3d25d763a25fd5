import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Provider } from '../src/models/provider.ts'
import { startServer } from '../src/server.ts'
import { startEmbedded } from '../src/storage/embedded.ts'
import { createLog } from '../src/telemetry/log.ts'
import { serveUntilTold } from './ready.ts'
import { timeStatements } from './statement-times.ts'
import { answerText } from './ticket.ts'
import { ticks } from './ticks.ts'

// Deed as it is run, on a PostgreSQL of its own in a folder that is removed at the end. Its model answers at once, or after
// `--model-ms N`; each item of a stream after as long. With `--spans` it traces, and reports how long its statements took.

const startTimeoutMs = 60_000

const { values } = parseArgs({ options: { 'model-ms': { type: 'string', default: '0' }, spans: { type: 'boolean' } } })
const modelMs = Number(values['model-ms'])
// Before the server, as with `deed serve`.
const statements = values.spans ? timeStatements() : undefined

const usage = { inputTokens: 120, outputTokens: 60, cacheReadTokens: 0, cacheWriteTokens: 0 }
const provider: Provider = async function* (request, signal) {
  if (request.method.shape === 'server_streaming') {
    for await (const text of ticks(request, modelMs, signal)) yield { kind: 'text', text }
  } else {
    if (modelMs > 0) await delay(modelMs, undefined, { signal })
    yield { kind: 'text', text: answerText }
  }
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
    model: 'bench/triage',
    providers: new Map(),
    models: new Map(),
    cassette: undefined,
    adminKeyFile: undefined,
    drainMs: 5_000,
    databaseConnections: 16,
    retentionDays: 30,
    logLevel: 'warn',
  } as const
  const deed = await startServer(config, { signal, log, providers: new Map([['bench', provider]]) })
  const key = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim()
  await serveUntilTold({ address: deed.address, key, databaseUrl: postgres.url }, () => ({ ...statements?.() }))
  await deed.drain()
} finally {
  await rm(dataDir, { recursive: true, force: true })
}
