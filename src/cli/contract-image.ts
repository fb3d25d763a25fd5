import type { ContractVersion } from '../../gen/deed/v1/contract.ts'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { type Image, readImage } from '../contracts/image.ts'
import type { Connection } from './connect.ts'
import { Failure } from './failure.ts'

export type PublishedContract = { version: ContractVersion; image: Image }

/** Gets a version of a contract, `contracts/X/versions/N`, or the active one of `contracts/X`. */
export async function fetchContract(connection: Connection, name: string): Promise<PublishedContract> {
  const { response } = await connection.call(ContractServiceService.getContract, { name })
  const { version, image } = response
  if (!version) throw new Failure(`the server did not say which version of ${name} it has`)
  return { version, image: readImage(image) }
}
