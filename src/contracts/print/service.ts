import {
  type MethodDescriptorProto,
  MethodOptionsSchema,
  type ServiceDescriptorProto,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { assignments, statements } from './options.ts'
import { type Element, element, inOrder, join, type Printer } from './printer.ts'

/** A service with its methods. */
export function serviceElement(
  printer: Printer,
  service: ServiceDescriptorProto,
  scope: string,
  path: readonly number[],
): Element {
  const name = join(scope, service.name)
  const methods = service.method.map((each, index) => methodElement(printer, each, name, [...path, 2, index]))
  return element(printer.source(path)[0], `service ${service.name}`, [
    ...statements(assignments(printer, ServiceOptionsSchema, service.options, name)),
    ...inOrder(methods),
  ])
}

function methodElement(
  printer: Printer,
  method: MethodDescriptorProto,
  scope: string,
  path: readonly number[],
): Element {
  const type = (streaming: boolean, typeName: string) =>
    `(${streaming ? 'stream ' : ''}${printer.refer(typeName.slice(1), join(scope, method.name))})`
  const input = type(method.clientStreaming, method.inputType)
  const output = type(method.serverStreaming, method.outputType)
  const options = statements(assignments(printer, MethodOptionsSchema, method.options, join(scope, method.name)))
  const head = `rpc ${method.name}${input} returns ${output}`
  return element(printer.source(path)[0], head, method.options === undefined ? undefined : options)
}
