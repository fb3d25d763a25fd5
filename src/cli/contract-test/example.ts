import { fromBinary, type Message } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { isSeq, type Node } from 'yaml'
import { ErrorReason } from '../../../gen/deed/v1/error_reason.ts'
import type { Method } from '../../contracts/method.ts'
import { validateMessage } from '../../contracts/violations.ts'
import { Failure } from '../failure.ts'
import { encodeRequest, readData } from '../request-data.ts'
import { encodeJson } from '../request-json.ts'
import { plainJson } from '../request-yaml.ts'
import { nearest } from '../text.ts'
import { compile, type Expression, type Typed } from './cel.ts'
import { type Check, itemsCheck, messageCheck } from './expectation.ts'
import { nodeAt, pairsOf, type Source, textOf } from './source.ts'

/** A request, and what is expected of its response. */
export type Example = {
  /** As it is given, else `FILE:LINE`. */
  name: string
  file: string
  line: number
  method: Method
  /** As a call would send it; it may break the rules when that is what is expected. */
  request: Uint8Array
  /** Of the response by its fields. */
  check: Check
  /** Of request and response. */
  expressions: readonly { text: string; holds: Expression }[]
  /** A reason (`REQUEST_INVALID`) or a code (`INVALID_ARGUMENT`), where an error is expected. */
  error: string | undefined
}

const keys = ['name', 'method', 'request', 'expect']
const expectKeys = ['response', 'cel', 'error']

/** An expression whose types have not been looked at yet. */
export type Untyped = Typed & { source: Source; at: Node }

/**
 * Reads an example. What is wrong with it is refused at its place, all of it; then there is no example. Its expressions are
 * added to `untyped` either way.
 */
export async function readExample(
  source: Source,
  node: Node,
  methods: readonly Method[],
  untyped: Untyped[],
  signal: AbortSignal,
): Promise<Example | undefined> {
  const faults = source.faults.length
  const members = membersOf(source, node, keys, 'an example')
  const method = members && methodOf(source, members.get('method') ?? node, methods)
  if (!members || !method) return undefined
  const given = members.get('expect')
  const expect = given === undefined ? new Map() : membersOf(source, given, expectKeys, 'what is expected')
  const error = errorOf(source, expect?.get('error'))
  if (error !== undefined && expect && expect.size > 1) source.refuse(given, 'expects an error and a response')
  const at = members.get('request') ?? node
  // What is to be refused for its rules may break them.
  const request = members.has('request')
    ? await requestOf(source, at, method, error === 'REQUEST_INVALID' || error === 'INVALID_ARGUMENT', signal)
    : undefined
  if (!members.has('request')) source.refuse(node, 'has no request')
  const response = expect?.get('response')
  const scope = { source, registry: method.registry, hidden: false }
  const checkOf = method.shape === 'server_streaming' ? itemsCheck : messageCheck
  const check: Check = response === undefined ? () => {} : checkOf(method.output, response, scope)
  const expressions = expressionsOf(source, expect?.get('cel'), method, untyped)
  if (!request || source.faults.length > faults) return undefined
  const { line } = source.placeOf(node)
  const name = textOf(members.get('name')) ?? `${source.file}:${line}`
  return { name, file: source.file, line, method, request, check, expressions, error }
}

/** The members of a mapping by their keys, of which all are known. */
function membersOf(source: Source, node: Node, known: readonly string[], what: string): Map<string, Node> | undefined {
  const pairs = pairsOf(node)
  if (!pairs) {
    source.refuse(node, `${what} is a mapping of ${known.join(', ')}`)
    return undefined
  }
  for (const { key, at } of pairs.filter((pair) => !known.includes(pair.key))) {
    const meant = nearest(key, known)
    source.refuse(
      at,
      `${what} has no ${key}: ${meant === undefined ? `it has ${known.join(', ')}` : `did you mean ${meant}?`}`,
    )
  }
  return new Map(pairs.map(({ key, at, value }) => [key, value ?? at]))
}

