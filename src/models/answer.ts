import { fromBinary, type Message } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import type { Context } from '@opentelemetry/api'
import type { Method } from '../contracts/method.ts'
import { DeedError, type FieldViolation } from '../errors/deed-error.ts'
import { answerInvalid, cutOff, type ModelFailure, modelsExhausted } from './answer-errors.ts'
import { type Completion, complete } from './completion.ts'
import { type CompletionRecord, recordOf } from './completion-record.ts'
import { exampleTurns } from './examples.ts'
import type { OnText } from './gather.ts'
import type { ItemSink } from './item-sink.ts'
import { type BrokenList, ListReader } from './list-reader.ts'
import { continuationTurn, repairTurns, requestTurn, systemText } from './prompt.ts'
import type { CompletionRequest, Turn } from './provider.ts'
import { readAnswer } from './read-answer.ts'
import type { Model } from './routing/model.ts'
import type { Models } from './routing/models.ts'
import { responseSchema } from './schema.ts'

export type Answer =
  | { kind: 'response'; bytes: Uint8Array; model: string; completions: CompletionRecord[] }
  /** `retryable`: another attempt may do better; not before `retryAfterMs`, which is 0 when no vendor asked for a wait. */
  | { kind: 'failure'; error: DeedError; retryable: boolean; retryAfterMs: number; completions: CompletionRecord[] }
  | { kind: 'aborted'; completions: CompletionRecord[] }

/** Items that a model which goes on with a list is shown at the most. */
const maxShown = 1_000

export type AnswerOptions = {
  models: Models
  /** `provider/name`, for methods whose policy names none. */
  defaultModel: string
}

/**
 * One attempt at an operation: asks the models of the method's policy in turn until one gives an answer that keeps the
 * contract, or the attempt ends in an error.
 *
 * - An invalid or truncated answer goes back to its model with the violations, up to `max_repairs` times in the attempt;
 *   then it is ANSWER_INVALID. Another model is not asked: the policy's repairs are the bound on what an answer may cost.
 * - A model that is unavailable, or will not work as the server is set up, is passed over for the next. So is one whose
 *   breaker is open or whose limits are reached, without being asked. After the last: MODELS_EXHAUSTED, worth another
 *   attempt if one was merely unavailable.
 * - A method that returns a stream is answered with a list, whose items go to `sink` as they are written; the response is empty then.
 * - A refusal, or a request that the vendor rejects, is final: a wrong request does not move on. So is one that a
 *   cassette does not have.
 *
 * Never throws but for bugs. Errors hold no payload and nothing of what a vendor wrote.
 */
export async function answer(
  method: Method,
  request: Message,
  options: AnswerOptions,
  context: Context,
  signal: AbortSignal,
  sink?: ItemSink,
): Promise<Answer> {
  const names = method.policy.models.length > 0 ? method.policy.models : [options.defaultModel]
  const attempt = new Attempt(method, request, context, signal, sink)
  const models = names.flatMap((name) => {
    const model = options.models.get(name)
    if (!model) attempt.unconfigured.push(name)
    return model ?? []
  })
  for (const model of models) {
    const ended = await attempt.ask(model, model === models.at(-1))
    if (ended) return ended
  }
  return attempt.exhausted()
}

class Attempt {
  readonly unconfigured: string[] = []
  readonly #failures: ModelFailure[] = []
  readonly #completions: CompletionRecord[] = []
  readonly #method: Method
  readonly #request: Message
  readonly #context: Context
  readonly #signal: AbortSignal
  readonly #sink: ItemSink | undefined
  #repairs = 0

  constructor(method: Method, request: Message, context: Context, signal: AbortSignal, sink: ItemSink | undefined) {
    this.#method = method
    this.#request = request
    this.#context = context
    this.#signal = signal
    this.#sink = sink
  }

  /** Asks one model, with repairs. Undefined when the next is to be asked, of which there is none after the `last`. */
  ask(model: Model, last: boolean): Promise<Answer | undefined> {
    return this.#sink ? this.#askForList(model, last, this.#sink) : this.#askForMessage(model, last)
  }

