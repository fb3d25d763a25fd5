import { type Queryable, run } from './statement.ts'

/** A project with its share of the queue. `maxRunning` is null for no limit. */
export type ProjectRow = { id: string; name: string; weight: number; maxRunning: number | null; createdMs: number }

/** What is set is changed; `maxRunning` of null removes the limit. */
export type ProjectChange = { weight?: number; maxRunning?: number | null }

const columns =
  'p.id, p.name, l.weight, l.max_running as "maxRunning", (extract(epoch from p.created_at) * 1000)::float8 as "createdMs"'

export async function findProject(db: Queryable, id: string): Promise<ProjectRow | undefined> {
  const text = `select ${columns} from project p join lane l on l.project_id = p.id where p.id = $1`
  return (await run<ProjectRow>(db, 'find_project', text, [id]))[0]
}

/** Claims lock the lane while they take from it, and no longer: this waits for one at the most. */
export async function updateProject(
  db: Queryable,
  id: string,
  { weight, maxRunning }: ProjectChange,
): Promise<ProjectRow | undefined> {
  const text = `
    with l as (
      update lane set weight = coalesce($2, weight), max_running = case when $3 then $4 else max_running end
      where project_id = $1 returning *)
    select ${columns} from project p join l on l.project_id = p.id`
  const values = [id, weight ?? null, maxRunning !== undefined, maxRunning ?? null]
  return (await run<ProjectRow>(db, 'update_project', text, values))[0]
}
