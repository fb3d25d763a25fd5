import {
  OperationServiceService as Service,
  type WatchOperationsResponse,
} from '../../gen/deed/v1/operation_service.ts'
import { statusLine } from '../errors/status-details.ts'
import type { CommandContext } from './command.ts'
import { Unreachable } from './connect.ts'
import { Failure } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { stateFormat, withoutPackage } from './operation.ts'
import { type OperationView, operationViewer, stateName, viewJson } from './operation-view.ts'
import type { Output } from './output.ts'
import { isTransient, pause, pauseAfter } from './persist.ts'

export type WatchArguments = { filter: string; resumeToken: string }

/** `deed operation watch`: a line for each change, until it is interrupted. Goes on where it was when the server is back. */
export async function watchOperations(
  { connection, output, signal }: CommandContext,
  { filter, resumeToken: from }: WatchArguments,
): Promise<void> {
  const view = operationViewer(connection)
  let [resumeToken, failures, reached] = [from, 0, false]
  for (;;) {
    try {
      for await (const change of connection.stream(Service.watchOperations, { filter, resumeToken })) {
        ;[resumeToken, failures, reached] = [change.resumeToken || resumeToken, 0, true]
        if (change.operation) print(await view(change.operation), change, output)
      }
      failures++ // A server that drains may end it so.
    } catch (error) {
      if (signal.aborted || !isTransient(error) || (error instanceof Unreachable && !reached)) throw error
      if (failures++ === 0 && !output.json) output.remark(`${error.message}; going on when it is back`)
    }
    // The first time nearly at once: another replica may take it.
    await pause(pauseAfter(new Failure(''), failures), signal)
  }
}

function print(view: OperationView, { resumeToken }: WatchOperationsResponse, output: Output): void {
  if (output.json) {
    output.print(jsonLine({ ...viewJson(view), resumeToken }))
    return
  }
  const { operation, metadata, error } = view
  const time = (metadata.settleTime ?? metadata.acceptTime ?? new Date()).toISOString()
  const state = stateName(view).padEnd('SUCCEEDED'.length)
  const format = stateFormat(metadata.state)
  const parts = [
    time,
    format ? output.paint(format, state) : state,
    withoutPackage(metadata.method),
    operation,
    ...(error ? [statusLine(error)] : []),
  ]
  output.print(parts.join('  '))
}
