import { create, fromJson } from '@bufbuild/protobuf'
import { loadContracts, type Method } from '../contracts/method.ts'
import { exampleTurns } from '../models/examples.ts'
import { requestTurn, systemText } from '../models/prompt.ts'
import { responseSchema } from '../models/schema.ts'
import { schemaNotes } from '../models/schema-notes.ts'
import type { CommandContext } from './command.ts'
import { fetchNamed } from './contract-image.ts'
import { Failure } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { contractName, versionName } from './names.ts'
import type { Output } from './output.ts'
import { skeleton } from './skeleton.ts'
import { nearest } from './text.ts'

/** Each: the name of a method, or `true` for all. */
export type ForModel = { schema: string | true | undefined; prompt: string | true | undefined }

/** `deed contract show --schema` and `--prompt`: what a model gets of a contract, made as for a call. */
export async function showForModel(
  { connection, output }: CommandContext,
  text: string,
  number: string | undefined,
  { schema, prompt }: ForModel,
): Promise<void> {
  const name = contractName(text, number)
  const { version, image } = await fetchNamed(connection, versionName(name))
  const service = name.name.replace('contracts/', '')
  const contract = loadContracts(image, () => version.version).find((each) => each.name === service)
  const methods = [...(contract?.methods.values() ?? [])]
  const schemas = schema === undefined ? [] : select(methods, service, schema)
  const prompts = prompt === undefined ? [] : select(methods, service, prompt)
  if (output.json) {
    for (const method of methods.filter((each) => schemas.includes(each) || prompts.includes(each))) {
      output.print(
        jsonLine({
          method: method.path.slice(1),
          ...(schemas.includes(method) && { schema: responseSchema(method), notes: schemaNotes(method) }),
          ...(prompts.includes(method) && {
            system: systemText(method),
            turns: [...exampleTurns(method), exampleTurn(method)],
          }),
        }),
      )
    }
    return
  }
  if (schema !== undefined) output.print(JSON.stringify(schemaOf(schemas, schema), undefined, 2))
  for (const method of schemas) remarkOn(output, method)
  for (const method of prompts) printPrompt(output, method)
}

/** One method's schema as it is; those of all by the methods' names. */
function schemaOf(methods: readonly Method[], wanted: string | true): unknown {
  const [only] = methods
  if (wanted !== true && only) return responseSchema(only)
  return Object.fromEntries(methods.map((method) => [method.name, responseSchema(method)]))
}

/** On stderr: the schema alone is what was asked for. */
function remarkOn(output: Output, method: Method): void {
  const notes = schemaNotes(method)
  if (notes.length > 0)
    output.remark(`${method.name}: not in the schema, or in another form than protobuf's JSON mapping:`)
  for (const { field, note } of notes) output.remark(`  ${field || '(the answer)'}: ${note}`)
}

function printPrompt(output: Output, method: Method): void {
  const heading = (text: string) => output.paint('bold', `===== ${method.path.slice(1)}: ${text} =====`)
  output.print(heading('system'))
  output.print(systemText(method))
  for (const { role, text } of exampleTurns(method)) {
    output.print(heading(role === 'user' ? 'an example in the contract' : 'its answer'))
    output.print(text)
  }
  output.print(heading('an example of a request'))
  output.print(exampleTurn(method).text)
}

/** With values of the right types, which need not keep the contract's rules. */
function exampleTurn(method: Method) {
  const { input, registry } = method
  try {
    return requestTurn(method, fromJson(input, skeleton(input), { registry }))
  } catch {
    return requestTurn(method, create(input))
  }
}

function select(methods: readonly Method[], service: string, wanted: string | true): readonly Method[] {
  if (wanted === true) return methods
  const name = wanted.startsWith(`${service}/`) ? wanted.slice(service.length + 1) : wanted
  const found = methods.filter((method) => method.name === name)
  if (found.length > 0) return found
  const names = methods.map((method) => method.name)
  const meant = nearest(name, names)
  const hint = meant === undefined ? `it has ${names.join(', ')}` : `did you mean ${meant}?`
  throw new Failure(`${service} has no method ${name}`, { hint })
}
