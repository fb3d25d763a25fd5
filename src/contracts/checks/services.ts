import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { operationType } from '../operation-info.ts'

const reserved = /^(deed|grpc|google)(\.|$)/

/** There is something to publish, under a package of one's own, and no method streams operations. */
export function serviceFaults({ services }: Image): Fault[] {
  if (services.length === 0) return [{ file: '', element: '', cause: 'the image has no service of its own' }]
  return services.flatMap((service) => [
    ...packageFaults(service),
    ...service.methods.map(shapeCause).flatMap((cause, index) => {
      const element = `${service.typeName}.${service.methods[index]?.name}`
      return cause === undefined ? [] : [{ file: service.file.proto.name, element, cause }]
    }),
  ])
}

function packageFaults(service: DescService): Fault[] {
  const at = { file: service.file.proto.name, element: service.typeName }
  const name = service.file.proto.package
  const faults: Fault[] = []
  if (name === '') faults.push({ ...at, cause: 'the file has no package' })
  if (reserved.test(name)) faults.push({ ...at, cause: `the package ${name} is reserved` })
  if (service.methods.length === 0) faults.push({ ...at, cause: 'the service has no method' })
  return faults
}

/** An operation is what one call is answered with. */
function shapeCause({ methodKind, output }: DescMethod): string | undefined {
  if (methodKind === 'unary' || output.typeName !== operationType) return undefined
  return `a ${operationType} is returned by a method without streams only: ${advice[methodKind]}`
}

const advice = {
  server_streaming: 'leave "stream" out, or return a stream of items',
  client_streaming: 'return the response itself, or take one request',
  bidi_streaming: 'return a stream of responses, or take one request and return one operation',
}
