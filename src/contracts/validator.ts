import type { DescField, Registry } from '@bufbuild/protobuf'
import { createValidator, type Validator } from '@bufbuild/protovalidate'

/** A validator that knows a registry's predefined rules, and that requires what proto2 calls required. */
export function validatorOf(registry: Registry): Validator {
  return createValidator({ registry, legacyRequired: true })
}

type Field = { field: DescField; required: boolean; legacyRequired: boolean; condition: { never: boolean } }
type Prune = (this: Field) => boolean

/**
 * protovalidate 1.3.0 removes checks that can find nothing while it still builds those of the message around them. So in types that
 * hold each other (A holds B, which holds A) it drops the rules of the inner A as if there were none, and an invalid message passes.
 * The removal also visits every path through the types, which are exponentially many: 30 types can keep it busy for minutes. Up to
 * 1.2.0 it stopped at fields with messages, as it does here again. A test has such types; without its fault this can go.
 */
async function keepNestedRules(): Promise<void> {
  const module: unknown = await import(new URL('eval.js', import.meta.resolve('@bufbuild/protovalidate')).href)
  const { prototype } = (module as { EvalField: { prototype: { prune: Prune } } }).EvalField
  const { prune } = prototype
  prototype.prune = function (): boolean {
    if (this.field.message === undefined) return prune.call(this)
    return this.condition.never && !this.required && !this.legacyRequired
  }
}

await keepNestedRules()
