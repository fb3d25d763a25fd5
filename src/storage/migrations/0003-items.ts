import { Migration } from '@mikro-orm/migrations'

/** The items of operations that are answered with a stream. */
export class ItemsMigration extends Migration {
  override readonly name = '0003-items'

  override up(): void {
    // ordinal: from 1, without gaps. attempt: the one that stored it.
    this.addSql(`create table item (
      project_id uuid not null, operation_id uuid not null, day date not null, ordinal int not null, attempt int not null,
      payload bytea not null, primary key (project_id, operation_id, day, ordinal)) partition by range (day)`)
  }
}
