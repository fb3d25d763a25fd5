import { stat } from 'node:fs/promises'
import { matchesGlob } from 'node:path'
import type { ServerConfig } from '../../config.ts'
import { checkImage } from '../../contracts/check.ts'
import { contractInvalid } from '../../contracts/fault.ts'
import { type Image, readImage } from '../../contracts/image.ts'
import { loadContracts, type Method } from '../../contracts/method.ts'
import { DeedError } from '../../errors/deed-error.ts'
import type { AnswerOptions } from '../../models/answer.ts'
import { openProviders } from '../../models/open-providers.ts'
import { Models } from '../../models/routing/models.ts'
import { buildImage, faultLines } from '../build-image.ts'
import { Failure, misuse } from '../failure.ts'
import { jsonLine } from '../json-line.ts'
import type { Output } from '../output.ts'
import { progressBar } from '../progress-bar.ts'
import type { Example } from './example.ts'
import { requireWritable, writeJunit } from './junit.ts'
import { type LastRun, readLastRun, writeLastRun } from './last-run.ts'
import { readExamples } from './read.ts'
import { failure, report } from './report.ts'
import { type Result, runAll, type Task } from './run.ts'
import { summaries } from './summary.ts'

export type TestArguments = {
  path: string
  /** Each `provider/name`; none for those that a call would be answered by. */
  models: readonly string[]
  /** A pattern for names of methods. */
  method: string | undefined
  repeat: number
  concurrency: number
  junit: string | undefined
}

/**
 * `deed test`: has a contract's examples answered, in this process and with the models of the server's settings, and says which
 * answers are not as expected. Needs no server and stores no operation.
 */
export async function test(
  output: Output,
  config: ServerConfig,
  args: TestArguments,
  signal: AbortSignal,
): Promise<void> {
  using progress = output.progress(`building ${args.path}`)
  const image = await imageOf(args.path, signal)
  const methods = loadContracts(image, () => 0).flatMap((contract) => [...contract.methods.values()])
  const examples = chosen(await readExamples(args.path, image, methods, signal), args.method, methods)
  await using models = await openModels(config, args.models)
  const tasks = tasksOf(examples, args, models.options.defaultModel)
  // Answers may cost: nothing that is wrong should be found after they are paid for.
  if (args.junit !== undefined) await requireWritable(args.junit)
  const bar = progressBar(tasks.length)
  progress.say(() => bar.line())
  const done = ({ wrong }: Result) => {
    bar.done(1)
    if (wrong.length > 0) bar.failed()
  }
  const results = await runAll(tasks, { concurrency: args.concurrency, done, options: models.options, signal })
  progress[Symbol.dispose]()

  const contracts = [...new Set(results.map(({ example }) => example.method.contract))]
  const last: LastRun = new Map(
    (await Promise.all(contracts.map((name) => readLastRun(config.dataDir, name)))).flatMap((each) => [...each]),
  )
  const run = summaries(results)
  report(output, results, run, last)
  if (args.junit !== undefined) await writeJunit(args.junit, results)
  for (const name of contracts) {
    const mine = run.filter(({ method }) => method.startsWith(`${name}/`))
    await writeLastRun(config.dataDir, name, mine).catch(() =>
      output.remark(output.json ? jsonLine({ remark: notKept }) : notKept),
    )
  }
  const failed = results.filter(({ wrong }) => wrong.length > 0)
  if (failed.length > 0) throw failure(failed, results.length, last, output.json)
}

const notKept = 'the run is not kept to compare with: DEED_DATA_DIR cannot be written'

/** As `deed publish` makes and checks it. */
async function imageOf(path: string, signal: AbortSignal): Promise<Image> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) throw misuse(`${path} is a file: give the folder of the contract and its examples`)
  const build = await buildImage(path, signal)
  if (build.kind === 'faults') throw invalid(await faultLines(path, build.faults))
  try {
    const image = readImage(build.bytes)
    const faults = await checkImage(image, signal)
    if (faults.length > 0) throw contractInvalid(faults)
    return image
  } catch (error) {
    if (!(error instanceof DeedError)) throw error
    throw invalid(error.details.fieldViolations?.map(({ description }) => description) ?? [])
  }
}

function invalid(lines: readonly string[]): Failure {
  const count = lines.length === 1 ? '1 fault' : `${lines.length} faults`
  return new Failure(`nothing was tested: the contract has ${count}`, { lines, json: { reason: 'CONTRACT_INVALID' } })
}

/** The models of the configuration. Throws a Failure (wrong usage) when one that is asked for is none of them. */
async function openModels(
  config: ServerConfig,
  asked: readonly string[],
): Promise<{ options: AnswerOptions } & AsyncDisposable> {
  await using closing = new AsyncDisposableStack()
  const { providers } = closing.use(await openProviders(config))
  // Limits are those of all replicas, and held in their database.
  const settings = new Map([...config.models].map(([name, { limits: _, ...own }]) => [name, own]))
  const models = new Models({ providers, settings })
  const unknown = asked.find((model) => !models.get(model))
  if (unknown !== undefined) {
    throw misuse(`the model ${unknown} is not configured`, `there is ${[...providers.keys()].join('/…, ')}/…`)
  }
  const open = closing.move()
  return { options: { models, defaultModel: config.model }, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

function chosen(
  examples: readonly Example[],
  glob: string | undefined,
  methods: readonly Method[],
): readonly Example[] {
  if (glob === undefined) return examples
  const found = examples.filter(({ method }) =>
    matchesGlob(glob.includes('/') ? method.path.slice(1) : method.name, glob),
  )
  if (found.length > 0) return found
  throw misuse(`no example is for a method ${glob}`, `there is ${methods.map(({ name }) => name).join(', ')}`)
}

function tasksOf(examples: readonly Example[], { models, repeat }: TestArguments, defaultModel: string): Task[] {
  /** One for all examples: prompt and schema are made once for it. */
  const methods = new Map<string, Method>()
  const tried = (method: Method, model: string): Method => {
    const key = `${method.path} ${model}`
    const known = methods.get(key) ?? { ...method, policy: { ...method.policy, models: [model] } }
    methods.set(key, known)
    return known
  }
  const asked = (example: Example): Omit<Task, 'example'>[] => {
    const { method } = example
    if (models.length > 0) return models.map((model) => ({ model, method: tried(method, model) }))
    const own = method.policy.models.length > 0 ? method.policy.models : [defaultModel]
    return [{ model: own.join(', '), method }]
  }
  return examples.flatMap((example) =>
    asked(example).flatMap((each) => Array.from({ length: repeat }, () => ({ ...each, example }))),
  )
}
