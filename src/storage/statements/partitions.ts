import type { Queryable } from './statement.ts'
import { run } from './statement.ts'

/** A day's partition of operation, result and completion, made when it is missing. */
export const partitionsFunction = `
create or replace function make_partitions(first date, last date) returns int language plpgsql as $$
declare t text; d date; made int := 0; part text;
begin
  foreach t in array array['operation', 'result', 'completion'] loop
    d := first;
    while d <= last loop
      part := format('%s_%s', t, to_char(d, 'YYYYMMDD'));
      if to_regclass(part) is null then
        execute format('create table if not exists %I partition of %I for values from (%L) to (%L)', part, t, d, d + 1);
        made := made + 1;
      end if;
      d := d + 1;
    end loop;
  end loop;
  return made;
end $$`

/** Partitions exist from yesterday to a week ahead; there is no default partition. Returns how many were made. */
export async function makePartitions(db: Queryable): Promise<number> {
  const text = `select make_partitions((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date + 7) as made`
  const rows = await run<{ made: number }>(db, 'make_partitions', text, [])
  return rows[0]?.made ?? 0
}
