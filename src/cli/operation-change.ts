import { OperationServiceService as Service } from '../../gen/deed/v1/operation_service.ts'
import { OperationsService as Operations } from '../../gen/google/longrunning/operations.ts'
import type { CommandContext } from './command.ts'
import { forEachName } from './each-name.ts'
import { Failure, misuse } from './failure.ts'
import { jsonLine } from './json-line.ts'
import { bareView, stateName, viewJson } from './operation-view.ts'

/** `deed operation cancel`: says what became of each, since one may end by itself first. */
export async function cancelOperations({ connection, output }: CommandContext, names: readonly string[]) {
  await forEachName(names, async (name) => {
    await connection.call(Operations.cancelOperation, { name })
    const { response } = await connection.call(Operations.getOperation, { name })
    const view = await bareView(connection, response)
    const state = stateName(view)
    return () => {
      if (output.json) return output.print(jsonLine(viewJson(view)))
      if (state === 'CANCELLED') {
        output.print(`cancelled ${name}`)
        output.remark(`"npx deed operation retry ${name}" has it done after all`)
      } else if (view.done) {
        output.print(`${name} had ended: ${state}`)
        output.remark(`"npx deed operation get ${name}" shows its result`)
      } else {
        output.print(`${name} is being cancelled`)
        output.remark(`"npx deed operation wait ${name}" waits until it is`)
      }
    }
  })
}

/** `deed operation retry`: the name of each new operation goes to stdout, alone, so that a script can take it. */
export async function retryOperations(
  { connection, output }: CommandContext,
  names: readonly string[],
  idempotencyKey = '',
) {
  if (idempotencyKey !== '' && names.length > 1) {
    throw misuse('--idempotency-key is for one operation', 'give one name, or leave the key out')
  }
  await forEachName(names, async (name) => {
    const { response } = await connection.call(Service.retryOperation, { name, idempotencyKey })
    const { operation, replayed } = response
    if (!operation) throw new Failure(`the server did not say which operation repeats ${name}`)
    const view = await bareView(connection, operation)
    return () => {
      if (output.json) return output.print(jsonLine({ ...viewJson(view), replayed }))
      output.print(operation.name)
      const made = replayed ? 'had been made before and repeats' : 'repeats'
      output.remark(`it ${made} ${name}; "npx deed operation wait ${operation.name}" waits for its end`)
    }
  })
}

/** `deed operation delete` */
export async function deleteOperations({ connection, output }: CommandContext, names: readonly string[]) {
  await forEachName(names, async (name) => {
    await connection.call(Operations.deleteOperation, { name })
    return () => output.print(output.json ? jsonLine({ operation: name, deleted: true }) : `deleted ${name}`)
  })
}
