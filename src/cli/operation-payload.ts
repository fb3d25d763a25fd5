import { fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf'
import { Operation } from '../../gen/deed/v1/operation.ts'
import { OperationServiceService } from '../../gen/deed/v1/operation_service.ts'
import type { Any } from '../../gen/google/protobuf/any.ts'
import type { Image } from '../contracts/image.ts'
import { ownRegistry } from '../contracts/own-image.ts'
import { readStatus, type StatusDetails } from '../errors/status-details.ts'
import type { Connection } from './connect.ts'
import { fetchContract } from './contract-image.ts'
import { Failure } from './failure.ts'
import { ownJson } from './own-json.ts'

/** What was asked and answered, as JSON. Exactly one of response and error is there when the operation has ended. */
export type Payloads = {
  request?: JsonValue
  requests?: JsonValue[]
  items?: JsonValue[]
  response?: JsonValue
  error?: StatusDetails
}

/** Gets the image of a contract's version; undefined when the contract was deleted. Each is fetched once. */
export function imageReader(connection: Connection): (contractVersion: string) => Promise<Image | undefined> {
  const images = new Map<string, Promise<Image | undefined>>()
  return (contractVersion) => {
    const known = images.get(contractVersion)
    if (known) return known
    const fetched = fetchImage(connection, contractVersion)
    images.set(contractVersion, fetched)
    fetched.catch(() => images.delete(contractVersion)) // to be asked for again, when the server is back
    return fetched
  }
}

/** Decodes the payloads of operations, with the items of each if they are wanted. */
export function payloadReader(connection: Connection, withItems = false): (operation: Operation) => Promise<Payloads> {
  const read = imageReader(connection)
  return async ({ contractVersion, request, requests, result, itemCount, name }) => {
    const image = await read(contractVersion)
    return {
      ...(request && { request: anyJson(request, image) }),
      ...(requests.length > 0 && { requests: requests.map((each) => anyJson(each, image)) }),
      ...(withItems &&
        itemCount > 0 && { items: (await itemsOf(connection, name)).map((each) => anyJson(each, image)) }),
      ...(result?.$case === 'response' && { response: anyJson(result.value, image) }),
      ...(result?.$case === 'error' && { error: readStatus(result.value) }),
    }
  }
}

/** All that are stored, a page at a time. */
async function itemsOf(connection: Connection, name: string): Promise<Any[]> {
  const items: Any[] = []
  let pageToken = ''
  do {
    const request = { name, pageSize: 1_000, pageToken }
    const { response } = await connection.call(OperationServiceService.listOperationItems, request)
    items.push(...response.items)
    pageToken = response.nextPageToken
  } while (pageToken !== '')
  return items
}

/** An operation in protobuf's JSON mapping, but with its payloads in place of the Any and the Status. */
export function operationJson(operation: Operation, payloads: Payloads): Record<string, unknown> {
  const bare = { ...operation, request: undefined, requests: [], result: undefined }
  return { ...ownJson('deed.v1.Operation', Operation, bare), ...payloads }
}

/** Undefined when the contract was deleted: operations stay. */
async function fetchImage(connection: Connection, contractVersion: string): Promise<Image | undefined> {
  try {
    return (await fetchContract(connection, contractVersion)).image
  } catch (error) {
    if (error instanceof Failure && error.json['reason'] === 'CONTRACT_NOT_FOUND') return undefined
    throw error
  }
}

/** Without its type at hand, a message is shown as its bytes. */
export function anyJson({ typeUrl, value }: Any, image: Image | undefined): JsonValue {
  const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1)
  // An operation may end with a google.protobuf type that its contract does not import.
  const desc = image?.registry.getMessage(name) ?? ownRegistry.getMessage(name)
  if (!image || !desc) return { '@type': typeUrl, bytes: value.toString('base64') }
  return toJson(desc, fromBinary(desc, value), { registry: image.registry })
}
