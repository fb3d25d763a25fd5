import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf'
import type { Method } from '../../../contracts/method.ts'
import { isWellKnown } from '../../schema.ts'
import { copied } from './copy.ts'
import { chooseEnum } from './enums.ts'
import type { Evidence } from './evidence.ts'
import { readList, recordsOf } from './lists.ts'
import { readMap } from './maps.ts'
import { numberJson } from './numbers.ts'
import { countOf } from './request.ts'
import { readScalar } from './scalars.ts'
import { isAddressPart, readAddressPart } from './strings.ts'
import { type Wanted, wantedOf } from './wanted.ts'
import { readWellKnown } from './well-known.ts'
import { withoutBroken } from './without-broken.ts'
import { nameWords, stem } from './words.ts'

const MAX_DEPTH = 6
/** How many fields are looked at in all, so that no contract keeps the process busy. */
const MAX_FIELDS = 1_000
const COUNTING = stem('count')

/** Where in the answer a message stands. */
type Place = { holder: DescField | undefined; types: readonly DescMessage[] }

/** Fills the messages of one answer from evidence. */
export class Filler {
  readonly #method: Method
  #left = MAX_FIELDS

  constructor(method: Method) {
    this.#method = method
  }

  /** The response as far as there is evidence for it, whether or not that keeps the contract. */
  response(evidence: Evidence): JsonObject {
    const { output } = this.#method
    if (isWellKnown(output)) return {}
    return this.#fill(output, evidence, { holder: undefined, types: [] }).json
  }

  /** The items of a stream: one for each row or list line that has evidence for it, else one for the whole. */
  items(evidence: Evidence): JsonObject[] {
    const items: JsonObject[] = []
    for (const line of recordsOf(evidence)) {
      const item = this.message(this.#method.output, evidence.within('line', line), { holder: undefined, types: [] })
      if (item) items.push(item)
    }
    return items.length > 0 ? items : [this.response(evidence)]
  }

  /** A message out of one piece of evidence; undefined without any, or when it would break its own rules. */
  message(desc: DescMessage, evidence: Evidence, place: Place): JsonObject | undefined {
    // A message in itself would find the same evidence again.
    if (place.types.includes(desc) || place.types.length >= MAX_DEPTH) return undefined
    const { json, valid } = this.#fill(desc, evidence, place)
    return valid && Object.keys(json).length > 0 ? json : undefined
  }

  #fill(desc: DescMessage, evidence: Evidence, { holder, types }: Place): { json: JsonObject; valid: boolean } {
    const json: JsonObject = {}
    const place = { holder, types: [...types, desc] }
    for (const member of desc.members) {
      for (const field of member.kind === 'oneof' ? member.fields : [member]) {
        if (--this.#left < 0) return { json, valid: false }
        const value = this.#field(field, evidence, place)
        if (value === undefined) continue
        json[field.jsonName] = value
        break
      }
    }
    for (const field of desc.fields) {
      const count = countFor(field, json, evidence)
      if (count !== undefined) json[field.jsonName] = count
    }
    return withoutBroken(this.#method, desc, json)
  }

  #field(field: DescField, evidence: Evidence, place: Place): JsonValue | undefined {
    const wanted = wantedOf(field)
    const copy = copied(wanted, place.holder?.name ?? '', evidence, this.#method.registry)
    if (copy !== undefined) return copy
    if (field.fieldKind === 'map') return readMap(field, wanted, evidence)
    if (field.fieldKind === 'list') {
      const make = (desc: DescMessage, line: Evidence): JsonValue | undefined =>
        isWellKnown(desc)
          ? readWellKnown(desc, wanted, [], line)
          : this.message(desc, line, { holder: field, types: place.types })
      return readList(field, wanted, evidence, make)
    }
    const holder = place.holder ? wantedOf(place.holder).words : []
    const label = evidence.label([[...holder, ...wanted.words], wanted.words])
    const part = field.message && !isWellKnown(field.message) ? 'section' : 'value'
    const labelled = label === undefined ? undefined : this.#single(wanted, evidence.within(part, label), place)
    return labelled ?? this.#single(wanted, evidence, place)
  }

  #single(wanted: Wanted, evidence: Evidence, place: Place): JsonValue | undefined {
    const { field } = wanted
    const holder = place.holder ? wantedOf(place.holder).words : []
    switch (field.fieldKind) {
      case 'enum':
        return chooseEnum(wanted, field.enum, evidence)
      case 'scalar': {
        const isPart = evidence.part === 'section' && isAddressPart(wanted)
        return isPart ? readAddressPart(wanted, evidence) : readScalar(field.scalar, wanted, holder, evidence)
      }
      case 'message':
        if (isWellKnown(field.message)) return readWellKnown(field.message, wanted, holder, evidence)
        return this.message(field.message, evidence, { holder: field, types: place.types })
      default:
        return undefined
    }
  }
}

/** `message_count`: how many messages the answer has, or else the request. */
function countFor(field: DescField, json: JsonObject, { entries }: Evidence): JsonValue | undefined {
  const words = wantedOf(field).words
  if (field.fieldKind !== 'scalar' || words.length < 2 || words.at(-1) !== COUNTING) return undefined
  const counted = words.at(-2)
  const sibling = field.parent.fields.find(
    (each) => each.fieldKind === 'list' && wantedOf(each).words.at(-1) === counted,
  )
  const list = sibling && json[sibling.jsonName]
  const count = Array.isArray(list) ? list.length : countOf(entries, (name) => nameWords(name).at(-1) === counted)
  return count === undefined
    ? undefined
    : numberJson(field.scalar, { negative: false, whole: `${count}`, fraction: '' })
}
