import { Migration } from '@mikro-orm/migrations'

const hot =
  'with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)'

const unfinished = `
  attempt int not null, failures int not null default 0, max_failures int not null, crashes int not null default 0,
  detached boolean not null, attempt_timeout interval not null, expires_at timestamptz not null`

/** The tables of the spine: projects and keys, contracts, operations with their results and ledger, the queue. */
export class SpineMigration extends Migration {
  override readonly name = '0001-spine'

  override up(): void {
    this.addSql(`create table project (
      id uuid primary key, name text not null unique, created_at timestamptz not null default now())`)

    this.addSql(`create table api_key (
      id uuid primary key, project_id uuid not null references project, display_name text not null,
      role text not null check (role in ('admin', 'publisher', 'caller', 'viewer')), secret_hash bytea not null unique,
      created_at timestamptz not null default now(), revoked_at timestamptz)`)
    this.addSql('create index on api_key (project_id, id)')

    // One row. Publishers update it first, so revisions are committed in their order and a follower misses none.
    this.addSql('create table catalog (one boolean primary key default true check (one), revision bigint not null)')
    this.addSql('insert into catalog (revision) values (0)')
    this.addSql(`create table contract (
      project_id uuid not null references project, name text not null, active_version int, latest_version int not null,
      revision bigint not null, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
      primary key (project_id, name))`)
    this.addSql('create index on contract (revision)')
    this.addSql(`create table contract_version (
      project_id uuid not null, contract text not null, version int not null, image bytea not null, digest bytea not null,
      created_at timestamptz not null default now(),
      primary key (project_id, contract, version), foreign key (project_id, contract) references contract (project_id, name))`)
    this.addSql('create index on contract_version (project_id, contract, digest)')

    // day: the UTC date inside the UUIDv7, so a row is found from its id alone.
    this.addSql(`create table operation (
      project_id uuid not null, id uuid not null, day date not null, contract text not null, version int not null,
      method text not null, key text, request bytea not null, traceparent text, accepted_at timestamptz not null default now(),
      primary key (project_id, id, day)) partition by range (day)`)
    this.addSql('create index on operation (project_id, contract, id)')
    this.addSql('create index on operation (project_id, method, id)')
    // response: the message, or a google.rpc.Status when code is not 0. replica_id: who settled it, null for the reaper.
    this.addSql(`create table result (
      project_id uuid not null, id uuid not null, day date not null, attempt int not null, replica_id uuid,
      code smallint not null, response bytea not null, model text not null, settled_at timestamptz not null default now(),
      primary key (project_id, id, day)) partition by range (day)`)
    // Successes are nearly all: newest first finds them soon. The rare ends have an index of their own.
    this.addSql('create index on result (project_id, (code = 1), id) where code <> 0')
    this.addSql(`create table completion (
      project_id uuid not null, operation_id uuid not null, day date not null, attempt int not null, sequence int not null,
      model text not null, outcome text not null, input_tokens int not null, output_tokens int not null,
      cache_read_tokens int not null, cache_write_tokens int not null, cost_micro_usd bigint, latency_ms float8 not null,
      provider_request_id text not null, started_at timestamptz not null,
      primary key (project_id, operation_id, day, attempt, sequence)) partition by range (day)`)

    // Never partitioned by time: it must be unique.
    this.addSql(`create table idempotency (
      project_id uuid not null, method text not null, key text not null, fingerprint bytea not null,
      operation_id uuid not null, day date not null, expires_at timestamptz not null,
      primary key (project_id, method, key))`)
    this.addSql('create index on idempotency (expires_at)')

    // Where an unfinished operation is: exactly one of ready, timer, lease.
    this.addSql(`create table ready (
      project_id uuid not null, priority smallint not null, due timestamptz not null, operation_id uuid not null,
      day date not null, ${unfinished},
      primary key (project_id, priority, due, operation_id)) ${hot}`)
    this.addSql(`create table timer (
      due timestamptz not null, project_id uuid not null, operation_id uuid not null, priority smallint not null,
      day date not null, ${unfinished},
      primary key (due, project_id, operation_id))`)
    this.addSql(`create table lease (
      project_id uuid not null, operation_id uuid not null, day date not null, priority smallint not null, ${unfinished},
      replica_id uuid not null, deadline_at timestamptz not null,
      primary key (project_id, operation_id)) ${hot}`)
    this.addSql('create index on lease (replica_id)')
    this.addSql('create index on lease (deadline_at)')

    // No index on expires_at: renewing it stays a heap-only update.
    this.addSql('create table replica (id uuid primary key, expires_at timestamptz not null) with (fillfactor = 50)')
    this.addSql(`create table lane (
      project_id uuid primary key references project, weight float8 not null default 1, max_running int,
      vtime float8 not null default 0, floor_due timestamptz[] not null default array_fill('-infinity'::timestamptz, array[3]),
      swept_at timestamptz not null default '-infinity') with (fillfactor = 50)`)
  }
}
