import { isDeepStrictEqual } from 'node:util'
import type { DescField, DescMessage, JsonObject, JsonValue, Registry } from '@bufbuild/protobuf'
import { isScalar, isSeq, type Node } from 'yaml'
import { redacted } from '../../contracts/redact.ts'
import { isFreeForm, isWellKnown } from '../../models/schema.ts'
import { plainJson } from '../request-yaml.ts'
import { nearest } from '../text.ts'
import { canonical, isUnset, orderOf } from './literal.ts'
import { pairsOf, type Source } from './source.ts'

/** What is not as expected: `queue: expected "QUEUE_SALES", got "QUEUE_BILLING"`. Adds to the list. */
export type Check = (actual: JsonValue | undefined, path: string, wrong: string[]) => void

/** What a compilation has to know; `hidden` below a `debug_redact` field. */
export type Scope = { source: Source; registry: Registry; hidden: boolean }

/**
 * The check of a response by the fields that a mapping names: the others may be anything. Values are compared as
 * protobuf's JSON mapping has them. What is wrong with the mapping is refused at its place.
 */
export function messageCheck(desc: DescMessage, node: Node | undefined, scope: Scope): Check {
  const pairs = pairsOf(node)
  if (!pairs) {
    scope.source.refuse(node, `must be a mapping of the fields of ${desc.typeName}`)
    return () => {}
  }
  const checks = pairs.flatMap(({ key, at, value }) => {
    const field = desc.fields.find(({ name, jsonName }) => name === key || jsonName === key)
    if (field)
      return [{ field, check: fieldCheck(field, value, at, { ...scope, hidden: scope.hidden || redacted(field) }) }]
    const names = desc.fields.map(({ jsonName }) => jsonName)
    const meant = nearest(key, names)
    const hint = meant === undefined ? `it has ${names.join(', ')}` : `did you mean ${meant}?`
    scope.source.refuse(at, `${desc.typeName} has no field ${key}: ${hint}`)
    return []
  })
  return (actual, path, wrong) => {
    const members = isObject(actual) ? actual : undefined
    for (const { field, check } of checks) {
      check(members?.[field.jsonName], path === '' ? field.jsonName : `${path}.${field.jsonName}`, wrong)
    }
  }
}

/** The check of the items of a stream: as many as are expected, each as expected. */
export function itemsCheck(desc: DescMessage, node: Node | undefined, scope: Scope): Check {
  if (!isSeq<Node>(node)) {
    scope.source.refuse(node, 'the response is a stream: write a list of its items')
    return () => {}
  }
  return countedCheck(
    node.items.map((item) => messageCheck(desc, item, scope)),
    scope,
  )
}

function fieldCheck(field: DescField, node: Node | undefined, at: Node, scope: Scope): Check {
  if (isNull(node) && !takesNull(field)) {
    return (actual, path, wrong) => {
      if (!isUnset(field, actual)) wrong.push(differs(path, 'nothing', actual, scope))
    }
  }
  if (field.fieldKind === 'list') return listCheck(field, node, scope)
  if (field.fieldKind === 'map') return mapCheck(field, node, scope)
  return oneCheck(field, node ?? at, scope)
}

/** A list has as many items as are expected, each as expected. */
function listCheck(field: DescField, node: Node | undefined, scope: Scope): Check {
  if (!isSeq<Node>(node)) {
    scope.source.refuse(node, `${field.name} is a list: write one, or an expression in cel`)
    return () => {}
  }
  return countedCheck(
    node.items.map((item) => oneCheck(field, item, scope)),
    scope,
  )
}

function countedCheck(checks: readonly Check[], scope: Scope): Check {
  return (actual, path, wrong) => {
    const items = Array.isArray(actual) ? actual : []
    if (items.length !== checks.length) {
      wrong.push(differs(path || 'the response', `${checks.length} items`, actual ?? [], scope))
      return
    }
    for (const [index, check] of checks.entries()) check(items[index], `${path}[${index}]`, wrong)
  }
}

