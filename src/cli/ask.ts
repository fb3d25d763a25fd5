import type { DescMessage, Registry } from '@bufbuild/protobuf'
import { askMessage, type Questions } from './ask-fields.ts'
import type { Reply } from './connect.ts'
import { Failure } from './failure.ts'
import type { Output } from './output.ts'
import { openPrompts } from './prompts.ts'
import { encodeJson } from './request-json.ts'

export type Asking = { desc: DescMessage; registry: Registry; output: Output; signal: AbortSignal }

/**
 * `deed call --interactive`: asks for the fields of a request and sends it. When the contract's rules refuse it, says which,
 * keeps what was answered, and asks again for the fields that they concern.
 */
export async function askUntilTaken(
  { desc, registry, output, signal }: Asking,
  send: (bytes: Buffer) => Promise<Reply<Buffer>>,
): Promise<Reply<Buffer>> {
  const questions: Questions = { prompts: await openPrompts(signal), registry, tell: (line) => output.remark(line) }
  let request = await askMessage(questions, desc, {})
  for (;;) {
    try {
      return await send(encodeJson(desc, JSON.stringify(request), registry))
    } catch (error) {
      if (!(error instanceof Failure) || output.json) throw error
      const concerned = fieldsOf(error, desc)
      if (concerned === undefined) throw error
      for (const line of error.lines) output.remark(`✗ ${line}`)
      request = await askMessage(questions, desc, request, concerned)
    }
  }
}

/** The fields of the request that violations are about; all of them when one is about the request as a whole. */
function fieldsOf({ json }: Failure, desc: DescMessage): ReadonlySet<string> | undefined {
  const violations: unknown = json['violations']
  if (!Array.isArray(violations) || violations.length === 0) return undefined
  const all = desc.fields.map(({ name }) => name)
  const names = violations.flatMap(({ field }: { field: string }) => {
    const [name = ''] = /^[A-Za-z_0-9]*/.exec(field) ?? []
    // A oneof is named by its own name, and asked for by its members.
    const oneof = desc.oneofs.find((each) => each.name === name)
    return name === '' ? all : (oneof?.fields.map((field) => field.name) ?? [name])
  })
  return new Set(names)
}
