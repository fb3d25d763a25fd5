import type { DescMessage } from '@bufbuild/protobuf'
import type { Image } from '../image.ts'
import { responseOf } from '../operation-info.ts'
import { reachable } from '../redact.ts'

/** Every message type that a method of the image is asked with or a model fills, and all that these hold. */
export function usedTypes({ services, registry }: Image): ReadonlySet<DescMessage> {
  const methods = services.flatMap((service) => service.methods)
  const types = methods.flatMap((method) => [method.input, responseOf(method, registry) ?? []].flat())
  return new Set(types.flatMap(reachable))
}