function methodOf(source: Source, node: Node, methods: readonly Method[]): Method | undefined {
  const name = textOf(node)
  if (name === undefined) {
    source.refuse(node, 'has no method')
    return undefined
  }
  const found = methods.filter((method) => method.name === name || method.path === `/${name}`)
  const [only] = found
  if (found.length === 1 && only) {
    if (only.shape !== 'client_streaming') return only
    source.refuse(
      node,
      `${only.name} takes a stream of requests for one response: such methods have no examples in files`,
    )
    return undefined
  }
  const names = methods.map((method) => (name.includes('/') || found.length > 1 ? method.path.slice(1) : method.name))
  const meant = found.length > 1 ? undefined : nearest(name, names)
  const hint = meant === undefined ? `there is ${names.join(', ')}` : `did you mean ${meant}?`
  source.refuse(
    node,
    found.length > 1 ? `several contracts have a method ${name}: ${hint}` : `there is no method ${name}: ${hint}`,
  )
  return undefined
}

async function requestOf(
  source: Source,
  node: Node,
  method: Method,
  mayBreakRules: boolean,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    const bytes = await encode(source, node, method, signal)
    if (mayBreakRules) return bytes
    const message: Message = fromBinary(method.input, bytes)
    const violations = validateMessage(method.validator, method.input, message)
    for (const { field, description } of violations) refuseField(source, node, field, description)
    return bytes
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const violations: unknown = error.json['violations']
    const fields = Array.isArray(violations) ? violations.map(({ field }) => String(field)) : []
    for (const [index, line] of error.lines.entries())
      source.refuse(nodeAt(node, fields[index] ?? ''), `the request: ${line}`)
    if (error.lines.length === 0) source.refuse(node, error.message)
    return undefined
  }
}

/** What is written there, or in the file whose name stands there behind an @. */
async function encode(source: Source, node: Node, method: Method, signal: AbortSignal): Promise<Uint8Array> {
  const text = textOf(node)
  if (text?.startsWith('@')) {
    const data = await readData(`@${source.pathOf(text.slice(1))}`, signal)
    return encodeRequest(method.input, data, method.registry)
  }
  return encodeJson(method.input, JSON.stringify(plainJson(source.valueOf(node), method.input)), method.registry)
}

function refuseField(source: Source, node: Node, field: string, description: string): void {
  source.refuse(nodeAt(node, field), `the request: ${field === '' ? '' : `${field}: `}${description}`)
}

function errorOf(source: Source, node: Node | undefined): string | undefined {
  if (node === undefined) return undefined
  const name = textOf(node) ?? ''
  const codes = Object.keys(status).filter((code) => /^[A-Z]/.test(code) && code !== 'OK')
  const reasons = Object.keys(ErrorReason).map((reason) => reason.replace('ERROR_REASON_', ''))
  if (codes.includes(name) || reasons.includes(name)) return name
  const meant = nearest(name, [...reasons, ...codes])
  source.refuse(
    node,
    `error must be a reason or a code of gRPC${meant === undefined ? '' : `: did you mean ${meant}?`}`,
  )
  return undefined
}

/** One expression, or a list of them. */
function expressionsOf(
  source: Source,
  node: Node | undefined,
  method: Method,
  untyped: Untyped[],
): Example['expressions'] {
  const nodes = isSeq<Node>(node) ? node.items : node ? [node] : []
  return nodes.flatMap((at) => {
    const text = textOf(at)
    if (text === undefined) {
      source.refuse(at, 'cel must be text, or a list of texts')
      return []
    }
    try {
      const holds = compile(method, text)
      untyped.push({ source, at, method, text })
      return [{ text, holds }]
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      source.refuse(at, `cel does not compile: ${message.replace(/^<input>:\d+:(\d+): /, 'at character $1 ')}`)
      return []
    }
  })
}
