import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { fromBinary } from '@bufbuild/protobuf'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { readAdminKey, writeAdminKey } from './access/admin-key.ts'
import { Authenticator } from './access/authenticate.ts'
import { bootstrap } from './access/bootstrap.ts'
import type { ServerConfig } from './config.ts'
import { LiveContracts } from './contracts/live.ts'
import { openProviders } from './models/open-providers.ts'
import type { Providers } from './models/provider.ts'
import { Limiter } from './models/routing/limiter.ts'
import { Models } from './models/routing/models.ts'
import { Operations } from './operations/operations.ts'
import { createRpc } from './rpc/rpc.ts'
import { openDatabase } from './storage/database.ts'
import { startEmbedded } from './storage/embedded.ts'
import { Listener } from './storage/listener.ts'
import { migrate } from './storage/migrate.ts'
import { removeReplicas } from './storage/statements/replica.ts'
import { createLog } from './telemetry/log.ts'

/** A server that listens. */
export type Deed = {
  /** `host:port` */
  address: string
  /** Finishes what runs within the configured grace time, gives back the rest, and closes everything. */
  drain(): Promise<void>
}

export type StartOptions = {
  signal: AbortSignal
  log: Logger
  /** Instead of those that the configuration names. */
  providers?: Providers
  /** What a person at the terminal should know, a line at a time. */
  say?: (line: string) => void
}

/**
 * The composition root: wires the rooms together, outermost last, and listens when all of them are ready. Throws an Error of
 * one line when something is not as the configuration says; what was started is closed again.
 */
export async function startServer(config: ServerConfig, options: StartOptions): Promise<Deed> {
  const { log, signal, say = () => {} } = options
  await using closing = new AsyncDisposableStack()
  await requireFree(config)
  const opened = closing.use(await openProviders(config))

  const embedded = config.databaseUrl === undefined
  let url = config.databaseUrl
  if (url === undefined) {
    const postgres = await startEmbedded({ dataDir: config.dataDir, signal, log: (message) => log.info(message) })
    closing.defer(() => postgres.stop())
    url = postgres.url
  }
  const ran = await migrate(url)
  if (ran.length > 0) log.info({ migrations: ran }, 'migrated')
  const database = closing.use(await openDatabase(url, { connections: config.databaseConnections }))
  // Nobody else can use the embedded database, so whatever replicas it knows were killed.
  if (embedded) await removeReplicas(database.pool)

  const given = config.adminKeyFile === undefined ? undefined : await readAdminKey(config.adminKeyFile)
  await bootstrap(database, given, async (secret) => {
    const file = await writeAdminKey(config.dataDir, secret)
    say(`The admin key is in ${file}${process.stdout.isTTY ? `: ${secret}` : ''}`)
  })

  const contracts = new LiveContracts(database, log)
  const models = new Models({
    providers: options.providers ?? opened.providers,
    settings: config.models,
    limiter: new Limiter(database.pool, log, () => operations.replicaId),
    log,
  })
  const answers = { models, defaultModel: config.model }
  const operations = new Operations({
    db: database.pool,
    log,
    listener: new Listener(database.url, database.pool, log),
    answers,
    methodOf: async (projectId, contract, version, method) => {
      const found = (await contracts.version(projectId, contract, version))?.methods.get(method)
      if (!found) throw new Error(`contracts/${contract}/versions/${version} has no method ${method}`)
      return found
    },
    read: (method, bytes) => fromBinary(method.input, bytes),
    retentionDays: config.retentionDays,
  })
  const server = new Server(serverOptions)
  keepOddHeaders(server)
  const rpc = createRpc(server, {
    database,
    contracts,
    operations,
    authenticator: new Authenticator(database.pool),
    log,
  })
  closing.defer(() => rpc.stop())
  await contracts.start()
  closing.defer(() => contracts.stop())
  await operations.start()
  let drained = false
  closing.defer(() => (drained ? undefined : operations.drain(0)))
  const port = await listen(server, config)
  await rpc.start()

  const open = closing.move()
  return {
    address: `${config.host}:${port}`,
    async drain() {
      rpc.drain()
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      await operations.drain(config.drainMs)
      drained = true
      const force = setTimeout(() => endSessions(server), lastRepliesMs)
      await closed
      clearTimeout(force)
      await open.disposeAsync()
    },
  }
}

/** How long the last replies may take to leave after the work is done. */
const lastRepliesMs = 2_000

/**
 * `deed serve`: runs until SIGTERM or SIGINT, then drains. A second signal ends it at once. `beforeSaying` is called
 * before anything is said to a person at the terminal.
 */
export async function serve(config: ServerConfig, beforeSaying: () => void = () => {}): Promise<void> {
  const log = createLog(config.logLevel)
  const stopping = new AbortController()
  const asked = new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.once(name, () => {
        process.once(name, () => process.exit(1))
        stopping.abort()
        resolve(name)
      })
    }
  })
  const say = (line: string) => {
    beforeSaying()
    process.stdout.write(`${line}\n`)
  }
  const deed = await startServer(config, { signal: stopping.signal, log, say }).catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
    log.info('stopped while starting')
  })
  if (!deed) return
  const store = config.databaseUrl === undefined ? `PostgreSQL in ${config.dataDir}` : 'PostgreSQL of DATABASE_URL'
  say(`Deed listens on ${deed.address} (model ${config.model}, ${store})`)
  const example = 'examples/support' // in a checkout
  say(`Publish a contract with: npx deed publish ${existsSync(example) ? example : 'FOLDER'}`)
  log.info({ signal: await asked, address: deed.address }, 'draining')
  await deed.drain()
  log.info('stopped')
}

const serverOptions = {
  // Above Deed's own limit, so that Deed can say what is wrong.
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': -1,
  // Idle clients stay connected; dead ones are noticed.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.enable_channelz': 0,
}

/**
 * Node drops a header whose value begins or ends with a space: an idempotency-key would be lost without a word. This has it
 * arrive, so that it can be refused. grpc-js has no option of its own for it; a test notices when this stops working.
 */
function keepOddHeaders(server: Server): void {
  const options: unknown = Reflect.get(server, 'commonServerOptions')
  if (options instanceof Object) Object.assign(options, { strictFieldWhitespaceValidation: false })
}

/**
 * Ends all connections. grpc-js's own `forceShutdown` knows of none where channelz is off, and a caller that does not read what it is
 * sent would keep the server until its deadline. A test notices when this stops working.
 */
function endSessions(server: Server): void {
  server.forceShutdown()
  const listening: unknown = Reflect.get(server, 'http2Servers')
  if (!(listening instanceof Map)) return
  for (const { sessions } of listening.values()) for (const session of [...sessions]) session.destroy()
}

/** A taken port is said before anything is started. */
async function requireFree({ host, port }: ServerConfig): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(host, port, error)))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
  })
}

function listen(server: Server, { host, port }: ServerConfig): Promise<number> {
  const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return new Promise((resolve, reject) => {
    server.bindAsync(target, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(cannotListen(host, port, error))
      else resolve(bound)
    })
  })
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): Error {
  if (error.code === 'EADDRINUSE' || /EADDRINUSE/.test(error.message)) {
    return new Error(`port ${port} on ${host} is in use: stop what listens there, or set DEED_PORT to another`)
  }
  return new Error(`cannot listen on ${host}:${port} (${error.code ?? error.message}): check DEED_HOST and DEED_PORT`)
}
