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
      ...responseCauses(method, response, `(deed.v1.method).examples[${index}].response`),
    ].map((cause) => ({ file: desc.parent.file.proto.name, element, cause })),
  )
}

/** Of a method that returns a stream, an array of its items. */
function responseCauses(method: Method, text: string, place: string): string[] {
  if (method.shape !== 'server_streaming') return causes(method, method.output, text, place)
  const items = itemsOf(text)
  if (!items) return [`${place}: must be a JSON array of the items of the stream`]
  return items.flatMap((item, index) => causes(method, method.output, JSON.stringify(item), `${place}[${index}]`))
}

function itemsOf(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function causes(method: Method, desc: DescMessage, text: string, place: string): string[] {
  const parsed = parseJson(desc, method, text)
  if (parsed.kind === 'valid') return []
  return parsed.violations.map(({ field, description }) =>
    [place, ...(field === '' ? [] : [field]), description].join(': '),
  )
}
