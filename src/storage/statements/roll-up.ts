import { type Queryable, run } from './statement.ts'

const outcomes = ['valid', 'invalid', 'refused', 'truncated', 'failed', 'aborted']
const tokens = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens']

/** The columns of usage that add up, each with what a group of completions `c` adds to it. */
const sums: readonly (readonly [column: string, added: string])[] = [
  ...outcomes.map((name) => [name, `count(*) filter (where c.outcome = '${name.toUpperCase()}')`] as const),
  ['unpriced', 'count(*) filter (where c.cost_micro_usd is null)'],
  ['estimated', 'count(*) filter (where c.usage_estimated)'],
  ...tokens.map((name) => [name, `sum(c.${name})`] as const),
  ['cost_micro_usd', 'coalesce(sum(c.cost_micro_usd), 0)'],
]
const columns = sums.map(([column]) => column)

/**
 * Adds the completions that were committed since to usage, each once: what is added and up to which place is one transaction, under
 * the lock of the cursor's row. Places are committed in another order than they are taken in, so a bound is set first, and what is
 * up to it is counted when every transaction that may have taken such a place is over: all of them have an id below that of the
 * transaction that set the bound, since that read the last place before it had one. An id that is ahead of this transaction's own
 * comes from another cluster, of which this database is a dump: then there is nothing to wait for.
 *
 * At most `lim` places are counted at a time. Returns whether there is more to do at once.
 */
export const rollUpFunction = `
create or replace function roll_up_usage(lim int) returns boolean language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare last bigint; at usage_cursor; upto bigint;
begin
  if pg_current_xact_id_if_assigned() is not null then raise exception 'roll_up_usage needs a transaction of its own'; end if;
  last := (select case when is_called then last_value else 0 end from completion_place);
  if last = (select counted from usage_cursor) then return false; end if;
  select * into at from usage_cursor for update skip locked;
  if not found then return false; end if;
  if at.counted = at.bound then
    update usage_cursor set bound = greatest(last, bound), bound_xid = pg_current_xact_id(), bound_at = now();
    return last > at.bound;
  end if;
  if pg_snapshot_xmin(pg_current_snapshot()) < at.bound_xid and at.bound_xid <= pg_current_xact_id() then return false; end if;
  upto := least(at.bound, at.counted + lim);
  insert into usage as u (project_id, day, contract, method, model, api_key_id, ${columns.join(', ')})
    select c.project_id, (c.started_at at time zone 'UTC')::date, coalesce(o.contract, x.contract, ''), coalesce(o.method, x.method, ''), c.model,
      coalesce(o.api_key_id, x.api_key_id), ${sums.map(([, added]) => added).join(', ')}
    from completion c
    left join operation o on o.project_id = c.project_id and o.id = c.operation_id and o.day = c.day
    left join deleted_operation x on x.project_id = c.project_id and x.id = c.operation_id and x.day = c.day
    where c.place > at.counted and c.place <= upto
    group by 1, 2, 3, 4, 5, 6
    on conflict (project_id, day, contract, method, model, api_key_id) do update
      set ${columns.map((name) => `${name} = u.${name} + excluded.${name}`).join(', ')};
  update usage_cursor set counted = upto, as_of = case when upto = bound then bound_at else as_of end;
  return upto < at.bound;
end $$`

/** Returns whether there is more to do at once. `db`: not inside of a transaction. */
export async function rollUpUsage(db: Queryable, limit: number): Promise<boolean> {
  const rows = await run<{ more: boolean }>(db, 'roll_up_usage', 'select roll_up_usage($1) as more', [limit])
  return rows[0]?.more ?? false
}

/** The time by which every completion that was committed is in usage. */
export async function usageAsOf(db: Queryable): Promise<Date> {
  const text = `select (extract(epoch from case when c.counted = case when s.is_called then s.last_value else 0 end then now() else c.as_of end)
      * 1000)::float8 as ms from usage_cursor c cross join completion_place s`
  const [row] = await run<{ ms: number }>(db, 'usage_as_of', text, [])
  if (!row) throw new Error('usage_cursor has no row')
  return new Date(row.ms)
}
