import type { Duration } from '../../gen/google/protobuf/duration.ts'
import type { Operations } from '../operations/operations.ts'
import { operationNotFound } from '../operations/outcome.ts'
import type { OperationRow } from '../storage/statements/operation-row.ts'
import type { OpenCalls } from './open-calls.ts'
import { requestInvalid } from './operation-names.ts'
import type { OperationReader } from './operation-reader.ts'
import type { Caller } from './own-methods.ts'

const timeIsUp = new Error('the time to wait is over')
/** As much as a timer takes; whoever waits for longer has none. */
const maxTimerMs = 2 ** 31 - 1

/** What a wait needs. */
export type WaitParts = { operations: Operations; reader: OperationReader; open: OpenCalls }

/**
 * The operation once it has ended, or as it stands when the shorter of `timeout` and the caller's deadline is over. Waiting is no
 * work in flight: a drain ends it. All who wait share one poll and one reader.
 */
export async function waitOperation(
  { operations, reader, open }: WaitParts,
  id: string,
  timeout: Duration | undefined,
  { principal: { projectId }, deadlineMs, signal }: Caller,
): Promise<OperationRow> {
  const untilMs = Math.min(performance.now() + timeoutMs(timeout), performance.now() + beforeDeadline(deadlineMs))
  const read = async () => {
    const row = await reader.read(projectId, id)
    if (row) return row
    throw operationNotFound(id)
  }
  const row = await read()
  const waitMs = untilMs - performance.now()
  if (row.code !== null || waitMs <= 0) return row

  const waiting = new AbortController()
  const end = (reason: unknown) => waiting.abort(reason)
  const leave = () => end(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  const close = open.add(end)
  const timer = waitMs > maxTimerMs ? undefined : setTimeout(end, waitMs, timeIsUp)
  try {
    await operations.wait({ projectId, operationId: id, day: row.day }, waiting.signal)
  } catch (error) {
    if (error !== timeIsUp) throw error
  } finally {
    clearTimeout(timer)
    close()
    signal.removeEventListener('abort', leave)
  }
  return read()
}

function timeoutMs(timeout: Duration | undefined): number {
  if (!timeout) return Number.POSITIVE_INFINITY
  const ms = Number(timeout.seconds) * 1_000 + timeout.nanos / 1e6
  if (ms >= 0) return ms
  throw requestInvalid({ field: 'timeout', description: 'must not be negative' })
}

/** grpc-js ends a call at its deadline by itself: the answer has to leave a little before. */
function beforeDeadline(deadlineMs: number): number {
  const leftMs = deadlineMs - Date.now()
  return leftMs - Math.min(200, leftMs / 10)
}
