import type { ContractVersion } from '../../gen/deed/v1/contract.ts'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { type Image, readImage } from '../contracts/image.ts'
import type { Connection } from './connect.ts'
import { Failure } from './failure.ts'
import { pages } from './pages.ts'
import { nearest } from './text.ts'

export type PublishedContract = { version: ContractVersion; image: Image }

/** Gets a version of a contract, `contracts/X/versions/N`, or the active one of `contracts/X`. */
export async function fetchContract(connection: Connection, name: string): Promise<PublishedContract> {
  const { response } = await connection.call(ContractServiceService.getContract, { name })
  const { version, image } = response
  if (!version) throw new Failure(`the server did not say which version of ${name} it has`)
  return { version, image: readImage(image) }
}

/** The same for a name that a person wrote: when there is no such contract, the failure says which was likely meant. */
export async function fetchNamed(connection: Connection, name: string): Promise<PublishedContract> {
  try {
    return await fetchContract(connection, name)
  } catch (error) {
    if (!(error instanceof Failure) || error.json['reason'] !== 'CONTRACT_NOT_FOUND') throw error
    const meant = await meantBy(connection, name)
    if (meant === undefined) throw error
    const { message, json } = error
    throw new Failure(message, { hint: meant, json }, error)
  }
}

/** What to say instead of a name that does not exist; undefined when there is nothing better than the server's own words. */
async function meantBy(connection: Connection, name: string): Promise<string | undefined> {
  const [wanted = '', version] = name.replace(/^contracts\//, '').split('/versions/')
  try {
    const contracts = pages(async (pageSize, pageToken) => {
      const { response } = await connection.call(ContractServiceService.listContracts, { pageSize, pageToken })
      return { items: response.contracts, nextPageToken: response.nextPageToken }
    }, mostNames)
    const names = (await Array.fromAsync(contracts)).map((each) => each.name.replace(/^contracts\//, ''))
    if (version !== undefined && names.includes(wanted))
      return `"npx deed contract versions ${wanted}" shows which there are`
    if (names.length === 0) return 'publish one with "npx deed publish PATH"'
    const meant = nearest(wanted, names)
    return meant === undefined ? undefined : `did you mean ${meant}?`
  } catch {
    return undefined
  }
}

const mostNames = 500
