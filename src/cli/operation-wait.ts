import { type Operation, OperationsService as Operations } from '../../gen/google/longrunning/operations.ts'
import { statusLine, statusLines } from '../errors/status-details.ts'
import type { CommandContext } from './command.ts'
import type { Connection } from './connect.ts'
import { forEachName } from './each-name.ts'
import { Failure } from './failure.ts'
import { span } from './format.ts'
import { jsonLine } from './json-line.ts'
import { type OperationView, operationViewer, stateName, viewJson } from './operation-view.ts'
import type { Output } from './output.ts'
import { type Persistence, pause, persist } from './persist.ts'

/** So that what lies between does not take the connection for dead, and a replica may drain. */
const longestMs = 60_000
/** A server need not wait for as long as it is asked to. */
const shortestMs = 250
const answerMs = 10_000

/** `deed operation wait`: prints the end of each, in the order of the names. */
export async function waitOperations(context: CommandContext, names: readonly string[], timeoutMs: number) {
  const { connection, output, signal } = context
  const view = operationViewer(connection)
  using _progress = output.progress(`waiting for ${countOf(names)}, ${span(timeoutMs)} at the most`)
  await forEachName(names, async (name) => {
    // Without patience at first: a wrong name or address is told at once.
    const { response: now } = await connection.call(Operations.getOperation, { name })
    const wait = { signal, patienceMs: timeoutMs }
    const operation = now.done ? now : await waitForEnd(connection, name, timeoutMs, wait)
    const seen = await view(operation)
    return () => printEnd(seen, output)
  })
}

/** Returns the operation when it has ended, or as it is when the time is over. */
export async function waitForEnd(
  connection: Connection,
  name: string,
  timeoutMs: number,
  persistence: Persistence,
): Promise<Operation> {
  const until = performance.now() + timeoutMs
  for (;;) {
    const began = performance.now()
    const askedMs = Math.max(0, Math.min(longestMs, until - began))
    const request = { name, timeout: durationOf(askedMs) }
    const ask = () => connection.call(Operations.waitOperation, request, { timeoutMs: askedMs + answerMs })
    const patienceMs = Math.min(persistence.patienceMs, until - began)
    const { response } = await persist(ask, { ...persistence, patienceMs })
    const now = performance.now()
    if (response.done || now >= until) return response
    const early = Math.min(began + shortestMs, until) - now
    if (early > 0) await pause(early, persistence.signal)
  }
}

/** Prints the response, as `deed call` does. Throws a Failure when there is none, after its document with `--json`. */
export function printEnd(view: OperationView, output: Output): void {
  const { operation, metadata, response, error } = view
  if (output.json) output.print(jsonLine(viewJson(view)))
  if (error) {
    const hint = `"npx deed operation get ${operation}" shows what was tried`
    throw new Failure(`${statusLine(error)} (${operation})`, {
      hint,
      lines: statusLines(error),
      json: { ...error, operation },
    })
  }
  if (!view.done) {
    throw new Failure(`${operation} has not ended: it is ${stateName(view)}`, {
      hint: `it goes on; wait longer with "npx deed operation wait ${operation} --timeout 10m"`,
      json: { operation, state: stateName(view) },
    })
  }
  if (output.json) return
  output.print(JSON.stringify(response ?? {}, undefined, 2))
  const version = metadata.contractVersion.split('/').at(-1)
  output.remark([operation, `version ${version}`, metadata.model].filter(Boolean).join(' · '))
}

function countOf(names: readonly string[]): string {
  return names.length === 1 ? 'the operation' : `${names.length} operations`
}

function durationOf(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1e3)), nanos: Math.floor(ms % 1e3) * 1e6 }
}
