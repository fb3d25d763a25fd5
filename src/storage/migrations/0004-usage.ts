import { Migration } from '@mikro-orm/migrations'

/** What was consumed, for whom, counted from the ledger; and answers that are given again. */
export class UsageMigration extends Migration {
  override readonly name = '0004-usage'

  override up(): void {
    this.addSql('alter table operation add column api_key_id uuid')
    this.addSql('alter table result add column cached_from uuid')
    // place: in the order in which the ledger is written. Older rows have 0, which no count reaches. Whoever takes a place has a
    // transaction id first: the CASE sees to that, and roll_up_usage relies on it.
    this.addSql(
      'alter table completion add column usage_estimated boolean not null default false, add column place bigint not null default 0',
    )
    this.addSql('create sequence completion_place')
    this.addSql(`alter table completion alter column place
      set default case when pg_current_xact_id() is not null then nextval('completion_place') end`)
    this.addSql('create index on completion using brin (place) with (pages_per_range = 8, autosummarize = on)')

    // Whose completions those of a deleted operation were.
    this.addSql(`create table deleted_operation (
      project_id uuid not null, id uuid not null, day date not null, contract text not null, method text not null, api_key_id uuid,
      primary key (project_id, id, day))`)
    this.addSql('create index on deleted_operation (day)')

    const counts = ['valid', 'invalid', 'refused', 'truncated', 'failed', 'aborted', 'unpriced', 'estimated']
    const sums = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens', 'cost_micro_usd']
    this.addSql(`create table usage (
      project_id uuid not null, day date not null, contract text not null, method text not null, model text not null, api_key_id uuid,
      ${[...counts, ...sums].map((name) => `${name} bigint not null`).join(', ')},
      unique nulls not distinct (project_id, day, contract, method, model, api_key_id)) with (fillfactor = 70)`)
    // One row. counted: the place up to which the ledger is in usage, which has all that was committed by as_of. bound: the place
    // to be counted next, once every transaction before bound_xid is over.
    this.addSql(`create table usage_cursor (
      one boolean primary key default true check (one), counted bigint not null, as_of timestamptz not null,
      bound bigint not null, bound_xid xid8 not null, bound_at timestamptz not null) with (fillfactor = 50)`)
    this.addSql(
      `insert into usage_cursor (counted, as_of, bound, bound_xid, bound_at) values (0, now(), 0, '0', now())`,
    )

    this.addSql(`create table answer_cache (
      project_id uuid not null, method text not null, version int not null, fingerprint bytea not null,
      operation_id uuid not null, day date not null, expires_at timestamptz not null,
      primary key (project_id, method, version, fingerprint))`)
    this.addSql('create index on answer_cache (expires_at)')
    this.addSql('create index on answer_cache (project_id, operation_id)')
  }
}
