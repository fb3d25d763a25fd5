import { writeFile } from 'node:fs/promises'
import junit, { type Builder } from 'junit-report-builder'
import { pathFailure } from '../read-file.ts'
import type { Result } from './run.ts'

/** By its types, this would stand under `default` once more. */
const reports = junit as unknown as Builder

/** Writes results as JUnit's XML: a suite for each method and model, a case for each example. */
export async function writeJunit(path: string, results: readonly Result[]): Promise<void> {
  const report = reports.newBuilder().name('deed test')
  for (const group of Map.groupBy(results, ({ example, model }) => `${example.method.path.slice(1)} (${model})`)) {
    const [name, runs] = group
    const suite = report.testSuite().name(name)
    for (const { example, wrong, latencyMs } of runs) {
      const test = suite
        .testCase()
        .className(name)
        .name(example.name)
        .file(example.file)
        .time((latencyMs ?? 0) / 1_000)
      if (wrong.length > 0) test.failure(wrong.join('\n'))
    }
  }
  await write(path, report.build(), 'w')
}

/** Throws a Failure when the report could not be written later. What the file holds stays until then. */
export function requireWritable(path: string): Promise<void> {
  return write(path, '', 'a')
}

async function write(path: string, text: string, flag: 'a' | 'w'): Promise<void> {
  try {
    await writeFile(path, text, { flag })
  } catch (error) {
    throw pathFailure(error, path, 'write') ?? error
  }
}
