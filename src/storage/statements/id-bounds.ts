/** An id has the time at which its replica got the call, by the clock of the database as it knew it; the commit follows. */
const slackMs = { before: 30_000, after: 5_000 }
const maxMs = 253_402_300_799_999

/** The least id, and the day, that an operation can have which was accepted at a time, `acceptMs` after its call came. */
export function firstIdAt(ms: number, acceptMs = slackMs.before): { id: string; day: string } {
  return at(ms - acceptMs)
}

/** The id, and the day, above which no operation is that was accepted by a time. */
export function lastIdAt(ms: number): { id: string; day: string } {
  return at(ms + slackMs.after)
}

function at(ms: number): { id: string; day: string } {
  const time = Math.min(Math.max(Math.floor(ms), 0), maxMs)
  const hex = time.toString(16).padStart(12, '0')
  const day = new Date(time).toISOString().slice(0, 10)
  return { id: `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`, day }
}
