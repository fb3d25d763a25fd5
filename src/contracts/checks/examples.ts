import type { DescMessage } from '@bufbuild/protobuf'
import { parseJson } from '../codec.ts'
import type { Fault } from '../fault.ts'
import type { Image } from '../image.ts'
import { loadContracts, type Method } from '../method.ts'

/** The examples in the options of methods are requests and responses that keep the rules of these. */
export function exampleFaults(image: Image): Fault[] {
  const contracts = loadContracts(image, () => 0)
  return contracts.flatMap(({ methods }) => [...methods.values()].flatMap(faultsOf))
}

function faultsOf(method: Method): Fault[] {
  const { contract, name, desc, policy } = method
  const element = `${contract}.${name}`
  return policy.examples.flatMap(({ request, response }, index) =>
    [
      ...causes(method, method.input, request, `(deed.v1.method).examples[${index}].request`),
      ...causes(method, method.output, response, `(deed.v1.method).examples[${index}].response`),
    ].map((cause) => ({ file: desc.parent.file.proto.name, element, cause })),
  )
}

function causes(method: Method, desc: DescMessage, text: string, place: string): string[] {
  const parsed = parseJson(desc, method, text)
  if (parsed.kind === 'valid') return []
  return parsed.violations.map(({ field, description }) =>
    [place, ...(field === '' ? [] : [field]), description].join(': '),
  )
}
