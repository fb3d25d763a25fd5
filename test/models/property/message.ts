import { create, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import type { Contract } from './contract.ts'
import type { Draw } from './draw.ts'
import type { Element } from './elements.ts'
import type { FieldPlan, MessagePlan } from './plan.ts'

/** How many messages one response holds at most, and how deep, beside those that must be there. */
type MapKey = string | number | bigint | boolean

const limits = { messages: 25, depth: 7 }

/** A response that keeps the rules of its contract. */
export function drawMessage(draw: Draw, { method, plans }: Contract): Message {
  const depth = draw.pick([1, 2, 3, limits.depth])
  return new Drawing(draw, plans, depth).message(method.output, 1).message
}

class Drawing {
  readonly #draw: Draw
  readonly #plans: ReadonlyMap<string, MessagePlan>
  readonly #depth: number
  #left = limits.messages

  constructor(draw: Draw, plans: ReadonlyMap<string, MessagePlan>, depth: number) {
    this.#draw = draw
    this.#plans = plans
    this.#depth = depth
  }

  message(desc: DescMessage, level: number): ReflectMessage {
    this.#left--
    const plan = this.#plans.get(desc.typeName)
    if (!plan) throw new Error(`no plan for ${desc.typeName}`)
    const message = reflect(desc, create(desc))
    const left = new Set(plan.groups.flatMap(({ fields }) => fields))
    for (const { fields, required } of plan.groups) {
      const possible = fields.filter((name) => this.#mayHold(plan.fields.get(name), level))
      if (required || this.#draw.chance(70)) left.delete(this.#draw.pick(possible))
    }
    for (const field of desc.fields) {
      const fieldPlan = plan.fields.get(field.name)
      if (!fieldPlan) throw new Error(`no plan for ${desc.typeName}.${field.name}`)
      const chosen = plan.groups.some(({ fields }) => fields.includes(field.name))
      if (chosen ? !left.has(field.name) : this.#isSet(fieldPlan, level)) this.#fill(message, field, fieldPlan, level)
    }
    return message
  }

  #isSet(plan: FieldPlan, level: number): boolean {
    if (plan.required) return true
    if (!this.#mayHold(plan, level)) return false
    if (plan.shape === 'implicit') return !plan.spared || this.#draw.chance(60)
    return plan.shape !== 'explicit' || this.#draw.chance(60)
  }

  #mayHold(plan: FieldPlan | undefined, level: number): boolean {
    const isOwn = plan?.element.typeName?.startsWith('.prop.v1.M') ?? false
    return !isOwn || (level < this.#depth && this.#left > 0)
  }

  #fill(message: ReflectMessage, field: DescField, plan: FieldPlan, level: number): void {
    const one = () => this.#value(plan.element, field.message, level)
    if (field.fieldKind === 'list') {
      const list = message.get(field)
      const seen = new Set<unknown>()
      for (let left = this.#draw.whole(plan.size.min, plan.size.max); left > 0; left--) {
        const item = one()
        const identity = item instanceof Uint8Array ? item.join() : item
        if (plan.unique && seen.has(identity)) continue
        seen.add(identity)
        list.add(item)
      }
    } else if (field.fieldKind === 'map') {
      const map = message.get(field)
      for (let left = this.#draw.whole(plan.size.min, plan.size.max); left > 0; left--) {
        map.set(plan.key?.value(this.#draw, undefined) as MapKey, one())
      }
    } else {
      message.set(field, one())
    }
  }

  #value(element: Element, desc: DescMessage | undefined, level: number): unknown {
    const isOwn = element.typeName?.startsWith('.prop.v1.M') ?? false
    return isOwn && desc ? this.message(desc, level + 1) : element.value(this.#draw, desc)
  }
}
