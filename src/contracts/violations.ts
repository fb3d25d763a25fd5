import type { DescField, DescMessage, Message } from '@bufbuild/protobuf'
import { type Path, pathToString } from '@bufbuild/protobuf/reflect'
import { CompilationError, type Validator, type Violation } from '@bufbuild/protovalidate'
import type { FieldViolation } from '../errors/deed-error.ts'
import { redacted, redactsWithin } from './redact.ts'

/**
 * The rules that a message breaks: none when it is valid. `field` is a protobuf path (`items[2].price`, `labels["a"]`), empty
 * for the message itself; `reason` is the rule's id. Values of `debug_redact` fields are in neither path nor description.
 *
 * A rule that cannot be evaluated for this message, such as a division by one of its fields that is zero, counts as broken,
 * under the reason `rule_error`: what the rule would have said is not known, so the message must not pass. A rule that
 * does not compile throws: publishing refuses those.
 */
export function validateMessage(validator: Validator, desc: DescMessage, message: Message): FieldViolation[] {
  const result = validator.validate(desc, message)
  if (result.kind === 'valid') return []
  if (result.kind === 'invalid') return result.violations.map((violation) => toFieldViolation(desc, violation))
  if (result.error instanceof CompilationError) throw result.error
  return [{ field: '', description: 'a rule of the contract cannot be evaluated for it', reason: 'rule_error' }]
}

function toFieldViolation(desc: DescMessage, violation: Violation): FieldViolation {
  const { field: path, message, ruleId } = violation
  const hidden = isCustom(violation) && mayQuoteRedacted(desc, path)
  return {
    field: pathToString(withoutRedactedKeys(path)),
    description: hidden || message === '' ? `breaks the rule ${ruleId}` : message,
    reason: ruleId,
  }
}

/** Rules in CEL and predefined ones write their own messages, with any value they like; protovalidate's quote only bounds. */
function isCustom({ rule, ruleId }: Violation): boolean {
  if (rule.length === 0) return !standardWithoutRule.has(ruleId)
  return rule.some((step) => step.kind === 'extension' || (step.kind === 'field' && celFields.has(step.name)))
}

const standardWithoutRule = new Set(['required', 'legacy_required', 'message.oneof'])
const celFields = new Set(['cel', 'cel_expression'])

/** Whether the value that a rule looks at is, or is in, or holds, a redacted field. */
function mayQuoteRedacted(desc: DescMessage, path: Path): boolean {
  if (path.some((step) => step.kind === 'field' && redacted(step))) return true
  const target = path.findLast((step): step is DescField => step.kind === 'field')
  const held = target ? target.message : desc
  return held !== undefined && redactsWithin(held)
}

/** A map's keys are values too. */
function withoutRedactedKeys(path: Path): Path {
  const first = path.findIndex((step) => step.kind === 'field' && redacted(step))
  if (first < 0) return path
  return path.filter((step, index) => index < first || step.kind !== 'map_sub')
}
