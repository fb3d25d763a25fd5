import { status } from '@grpc/grpc-js'
import { DeedError, type FieldViolation } from '../errors/deed-error.ts'
import type { ModelError } from './provider.ts'

/** A model that gave no answer, by its `provider/name`. */
export type ModelFailure = { model: string; error: ModelError }

/** ANSWER_INVALID: what was still wrong after so many repairs. */
export function answerInvalid(model: string, repairs: number, fieldViolations: readonly FieldViolation[]): DeedError {
  const times = repairs === 1 ? '1 repair' : `${repairs} repairs`
  const message = `the answer of ${model} breaks the contract, after ${times}`
  return new DeedError(status.INTERNAL, 'ANSWER_INVALID', message, { fieldViolations })
}

/** What a model is told of an answer that was cut off at a limit. */
export function cutOff(limit: string): { kind: 'invalid'; violations: FieldViolation[] } {
  return { kind: 'invalid', violations: [{ field: '', description: `cut off at ${limit}: be briefer` }] }
}

/** No model answered: MODEL_NOT_CONFIGURED when there was none to ask, else MODELS_EXHAUSTED with what became of each. */
export function modelsExhausted(failures: readonly ModelFailure[], unconfigured: readonly string[]): DeedError {
  const [unknown] = unconfigured
  if (failures.length === 0 && unknown !== undefined) {
    const metadata = { model: unknown }
    const message = `the model ${unknown} is not configured on this server`
    return new DeedError(status.FAILED_PRECONDITION, 'MODEL_NOT_CONFIGURED', message, { metadata })
  }
  const causes = [
    ...failures.map(({ model, error }) => `${model}: ${error.message}`),
    ...unconfigured.map((model) => `${model}: not configured on this server`),
  ]
  return new DeedError(status.ABORTED, 'MODELS_EXHAUSTED', `every model failed: ${causes.join('; ')}`)
}
