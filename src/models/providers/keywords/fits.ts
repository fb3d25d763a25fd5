import { type DescField, fromJson, type JsonValue } from '@bufbuild/protobuf'
import type { Method } from '../../../contracts/method.ts'
import { rulesOf } from '../../schema-text.ts'

/** Whether a value keeps the rules of its field, so that the next best evidence is looked at when it does not. */
export function fits(method: Method | undefined, field: DescField, value: JsonValue): boolean {
  if (!method || field.fieldKind === 'list' || field.fieldKind === 'map' || !rulesOf(field)) return true
  return !breaks(method, field, value, 1)
}

/** Those elements of a list that keep the rules of an element, each once where the rules say so, as many as are allowed. */
export function fittingElements(method: Method | undefined, field: DescField, elements: JsonValue[]): JsonValue[] {
  const rules = rulesOf(field)
  if (!method || rules?.type.case !== 'repeated') return elements
  const { items, unique, maxItems } = rules.type.value
  const kept = items ? elements.filter((element) => !breaks(method, field, [element], 2)) : elements
  const distinct = unique ? [...new Map(kept.map((each) => [JSON.stringify(each), each])).values()] : kept
  return maxItems > 0n ? distinct.slice(0, Number(maxItems)) : distinct
}

/** Those entries of a map that keep the rules of a key and a value, as many as are allowed. */
export function fittingEntries(
  method: Method | undefined,
  field: DescField,
  entries: readonly [string, JsonValue][],
): readonly [string, JsonValue][] {
  const rules = rulesOf(field)
  if (!method || rules?.type.case !== 'map') return entries
  const { keys, values, maxPairs } = rules.type.value
  const kept = keys || values ? entries.filter(([key, value]) => !breaks(method, field, { [key]: value }, 2)) : entries
  return maxPairs > 0n ? kept.slice(0, Number(maxPairs)) : kept
}

/** `depth`: of a path into the field that counts as a breach; what is said of the message or other fields does not. */
function breaks(method: Method, field: DescField, value: JsonValue, depth: number): boolean {
  try {
    const message = fromJson(field.parent, { [field.jsonName]: value }, { registry: method.registry })
    const result = method.validator.validate(field.parent, message)
    if (result.kind !== 'invalid') return false
    return result.violations.some(({ field: [first, ...more] }) => {
      return first?.kind === 'field' && first.number === field.number && more.length + 1 >= depth
    })
  } catch {
    // Its type does not hold it.
    return true
  }
}
