import type { DescMethod, Registry } from '@bufbuild/protobuf'
import type { Connection } from './connect.ts'
import { fetchNamed } from './contract-image.ts'
import { Failure } from './failure.ts'
import { methodName } from './names.ts'
import { nearest } from './text.ts'

export type PublishedMethod = { desc: DescMethod; registry: Registry }

/** A method of the active version of a contract, by its name. Throws a Failure that says which was likely meant. */
export async function fetchMethod(connection: Connection, name: string): Promise<PublishedMethod> {
  const { service, method } = methodName(name)
  const { image } = await fetchNamed(connection, `contracts/${service}`)
  const { registry } = image
  return { desc: findMethod(service, method, registry.getService(service)?.methods ?? []), registry }
}

function findMethod(service: string, method: string, methods: readonly DescMethod[]): DescMethod {
  const names = methods.map(({ name }) => name)
  const found = methods.find(({ name }) => name === method)
  if (found) return found
  const meant = nearest(method, names)
  const hint = meant === undefined ? `it has ${names.join(', ')}` : `did you mean ${service}/${meant}?`
  throw new Failure(`${service} has no method ${method}`, { hint })
}
