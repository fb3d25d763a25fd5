import { ContractServiceService as Service } from '../../gen/deed/v1/contract_service.ts'
import { OperationState } from '../../gen/deed/v1/operation.ts'
import { ListOperationsRequest, OperationServiceService as Operations } from '../../gen/deed/v1/operation_service.ts'
import { ProjectServiceService as Projects } from '../../gen/deed/v1/project_service.ts'
import type { directives } from './completion.ts'
import { connect, type Target } from './connect.ts'
import { enumName } from './format.ts'

export type Candidates = {
  /** `open`: more is to follow each value. */
  kind: (typeof directives)[number]
  values: readonly { value: string; help: string }[]
}

/** Someone has pressed a key and waits. */
const timeoutMs = 1_000
/** As many contracts are asked for their methods at once. */
const mostContracts = 10
const pageSize = 500
const newest = 20

/** Names come from a server, and go into a shell. */
const safe = /^[A-Za-z_][A-Za-z0-9_.]*$/

/** The project's contracts. Throws when the server does not answer in time. */
export async function contractNames(target: Target): Promise<Candidates> {
  using connection = connect(target, AbortSignal.timeout(timeoutMs))
  const names = await listNames(connection)
  return { kind: 'values', values: names.map((value) => ({ value, help: 'contract' })) }
}

/** SERVICE/METHOD of the contracts that fit what was typed; when these are many, SERVICE/ of each. */
export async function methodNames(target: Target, typed: string): Promise<Candidates> {
  using connection = connect(target, AbortSignal.timeout(timeoutMs))
  const [wanted = '', method] = typed.split('/')
  const names = await listNames(connection)
  const fitting = names.filter((name) => (method === undefined ? name.startsWith(wanted) : name === wanted))
  if (fitting.length > mostContracts) {
    return { kind: 'open', values: fitting.map((name) => ({ value: `${name}/`, help: 'contract' })) }
  }
  const found = await Promise.all(
    fitting.map(async (name) => {
      const request = { name: `contracts/${name}` }
      const { response } = await connection.call(Service.getContract, request, { timeoutMs })
      return response.version?.methods ?? []
    }),
  )
  const values = found.flat().map(({ method: value, requestType }) => ({ value, help: `takes ${requestType}` }))
  return { kind: 'values', values: values.filter(({ value }) => value.split('/').every((part) => safe.test(part))) }
}

/** The newest operations of the project, or those of them that have not ended. */
export async function operationIds(target: Target, unfinished: boolean): Promise<Candidates> {
  using connection = connect(target, AbortSignal.timeout(timeoutMs))
  const { response } = await connection.call(
    Operations.listOperations,
    ListOperationsRequest.create({ pageSize: newest }),
    { timeoutMs },
  )
  const values = response.operations.flatMap(({ name, method, state, settleTime }) => {
    const value = name.replace('operations/', '')
    const help = `${enumName(OperationState, 'OPERATION_STATE_', state)} ${method}`
    return /^[0-9a-f-]+$/.test(value) && !(unfinished && settleTime) ? [{ value, help }] : []
  })
  return { kind: 'values', values }
}

export async function projectNames(target: Target): Promise<Candidates> {
  using connection = connect(target, AbortSignal.timeout(timeoutMs))
  const { response } = await connection.call(Projects.listProjects, { pageSize, pageToken: '' }, { timeoutMs })
  const names = response.projects.map(({ name }) => name.replace('projects/', ''))
  return {
    kind: 'values',
    values: names.filter((name) => /^[\w.-]+$/.test(name)).map((value) => ({ value, help: 'project' })),
  }
}

async function listNames(connection: ReturnType<typeof connect>): Promise<string[]> {
  const { response } = await connection.call(Service.listContracts, { pageSize, pageToken: '' }, { timeoutMs })
  return response.contracts.map(({ name }) => name.replace(/^contracts\//, '')).filter((name) => safe.test(name))
}
