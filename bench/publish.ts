import { ContractServiceService } from '../gen/deed/v1/contract_service.ts'
import { connect } from '../src/cli/connect.ts'
import type { Ticket } from './ticket.ts'

/** Publishes the contract and makes one call. Returns the response. */
export async function publishAndCall(
  { address, key }: { address: string; key: string | undefined },
  ticket: Ticket,
  signal: AbortSignal,
): Promise<Buffer> {
  using connection = connect({ address, key, keyFile: '' }, signal)
  const { publishContract } = ContractServiceService
  await connection.call(publishContract, { image: ticket.image, allowBreaking: false, validateOnly: false })
  const same = (bytes: Buffer) => bytes
  const method = { path: ticket.path, requestSerialize: same, responseDeserialize: same }
  const { response } = await connection.call(method, ticket.request)
  return response
}

/** The same, so that what is measured is known to work: throws unless the response is that of the bench's model. */
export async function publishTicket(
  { address = '', key }: Readonly<Record<string, string>>,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<void> {
  const response = await publishAndCall({ address, key }, ticket, signal)
  if (!response.equals(ticket.response)) throw new Error('Deed answered with another message than the model gave')
}
