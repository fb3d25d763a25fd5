import { fromBinary, type JsonObject, toJson } from '@bufbuild/protobuf'
import { ownRegistry } from '../contracts/own-image.ts'

/** A message of Deed's own API in protobuf's JSON mapping. `codec` is ts-proto's for the type of that full name. */
export function ownJson<T>(
  typeName: string,
  codec: { encode(message: T): { finish(): Uint8Array } },
  message: T,
): JsonObject {
  const desc = ownRegistry.getMessage(typeName)
  if (!desc) throw new Error(`gen/deed.binpb lacks ${typeName}`)
  const json = toJson(desc, fromBinary(desc, codec.encode(message).finish()), { registry: ownRegistry })
  return json as JsonObject
}
