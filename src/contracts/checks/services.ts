import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'

const reserved = /^(deed|grpc|google)(\.|$)/

/** There is something to publish, under a package of one's own, and every method has a shape that Deed serves. */
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

function shapeCause({ methodKind }: DescMethod): string | undefined {
  switch (methodKind) {
    case 'client_streaming':
      return 'client streaming is not supported'
    case 'server_streaming':
      return 'server streaming is not supported'
    case 'bidi_streaming':
      return 'bidirectional streaming is not supported'
    case 'unary':
      return undefined
  }
}