function mapCheck(field: DescField, node: Node | undefined, scope: Scope): Check {
  const pairs = pairsOf(node)
  if (!pairs) scope.source.refuse(node, `${field.name} is a map: write a mapping of its keys`)
  const checks = (pairs ?? []).map(({ key, at, value }) => ({ key, check: oneCheck(field, value ?? at, scope) }))
  return (actual, path, wrong) => {
    const members = isObject(actual) ? actual : {}
    for (const { key, check } of checks)
      check(members[key], `${path}[${scope.hidden ? '…' : JSON.stringify(key)}]`, wrong)
  }
}

/** A value, or an item of a list, or a value of a map. */
function oneCheck(field: DescField, node: Node, scope: Scope): Check {
  const { message } = field
  if (message && !isWellKnown(message) && !isFreeForm(message)) return messageCheck(message, node, scope)
  const conditions = message && isFreeForm(message) ? undefined : pairsOf(node)
  if (conditions) return conditionCheck(field, conditions, scope)
  const expected = literal(field, node, scope)
  return (actual, path, wrong) => {
    if (!isDeepStrictEqual(actual, expected)) wrong.push(differs(path, JSON.stringify(expected), actual, scope))
  }
}

const comparisons: Readonly<Record<string, (a: number | bigint, b: number | bigint) => boolean>> = {
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
}

/** `{gte: 1, lt: 10}` or `{in: [1, 2]}` instead of a value. */
function conditionCheck(field: DescField, pairs: NonNullable<ReturnType<typeof pairsOf>>, scope: Scope): Check {
  const order = orderOf(field)
  const tests = pairs.flatMap(({ key, at, value }): { text: string; holds: (actual: JsonValue) => boolean }[] => {
    const compare = comparisons[key]
    if (compare && order && value) {
      const bound = literal(field, value, scope)
      const limit = bound === undefined ? Number.NaN : order(bound)
      return [{ text: `${key} ${JSON.stringify(bound)}`, holds: (actual) => compare(order(actual), limit) }]
    }
    if (key === 'in' && isSeq<Node>(value)) {
      const values = value.items.map((item) => literal(field, item, scope))
      const text = `in ${JSON.stringify(values)}`
      return [{ text, holds: (actual) => values.some((each) => isDeepStrictEqual(each, actual)) }]
    }
    if (compare) scope.source.refuse(at, `${field.name} has no order: compare it by value, or by {in: […]}`)
    else if (key === 'in') scope.source.refuse(value ?? at, 'in must be a list of values')
    else scope.source.refuse(at, `${key} is no comparison: gt, gte, lt, lte and in are`)
    return []
  })
  return (actual, path, wrong) => {
    for (const { text, holds } of tests) {
      if (actual === undefined || actual === null || !holds(actual)) wrong.push(differs(path, text, actual, scope))
    }
  }
}

/** Undefined when it is refused. */
function literal(field: DescField, node: Node, { source, registry }: Scope): JsonValue | undefined {
  try {
    const value = plainJson(source.valueOf(node), field.message)
    const read = canonical(field, value, registry)
    if ('value' in read) return read.value
    source.refuse(node, `${field.name} ${read.fault}`)
  } catch (error) {
    source.refuse(node, error instanceof Error ? error.message : String(error))
  }
  return undefined
}

function differs(path: string, expected: string, actual: JsonValue | undefined, { hidden }: Scope): string {
  if (hidden) return `${path}: is not as expected (its values are not shown)`
  const got = actual === undefined ? 'nothing' : JSON.stringify(actual)
  return `${path}: expected ${expected}, got ${got.length > 200 ? `${got.slice(0, 200)}…` : got}`
}

function isNull(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null)
}

function takesNull({ message, enum: type, fieldKind }: DescField): boolean {
  if (fieldKind === 'list' || fieldKind === 'map') return false
  return message?.typeName === 'google.protobuf.Value' || type?.typeName === 'google.protobuf.NullValue'
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
