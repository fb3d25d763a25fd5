import { fileURLToPath } from 'node:url'
import { fromBinary, fromJson, toJson } from '@bufbuild/protobuf'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { buildImage } from '../src/cli/build-image.ts'
import { readImage } from '../src/contracts/image.ts'
import { loadContracts, type Method } from '../src/contracts/method.ts'
import { answer } from '../src/models/answer.ts'
import { keywords } from '../src/models/providers/keywords.ts'
import { Models } from '../src/models/routing/models.ts'
import { type Labelled, trainCentroids } from './centroid.ts'
import { readOptions } from './options.ts'
import { type Package, readPackages } from './packages.ts'
import type { Row } from './rows.ts'

const folder = fileURLToPath(new URL('contract', import.meta.url))
const path = 'debian.v1.SectionService/ChooseSection'
const prefix = 'SECTION_'

/** How many packages the baseline learns from, and how many all are tried on: others. */
const sizes = { training: 1_000, test: 3_000 }
/** In percentage points above the majority class. */
const target = 20

/**
 * How often `local/keywords` finds the section of a Debian package in its description, by the comments of the contract alone,
 * beside those who always say the commonest section, and who learnt from 1,000 packages. Each is asked about the same
 * packages, which keep the archive's own proportions; one that gives no section is wrong.
 */
export async function benchKeywords(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  readOptions(args, {})
  const method = await findMethod(signal)
  const sections = sectionsOf(method)
  const packages = (await readPackages(signal)).filter(({ section }) => sections.has(section))
  const { training, test } = split(packages)
  progress(`${packages.length} packages of ${sections.size} sections; asking about ${test.length}`)

  const commonest = majorityOf(training)
  const centroid = trainCentroids(training)
  const started = performance.now()
  const chosen: (string | undefined)[] = []
  for (const { text } of test) chosen.push(await ask(method, text, signal))
  const eachMs = (performance.now() - started) / test.length

  const majority = accuracy(test, () => commonest)
  const named = accuracy(test, (_, index) => chosen[index])
  const gain = round(named.accuracy - majority.accuracy)
  return [
    { name: 'majority class', training: training.length, ...majority },
    { name: 'nearest centroid', training: training.length, ...accuracy(test, ({ text }) => centroid(text)) },
    { name: 'local/keywords', training: 0, ...named, gain, target, ok: gain >= target },
    { name: 'test packages', value: test.length, unit: `of ${sections.size} sections, in the archive's proportions` },
    { name: 'majority class is', value: commonest },
    {
      name: 'words in a description',
      value: round(mean(test.map(({ text }) => text.split(/\s+/).length))),
      unit: 'in the mean',
    },
    { name: 'answered in', value: round(eachMs), unit: 'ms in the mean, from request to validated answer' },
  ]
}

async function findMethod(signal: AbortSignal): Promise<Method> {
  const build = await buildImage(folder, signal)
  if (build.kind === 'faults') throw new Error(build.faults.map(({ file, cause }) => `${file}: ${cause}`).join('\n'))
  const contracts = loadContracts(readImage(build.bytes), () => 1)
  const [service, name = ''] = path.split('/')
  const method = contracts.find((contract) => contract.name === service)?.methods.get(name)
  if (!method) throw new Error(`${folder} has no ${path}`)
  return method
}

/** The sections that the contract knows, as Debian writes them. */
function sectionsOf(method: Method): ReadonlySet<string> {
  const values = method.output.field['section']?.enum?.values ?? []
  return new Set(values.slice(1).map(({ name }) => name.slice(prefix.length).toLowerCase()))
}

/** The packages are in an order by chance. */
function split(packages: readonly Package[]): { training: Labelled[]; test: Labelled[] } {
  const { training, test } = sizes
  if (packages.length < training + test) {
    throw new Error(`apt-cache knows only ${packages.length} packages of these sections: run "apt-get update" first`)
  }
  const labelled = packages.map(({ section, description }) => ({ text: description, label: section }))
  return { training: labelled.slice(0, training), test: labelled.slice(training, training + test) }
}

function majorityOf(examples: readonly Labelled[]): string {
  const groups = Map.groupBy(examples, ({ label }) => label)
  const [first] = [...groups].toSorted(([, a], [, b]) => b.length - a.length)
  return first?.[0] ?? ''
}

/** The whole way of an answer, without the server and the database around it. */
async function ask(method: Method, description: string, signal: AbortSignal): Promise<string | undefined> {
  const request = fromJson(method.input, { description })
  const options = { models: new Models({ providers: new Map([['local', keywords]]) }), defaultModel: 'local/keywords' }
  const answered = await answer(method, request, options, ROOT_CONTEXT, signal)
  if (answered.kind === 'aborted') signal.throwIfAborted()
  if (answered.kind !== 'response') return undefined
  const json = toJson(method.output, fromBinary(method.output, answered.bytes))
  const section = typeof json === 'object' && json !== null && !Array.isArray(json) ? json['section'] : undefined
  return typeof section === 'string' ? section.slice(prefix.length).toLowerCase() : undefined
}

/** In percent. */
function accuracy(test: readonly Labelled[], choose: (each: Labelled, index: number) => string | undefined) {
  const choices = test.map(choose)
  const right = choices.filter((choice, index) => choice === test[index]?.label).length
  const answered = choices.filter((choice) => choice !== undefined).length
  const groups = Map.groupBy(test.keys(), (index) => test[index]?.label)
  const rates = [...groups].map(([label, indexes]) =>
    mean(indexes.map((index) => (choices[index] === label ? 100 : 0))),
  )
  return {
    accuracy: round((100 * right) / test.length),
    answered: round((100 * answered) / test.length),
    balanced: round(mean(rates)),
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