  async #askForMessage(model: Model, last: boolean): Promise<Answer | undefined> {
    const turns: Turn[] = [...exampleTurns(this.#method), requestTurn(this.#method, this.#request)]
    for (;;) {
      const completion = await this.#complete(model, last, { turns })
      const { end } = completion
      switch (end.kind) {
        case 'complete':
        case 'truncated': {
          const read = end.kind === 'truncated' ? cutOff(end.limit) : readAnswer(this.#method, end.text)
          if (read.kind === 'valid') {
            this.#record(model, 'VALID', completion)
            return { kind: 'response', bytes: read.bytes, model: model.name, completions: this.#completions }
          }
          this.#record(model, end.kind === 'complete' ? 'INVALID' : 'TRUNCATED', completion)
          const spent = this.#repair(model, read.violations)
          if (spent) return spent
          turns.push(...repairTurns(end.text, read.violations))
          break
        }
        default:
          return this.#without(model, completion, end)
      }
    }
  }

  /** The same for a list: what is stored of it stays, whatever becomes of the rest, and each completion goes on from there. */
  async #askForList(model: Model, last: boolean, sink: ItemSink): Promise<Answer | undefined> {
    let broken: BrokenList | undefined
    for (;;) {
      const before = sink.count
      const list = new ListReader(this.#method, sink, this.#signal)
      const turns = [...exampleTurns(this.#method), await this.#listTurn(sink, broken)]
      const completion = await this.#complete(model, last, { turns, itemsBefore: before }, list.push)
      const { end } = completion
      // It was stopped for what it wrote.
      const stopped = list.broken !== undefined && !this.#signal.aborted && end.kind === 'aborted'
      if (!stopped && end.kind !== 'complete' && end.kind !== 'truncated') return this.#without(model, completion, end)
      const limit = end.kind === 'truncated' && !list.broken ? end.limit : undefined
      const read = limit === undefined ? list.end() : { ...cutOff(limit), item: undefined }
      if (read.kind === 'valid') {
        this.#record(model, 'VALID', completion)
        return { kind: 'response', bytes: new Uint8Array(), model: model.name, completions: this.#completions }
      }
      this.#record(model, limit === undefined ? 'INVALID' : 'TRUNCATED', completion)
      const spent = this.#repair(model, read.violations)
      if (spent) return spent
      // What got on and was cut off need not be briefer: it goes on.
      broken = limit !== undefined && sink.count > before ? undefined : read
    }
  }

  async #listTurn(sink: ItemSink, broken: BrokenList | undefined): Promise<Turn> {
    const { count } = sink
    if (count === 0 && !broken) return requestTurn(this.#method, this.#request)
    const last = (await sink.last(maxShown, this.#signal)).map((bytes) => fromBinary(this.#method.output, bytes))
    return continuationTurn(this.#method, this.#request, { count, last, broken })
  }

  /** What follows from a completion without an answer. Undefined when the next model is to be asked. */
  #without(model: Model, completion: Completion, end: Completion['end']): Answer | undefined {
    switch (end.kind) {
      case 'aborted':
        if (end.asked) this.#record(model, 'ABORTED', completion)
        return { kind: 'aborted', completions: this.#completions }
      case 'failed':
        this.#record(model, 'FAILED', completion)
        if (end.error.kind === 'rejected')
          return this.#final('MODEL_REJECTED_REQUEST', `${model.name}: ${end.error.message}`)
        if (end.error.kind === 'unrecorded') return this.#final('CASSETTE_MISS', `${model.name}: ${end.error.message}`)
        this.#failures.push({ model: model.name, error: end.error })
        return undefined
      case 'skipped':
        this.#failures.push({ model: model.name, error: end.error })
        return undefined
      case 'refused':
        this.#record(model, 'REFUSED', completion)
        return this.#final('MODEL_REFUSED', `${model.name} declined to answer this request`)
      default:
        throw new Error(`a completion that ended as ${end.kind} has an answer`)
    }
  }

  /** How an attempt ends in which no model answered. */
  exhausted(): Answer {
    const error = modelsExhausted(this.#failures, this.unconfigured)
    const unavailable = this.#failures.filter((failure) => failure.error.kind === 'unavailable')
    const waits = unavailable.map((failure) => failure.error.retryAfterMs ?? 0)
    // The first model to be ready again is reason enough to try again.
    const retryAfterMs = waits.length > 0 ? Math.min(...waits) : 0
    return { ...this.#failure(error), retryable: unavailable.length > 0, retryAfterMs }
  }

  #complete(
    model: Model,
    last: boolean,
    asked: Pick<CompletionRequest, 'turns' | 'itemsBefore'>,
    onText?: OnText,
  ): Promise<Completion> {
    const request = {
      system: systemText(this.#method),
      ...asked,
      schema: responseSchema(this.#method),
      maxOutputTokens: this.#method.policy.maxOutputTokens,
      effort: this.#method.policy.effort,
      method: this.#method,
      request: this.#request,
    }
    return complete(model, request, this.#context, this.#signal, last, onText)
  }

  #record(model: Model, outcome: CompletionRecord['outcome'], completion: Completion): void {
    this.#completions.push(recordOf(this.#completions.length + 1, model, outcome, completion))
  }

  /** Counts a repair. Returns the end when no more may be made. */
  #repair(model: Model, violations: readonly FieldViolation[]): Answer | undefined {
    const { maxRepairs } = this.#method.policy
    if (this.#repairs >= maxRepairs) return this.#failure(answerInvalid(model.name, this.#repairs, violations))
    this.#repairs++
    return undefined
  }

  #final(reason: 'MODEL_REFUSED' | 'MODEL_REJECTED_REQUEST' | 'CASSETTE_MISS', message: string): Answer {
    return this.#failure(new DeedError(status.FAILED_PRECONDITION, reason, message))
  }

  #failure(error: DeedError): Extract<Answer, { kind: 'failure' }> {
    return { kind: 'failure', error, retryable: false, retryAfterMs: 0, completions: this.#completions }
  }
}
