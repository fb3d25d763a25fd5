import { Migrator } from '@mikro-orm/migrations'
import { type EntityManager, MikroORM, PostgreSqlConnection } from '@mikro-orm/postgresql'
import type { Pool } from 'pg'
import { connectTimeoutMs } from './connect-timeout.ts'
import { ApiKey } from './entities/api-key.ts'
import { Completion } from './entities/completion.ts'
import { Contract } from './entities/contract.ts'
import { ContractVersion } from './entities/contract-version.ts'
import { Project } from './entities/project.ts'
import { SpineMigration } from './migrations/0001-spine.ts'
import { QueueMigration } from './migrations/0002-queue.ts'
import { ItemsMigration } from './migrations/0003-items.ts'
import { UsageMigration } from './migrations/0004-usage.ts'
import { ModelLimitsMigration } from './migrations/0005-model-limits.ts'

/** The one store: entities through `em()`, the hot statements through `pool`, both over the same connections. */
export type Database = {
  orm: MikroORM
  pool: Pool
  /** Of the database, for the connections that are not of the pool. */
  url: string
  /** A fork of the entity manager for one call; the signal ends its queries. */
  em(signal?: AbortSignal): EntityManager
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens the pool. Does not wait for the server: the first statement does. */
export async function openDatabase(url: string, options: { connections: number }): Promise<Database> {
  const orm = await MikroORM.init({
    clientUrl: url,
    dbName: databaseName(url),
    entities: [Project, ApiKey, Contract, ContractVersion, Completion],
    extensions: [Migrator],
    migrations: {
      migrationsList: [SpineMigration, QueueMigration, ItemsMigration, UsageMigration, ModelLimitsMigration],
      tableName: 'migration',
      snapshot: false,
      transactional: true,
    },
    pool: { min: 0, max: options.connections, idleTimeoutMillis: 60_000 },
    driverOptions: {
      // MikroORM takes host, port and names out of the URL and forgets its parameters, `sslmode` among them.
      connectionString: url,
      application_name: 'deed',
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 30_000,
      keepAlive: true,
    },
    // One primary, no replicas to read from; what is written by statements must be read back at once.
    preferReadReplicas: false,
    forceUtcTimezone: true,
    debug: false,
    logger: () => {},
  })
  const connection = orm.em.getConnection()
  if (!(connection instanceof PostgreSqlConnection)) throw new Error('the ORM did not open a PostgreSQL connection')
  const pool = await connection.getNativeClient()
  return {
    orm,
    pool,
    url,
    em: (signal) => orm.em.fork(signal ? { signal } : {}),
    [Symbol.asyncDispose]: () => orm.close(true),
  }
}

function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1)) || 'postgres'
}
