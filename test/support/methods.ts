import { create, fromJson, type JsonValue, type Message, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { readImage } from '../../src/contracts/image.ts'
import { loadContracts, type Method } from '../../src/contracts/method.ts'
import { compile } from './compile.ts'

/** Compiles one .proto source and returns its methods by name, each at version 1 of its contract. */
export async function methodsOf(source: string): Promise<ReadonlyMap<string, Method>> {
  const set = await compile({ 'test/v1/test.proto': source })
  const image = readImage(toBinary(FileDescriptorSetSchema, set))
  return new Map(loadContracts(image, () => 1).flatMap((contract) => [...contract.methods]))
}

/** The one method of a source that has only one. */
export async function methodOf(source: string): Promise<Method> {
  const [method] = (await methodsOf(source)).values()
  if (!method) throw new Error('the source has no method')
  return method
}

export function requestOf(method: Method, json?: JsonValue): Message {
  return json === undefined ? create(method.input) : fromJson(method.input, json, { registry: method.registry })
}
