import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { pino } from 'pino'
import { bootstrap } from '../../src/access/bootstrap.ts'
import type { Method } from '../../src/contracts/method.ts'
import type { Providers } from '../../src/models/provider.ts'
import { Models } from '../../src/models/routing/models.ts'
import type { Call } from '../../src/operations/call.ts'
import { Operations } from '../../src/operations/operations.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { Project } from '../../src/storage/entities/project.ts'
import { Listener } from '../../src/storage/listener.ts'
import { examine } from '../../src/storage/statements/doctor.ts'
import { methodOf } from './methods.ts'
import { migratedDatabase } from './postgres.ts'

export const silent = pino({ level: 'silent' })

export const echoSource = `
syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
// Echoes.
service EchoService {
  // Repeat the text.
  rpc Echo(EchoRequest) returns (EchoResponse) {
    option (deed.v1.method) = {models: ["test/one"], max_failures: 3, max_repairs: 1, attempt_timeout: {seconds: 20}};
  }
}
message EchoRequest { string text = 1 [(buf.validate.field).string.max_len = 100]; map<string, int32> counts = 2; }
message EchoResponse { string text = 1 [(buf.validate.field).string.min_len = 1]; }
`

/** A database with Deed's schema and the project \`default\`. */
export async function deedDatabase(): Promise<{ url: string; db: Database; projectId: string } & AsyncDisposable> {
  const stack = new AsyncDisposableStack()
  const { url } = stack.use(await migratedDatabase())
  const db = stack.use(await openDatabase(url, { connections: 8 }))
  await bootstrap(db, 'a key that only these tests have....', async () => {})
  const { id } = await db.em().findOneOrFail(Project, { name: 'default' })
  return { url, db, projectId: id, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** A replica's operations over the database, with the echo contract, or the one method of another. */
export async function replica(
  db: Database,
  providers: Providers,
  source = echoSource,
): Promise<{ operations: Operations; method: Method } & AsyncDisposable> {
  const method = await methodOf(source)
  const operations = new Operations({
    db: db.pool,
    log: silent,
    listener: new Listener(db.url, db.pool, silent),
    answers: { models: new Models({ providers }), defaultModel: 'test/one' },
    methodOf: async () => method,
    read: (of, bytes) => fromBinary(of.input, bytes),
    retentionDays: 30,
  })
  await operations.start()
  let drained = false
  return {
    operations,
    method,
    async [Symbol.asyncDispose]() {
      if (drained) return
      drained = true
      await operations.drain(0)
    },
  }
}

/** A call of Echo. */
export function echoCall(projectId: string, method: Method, text: string, more: Partial<Call> = {}): Call {
  const message = create(method.input, { text })
  return {
    projectId,
    method,
    message,
    request: toBinary(method.input, message),
    key: undefined,
    apiKeyId: undefined,
    context: ROOT_CONTEXT,
    signal: new AbortController().signal,
    ...more,
  }
}

/** How many rows a table has for an operation or in all. */
export async function count(db: Database, table: string): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)
  return rows[0]?.n ?? -1
}

/** What the doctor finds, in words. That no replica lives is said by the test that ended them. */
export async function misplaced(db: Pick<Database, 'pool'>): Promise<string[]> {
  const client = await db.pool.connect()
  try {
    const { findings } = await examine(client)
    return findings
      .filter(({ fault }) => fault !== 'no replica lives')
      .map(({ fault, table, operation, detail }) => `${fault}: ${operation ?? table}, ${detail}`)
  } finally {
    client.release()
  }
}
