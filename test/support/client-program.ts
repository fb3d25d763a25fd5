/**
 * A program of someone who has installed Deed. As a text: it is checked and run in a project where `deed/client` is what was
 * packed.
 */
export const clientProgram = `import { readFileSync } from 'node:fs'
import {
  ContractServiceClient,
  credentials,
  ListContractsRequest,
  type ListContractsResponse,
  ListOperationsRequest,
  type ListOperationsResponse,
  Metadata,
  OperationServiceClient,
  OperationState,
  readError,
  type ServiceError,
} from 'deed/client'

const address = process.env['DEED_ADDRESS'] ?? ''
const metadata = new Metadata()
metadata.set('authorization', \`Bearer \${readFileSync(process.env['DEED_KEY_FILE'] ?? '', 'utf8').trim()}\`)
const contracts = new ContractServiceClient(address, credentials.createInsecure())
const operations = new OperationServiceClient(address, credentials.createInsecure())
const options = () => ({ deadline: Date.now() + 10_000 })

const listed = await new Promise<ListContractsResponse>((resolve, reject) =>
  contracts.listContracts(ListContractsRequest.fromPartial({}), metadata, options(), (error, response) =>
    error ? reject(error) : resolve(response),
  ),
)
const ran = await new Promise<ListOperationsResponse>((resolve, reject) =>
  operations.listOperations(ListOperationsRequest.fromPartial({}), metadata, options(), (error, response) =>
    error ? reject(error) : resolve(response),
  ),
)
const refused = await new Promise<ServiceError | null>((resolve) =>
  contracts.listContracts({ pageSize: -1, pageToken: '' }, metadata, options(), resolve),
)
// @ts-expect-error: types come from the contract, so there is no such field
listed.contracts[0]?.nothing

const error = refused ? readError(refused) : undefined
console.log(
  JSON.stringify({
    contracts: listed.contracts.map(({ name }) => name),
    succeeded: ran.operations.filter(({ state }) => state === OperationState.OPERATION_STATE_SUCCEEDED).length,
    refusal: { code: error?.code, reason: error?.reason, field: error?.violations?.[0]?.field },
  }),
)
contracts.close()
operations.close()
`
