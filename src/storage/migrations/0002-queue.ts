import { Migration } from '@mikro-orm/migrations'

/** What the queue needs for work whose caller does not wait on the replica that runs it. */
export class QueueMigration extends Migration {
  override readonly name = '0002-queue'

  override up(): void {
    this.addSql('alter table operation add column retry_of uuid')
    // Costs an insert next to nothing, and finds the results of a span of time: they come in the order of time.
    this.addSql(
      'create index result_settled_at on result using brin (settled_at) with (pages_per_range = 8, autosummarize = on)',
    )
    // queue_timeout: of each stay in ready; null for as long as the operation lasts. origin: the replica on which the caller
    // of a call without a key waits for it to come out of the queue.
    for (const table of ['ready', 'timer', 'lease']) {
      this.addSql(`alter table ${table} add column queue_timeout interval, add column origin uuid`)
    }
    this.addSql(`alter table ready add column give_up_at timestamptz not null default 'infinity'`)
    this.addSql('create index on ready (give_up_at)')
    this.addSql('create index on ready (origin) where origin is not null')
    this.addSql('create index on ready (project_id, operation_id)')
    this.addSql('create index on timer (project_id, operation_id)')
  }
}
