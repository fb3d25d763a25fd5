import { celEnv, isCelError, listType, objectType, parse, plan } from '@bufbuild/cel'
import { strings } from '@bufbuild/cel/ext'
import { create, type Message, setExtension, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
} from '@bufbuild/protobuf/wkt'
import { MessageRulesSchema, message as messageRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import type { Image } from '../../contracts/image.ts'
import { inspect } from '../../contracts/inspect.ts'
import type { Method } from '../../contracts/method.ts'
import { ownRegistry } from '../../contracts/own-image.ts'

/** Tells whether an expression over `request` and `response` (of a stream, its items) is true; else, what it is instead. */
export type Expression = (request: Message, response: Message | Message[]) => true | string

/** Compiles an expression, but for its types. Throws an Error of one line when it is no CEL, or what is not known here. */
export function compile(method: Method, text: string): Expression {
  // No namespace, as in protovalidate's rules: an enum's values are written with their package.
  const streams = method.shape === 'server_streaming'
  const item = objectType(method.output)
  const env = celEnv({
    registry: method.registry,
    funcs: strings,
    variables: { request: objectType(method.input), response: streams ? listType(item) : item },
  })
  const evaluate = plan(env, parse(text))
  // These do not depend on values. Types are another matter: they are looked at for all expressions together.
  const trial = evaluate({ request: create(method.input), response: streams ? [] : create(method.output) })
  if (isCelError(trial) && /^(unbound function|error parsing regexp)/.test(trial.message))
    throw new Error(trial.message)
  return (request, response) => {
    const result = evaluate({ request, response })
    if (result === true) return true
    if (result === false) return 'false'
    return isCelError(result) ? `an error (${result.message})` : 'no boolean'
  }
}

/** An expression, and the method whose messages it is about. */
export type Typed = { method: Method; text: string }

/**
 * What is wrong with the types of expressions, by their index: fields that do not exist, operators that do not fit. buf
 * checks them (0.2 s for all), as it does the rules of a contract: each becomes the rule of a message that holds a request
 * and a response.
 */
export async function celFaults(
  image: Image,
  expressions: readonly Typed[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  if (expressions.length === 0) return new Map()
  const set = create(FileDescriptorSetSchema, { file: [...image.set.file] })
  for (const file of ownRegistry.files) addMissing(set.file, file.proto)
  set.file.push(ruleFile(expressions))
  const found = await inspect({
    command: 'lint',
    use: ['PROTOVALIDATE'],
    image: toBinary(FileDescriptorSetSchema, set),
    signal,
  })
  return new Map(
    found.flatMap(({ message }): [number, string][] => {
      const [, index, cause] = /on message "Check(\d+)" fails to compile: (.*)/s.exec(message) ?? []
      return index === undefined || cause === undefined ? [] : [[Number(index), cause.trim()]]
    }),
  )
}

function addMissing(files: FileDescriptorProto[], file: FileDescriptorProto): void {
  if (!file.name.startsWith('deed/') && !files.some(({ name }) => name === file.name)) files.push(file)
}

function ruleFile(expressions: readonly Typed[]): FileDescriptorProto {
  const dependency = new Set(['buf/validate/validate.proto'])
  const messageType = expressions.map(({ method: { input, output, shape }, text }, index) => {
    for (const { file } of [input, output]) dependency.add(file.proto.name)
    const options = create(MessageOptionsSchema)
    // The macros bind the names that the expression has.
    const expression = `[this.request].all(request, [this.response].all(response, ${text}\n))`
    setExtension(
      options,
      messageRules,
      create(MessageRulesSchema, { cel: [{ id: 'check', message: 'no', expression }] }),
    )
    const field = [input, output].map(({ typeName }, at) => ({
      ...{
        name: ['request', 'response'][at] ?? '',
        number: at + 1,
        label: at === 1 && shape === 'server_streaming' ? repeated : optional,
        type: ofMessage,
      },
      typeName: `.${typeName}`,
    }))
    return { name: `Check${index}`, options, field }
  })
  return create(FileDescriptorProtoSchema, {
    name: 'deed_test_expressions.proto',
    package: 'deed_test_expressions',
    syntax: 'proto3',
    dependency: [...dependency],
    messageType,
  })
}

/** FieldDescriptorProto's LABEL_OPTIONAL, LABEL_REPEATED and TYPE_MESSAGE. */
const optional = 1
const repeated = 3
const ofMessage = 11
