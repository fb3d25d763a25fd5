import { Migration } from '@mikro-orm/migrations'

/** What the replicas share of the limits of models: who asks one now, and what it was asked in the last minute. */
export class ModelLimitsMigration extends Migration {
  override readonly name = '0005-model-limits'

  override up(): void {
    // expires_at: longer than any completion lasts, for a slot whose return was lost.
    this.addSql(`create table model_slot (
      id uuid primary key, model text not null, replica_id uuid not null, expires_at timestamptz not null)`)
    this.addSql('create index on model_slot (model)')
    // second: of the database's clock, since 1970. A minute of rows for each model that is limited.
    this.addSql(`create table model_second (
      model text not null, second bigint not null, requests int not null, tokens bigint not null,
      primary key (model, second)) with (fillfactor = 50)`)
  }
}
