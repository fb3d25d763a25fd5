import type { Queryable } from './statement.ts'
import { run } from './statement.ts'

/**
 * A day's partition of operation, result, completion and item, made when it is missing. It is made apart and then attached: that
 * lets accept and settle go on, where `create table … partition of` would make them wait behind the slowest listing.
 */
export const partitionsFunction = `
create or replace function make_day_partitions(first date, last date) returns int language plpgsql as $$
declare t text; d date; made int := 0; part text;
begin
  perform pg_advisory_xact_lock(7306357892346110977);                    -- one replica at a time
  foreach t in array array['operation', 'result', 'completion', 'item'] loop
    d := first;
    while d <= last loop
      part := format('%s_%s', t, to_char(d, 'YYYYMMDD'));
      if to_regclass(part) is null then
        execute format('create table %I (like %I including all)', part, t);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)', t, part, d, d + 1);
        made := made + 1;
      end if;
      d := d + 1;
    end loop;
  end loop;
  return made;
end $$`

/** Partitions exist from yesterday to a week ahead; there is no default partition. Returns how many were made. */
export async function makePartitions(db: Queryable): Promise<number> {
  const text = `select make_day_partitions((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 7) as made`
  const rows = await run<{ made: number }>(db, 'make_day_partitions', text, [])
  return rows[0]?.made ?? 0
}
