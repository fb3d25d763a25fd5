import type { DescField, DescMessage } from '@bufbuild/protobuf'

/** Whether a field is marked `debug_redact`: its value must not be in a log, a trace or an error. */
export function redacted(field: DescField): boolean {
  return field.proto.options?.debugRedact === true
}

const answers = new WeakMap<DescMessage, boolean>()

/** Whether a message has a redacted field, itself or in what it holds. */
export function redactsWithin(desc: DescMessage): boolean {
  let answer = answers.get(desc)
  if (answer === undefined) {
    answer = reachable(desc).some((message) => message.fields.some(redacted))
    answers.set(desc, answer)
  }
  return answer
}

const reached = new WeakMap<DescMessage, readonly DescMessage[]>()

/** A message type and all that its fields lead to, each once, nearest first. */
export function reachable(desc: DescMessage): readonly DescMessage[] {
  let types = reached.get(desc)
  if (!types) {
    const found = new Set([desc])
    for (const message of found) for (const field of message.fields) if (field.message) found.add(field.message)
    types = [...found]
    reached.set(desc, types)
  }
  return types
}
