/** What an unfinished operation takes along unchanged, whichever of ready, timer and lease it moves to. */
export const carried =
  'project_id, operation_id, day, priority, max_failures, detached, attempt_timeout, expires_at, queue_timeout, origin'

/**
 * The head of an insert into ready, to be followed by `from …`. What enters is due now: with an older time it would hide below
 * the floor of a lane. `values`: attempt, failures and crashes.
 */
export const intoReady = (
  values: string,
) => `insert into ready (due, give_up_at, ${carried}, attempt, failures, crashes)
  select now(), least(expires_at, now() + queue_timeout), ${carried}, ${values}`

/** The head of an insert into timer, to be followed by `from …`. `due`: when the next attempt may be made. */
export const intoTimer = (
  due: string,
  values: string,
) => `insert into timer (due, ${carried}, attempt, failures, crashes)
  select ${due}, ${carried}, ${values}`
