import { type Operation, OperationState } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService as Service } from '../../gen/deed/v1/operation_service.ts'
import type { CommandContext } from './command.ts'
import { Failure } from './failure.ts'
import { age, dollars, enumName } from './format.ts'
import { jsonLine } from './json-line.ts'
import { operationName, wholeContract } from './names.ts'
import { operationJson, payloadReader } from './operation-payload.ts'
import { operationText } from './operation-text.ts'
import { type Column, printTable } from './output.ts'
import { pages } from './pages.ts'
import type { Format } from './table.ts'

/** The states that `--state` takes. */
const states = {
  ready: OperationState.OPERATION_STATE_READY,
  waiting: OperationState.OPERATION_STATE_WAITING,
  running: OperationState.OPERATION_STATE_RUNNING,
  succeeded: OperationState.OPERATION_STATE_SUCCEEDED,
  failed: OperationState.OPERATION_STATE_FAILED,
  cancelled: OperationState.OPERATION_STATE_CANCELLED,
} as const

export type OperationFilter = {
  contract: string | undefined
  method: string | undefined
  state: keyof typeof states | undefined
  /** In AIP-160, for the server to read. */
  filter: string | undefined
  oldestFirst: boolean
  limit: number
}

/** `deed operation list` */
export async function listOperations({ connection, output }: CommandContext, filter: OperationFilter): Promise<void> {
  const contract = filter.contract === undefined ? '' : wholeContract(filter.contract)
  const state = filter.state ? states[filter.state] : OperationState.OPERATION_STATE_UNSPECIFIED
  const order = { filter: filter.filter ?? '', orderBy: filter.oldestFirst ? 'accept_time' : '' }
  const operations = pages(async (pageSize, pageToken) => {
    const request = { pageSize, pageToken, contract, method: filter.method ?? '', state, ...order }
    const { response } = await connection.call(Service.listOperations, request)
    return { items: response.operations, nextPageToken: response.nextPageToken }
  }, filter.limit)
  if (output.json) {
    const read = payloadReader(connection)
    for await (const operation of operations) {
      output.print(jsonLine(operationJson(operation, await read(operation))))
    }
    return
  }
  const rows = await Array.fromAsync(operations)
  if (rows.length === 0) return output.remark('no operations')
  printTable(output, rows, columns)
}

/** `deed operation get`: all that is known of one. */
export async function getOperation({ connection, output }: CommandContext, id: string): Promise<void> {
  const name = operationName(id)
  const { response } = await connection.call(Service.getOperation, { name })
  const { operation } = response
  if (!operation) throw new Failure(`the server did not show ${name}`)
  const payloads = await payloadReader(connection, true)(operation)
  const lines = output.json
    ? [jsonLine(operationJson(operation, payloads))]
    : operationText(operation, payloads, output.columns)
  for (const line of lines) output.print(line)
}

const columns: readonly Column<Operation>[] = [
  {
    title: 'STATE',
    cell: ({ state }) => enumName(OperationState, 'OPERATION_STATE_', state),
    format: ({ state }) => stateFormat(state),
  },
  { title: 'METHOD', cell: ({ method }) => withoutPackage(method), shrinks: true },
  { title: 'AGE', cell: ({ acceptTime }) => age(acceptTime) },
  { title: 'MODEL', cell: ({ model }) => model || '-', shrinks: true, spare: true },
  { title: 'COST', cell: ({ costMicroUsd }) => dollars(costMicroUsd), spare: true },
  { title: 'OPERATION', cell: ({ name }) => name.replace('operations/', '') },
]

const colours: ReadonlyMap<OperationState, Format> = new Map([
  [OperationState.OPERATION_STATE_RUNNING, 'cyan'],
  [OperationState.OPERATION_STATE_SUCCEEDED, 'green'],
  [OperationState.OPERATION_STATE_FAILED, 'red'],
  [OperationState.OPERATION_STATE_CANCELLED, 'yellow'],
])

/** The colour of a state; undefined for those that want no attention. */
export function stateFormat(state: OperationState): Format | undefined {
  return colours.get(state)
}

/** `TicketService/TriageTicket` */
export function withoutPackage(method: string): string {
  return method.slice(method.lastIndexOf('.', method.indexOf('/')) + 1)
}
