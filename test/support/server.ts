import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, type MethodDefinition } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import type { ContractVersion } from '../../gen/deed/v1/contract.ts'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { createKey } from '../../src/access/keys.ts'
import type { Role } from '../../src/access/principal.ts'
import type { ServerConfig } from '../../src/config.ts'
import type { Providers } from '../../src/models/provider.ts'
import { startServer } from '../../src/server.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { bytesMethod, type CallWith, callUnary, type Reply } from './call.ts'
import { compile } from './compile.ts'
import { silent } from './operations.ts'
import { dataFolder, migratedDatabase } from './postgres.ts'

export type TestProject = { id: string; adminKey: string }

/** A client of a Deed, wherever it runs. It sends one key unless told otherwise. */
export type Connection = {
  /** For shapes of call other than {@link call}'s. */
  client: Client
  /** Of Deed's own services and of contracts. */
  call<Req, Res>(method: MethodDefinition<Req, Res>, request: Req, how?: CallWith): Promise<Reply<Res>>
  /** Compiles, publishes, and returns a client of what was published. */
  publish(sources: Readonly<Record<string, string>>, options?: PublishWith): Promise<ContractClient>
}

export type TestDeed = AsyncDisposable &
  Connection & {
    address: string
    /** For what only SQL can say or do. */
    db: Database
    url: string
    /** The project `default`, whose admin key the client sends. */
    project: TestProject
    /** Another project with an admin key. */
    addProject(): Promise<TestProject>
    /** A key of `default`. */
    keyFor(role: Role): Promise<string>
    /** Another replica over the same database; with these providers, or with those of this one. */
    replica(providers?: Providers): Promise<TestDeed>
  }

export type PublishWith = { key?: string; allowBreaking?: boolean }

/** `models`: what is set for single ones. */
export type DeedOptions = { models?: ServerConfig['models']; log?: Logger }

/** A Deed in this process on a free port, over an empty database of its own. Its default model is `test/one`. */
export async function startDeed(providers: Providers, more: DeedOptions = {}): Promise<TestDeed> {
  await using stack = new AsyncDisposableStack()
  const { url } = stack.use(await migratedDatabase())
  const folder = stack.use(await dataFolder())
  const deed = stack.use(await startReplica(url, folder.path, providers, more))
  const owned = stack.move()
  return { ...deed, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function startReplica(url: string, dataDir: string, providers: Providers, more: DeedOptions): Promise<TestDeed> {
  await using stack = new AsyncDisposableStack()
  const config = {
    dataDir,
    databaseUrl: url,
    host: '127.0.0.1',
    port: 0,
    model: 'test/one',
    providers: new Map(),
    models: more.models ?? new Map(),
    cassette: undefined,
    adminKeyFile: undefined,
    drainMs: 0,
    databaseConnections: 8,
    retentionDays: 30,
    logLevel: 'silent' as const,
  }
  const server = await startServer(config, { signal: AbortSignal.timeout(20_000), log: more.log ?? silent, providers })
  stack.defer(() => server.drain())
  const db = stack.use(await openDatabase(url, { connections: 2 }))
  const adminKey = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim()
  const connection = stack.use(connectTo(server.address, adminKey))
  const { rows } = await db.pool.query<{ id: string }>(`select id from project where name = 'default'`)
  const project = { id: rows[0]?.id ?? '', adminKey }

  const owned = stack.move()
  return {
    ...connection,
    address: server.address,
    db,
    url,
    project,
    addProject: () => addProject(db),
    keyFor: async (role) => (await createKey(db, project.id, `a ${role}`, role)).secret,
    replica: (others = providers) => startReplica(url, dataDir, others, more),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A client of the Deed at an address. */
export function connectTo(address: string, key: string): Connection & Disposable {
  const client = new Client(address, credentials.createInsecure())
  const call: Connection['call'] = (method, request, how = {}) => callUnary(client, method, request, { key, ...how })
  return {
    client,
    call,
    publish: async (sources, { key: publisher = key, allowBreaking = false } = {}) => {
      const image = await imageOf(sources)
      const request = { image, allowBreaking, validateOnly: false }
      const { response } = await call(ContractServiceService.publishContract, request, { key: publisher })
      return new ContractClient(image, response.versions, call, publisher)
    },
    [Symbol.dispose]: () => client.close(),
  }
}

/** Sources as the image that PublishContract takes. */
export async function imageOf(sources: Readonly<Record<string, string>>): Promise<Buffer> {
  return Buffer.from(toBinary(FileDescriptorSetSchema, await compile(sources)))
}

async function addProject(db: Database): Promise<TestProject> {
  const id = randomUUID()
  await db.pool.query('insert into project (id, name) values ($1, $2)', [id, `project ${id}`])
  await db.pool.query('insert into lane (project_id) values ($1)', [id])
  return { id, adminKey: (await createKey(db, id, 'admin', 'admin')).secret }
}

/** Calls the methods of a published image as a program in another language would: by its descriptors, over bytes. */
export class ContractClient {
  readonly versions: readonly ContractVersion[]
  readonly key: string
  readonly image: Buffer
  readonly #registry: FileRegistry
  readonly #call: Connection['call']

  constructor(image: Buffer, versions: readonly ContractVersion[], call: Connection['call'], key: string) {
    this.image = image
    this.versions = versions
    this.key = key
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image))
    this.#call = call
  }

  /** The same client at another replica, or with another key. */
  at(call: Connection['call'], key = this.key): ContractClient {
    return new ContractClient(this.image, this.versions, call, key)
  }

  /** Calls `Method`, or `package.Service/Method` of an image with several, with a request in protobuf's JSON mapping. */
  async call(method: string, json: JsonValue, how: CallWith = {}): Promise<Reply<JsonValue>> {
    const { response, trailers } = await this.send(method, this.encode(method, json), how)
    return { response: this.decode(method, response), trailers }
  }

  /** Calls it with bytes. */
  send(method: string, request: Uint8Array, how: CallWith = {}): Promise<Reply<Buffer>> {
    return this.#call(bytesMethod(this.path(method)), Buffer.from(request), { key: this.key, ...how })
  }

  path(method: string): string {
    const desc = this.#find(method)
    return `/${desc.parent.typeName}/${desc.name}`
  }

  encode(method: string, json: JsonValue): Uint8Array {
    const { input } = this.#find(method)
    return toBinary(input, fromJson(input, json, { registry: this.#registry }))
  }

  decode(method: string, bytes: Uint8Array): JsonValue {
    const { output } = this.#find(method)
    return toJson(output, fromBinary(output, bytes), { registry: this.#registry })
  }

  #find(method: string): DescMethod {
    const [name, service] = method.split('/').reverse()
    const services = this.versions.map((version) => this.#registry.getService(version.name.split('/')[1] ?? ''))
    const methods = services.flatMap((desc) => (!service || desc?.typeName === service ? (desc?.methods ?? []) : []))
    const found = methods.find((desc) => desc.name === name)
    if (!found) throw new Error(`the image has no method ${method}`)
    return found
  }
}

/** Tries until it does not throw, and returns the milliseconds that took. Throws the last error when the time is over. */
export async function within(ms: number, attempt: () => Promise<void>): Promise<number> {
  const from = performance.now()
  for (;;) {
    try {
      await attempt()
      return performance.now() - from
    } catch (error) {
      if (performance.now() - from >= ms) throw error
      await delay(10)
    }
  }
}
