import { Failure } from '../failure.ts'
import { dollars } from '../format.ts'
import { jsonLine } from '../json-line.ts'
import { type Output, printTable } from '../output.ts'
import { changes, type LastRun, passedBefore } from './last-run.ts'
import type { Result } from './run.ts'
import type { Summary } from './summary.ts'

/** Prints a table with a line for each method and model; in JSON, a document for each example and then for each of those. */
export function report(output: Output, results: readonly Result[], run: readonly Summary[], last: LastRun): void {
  if (output.json) {
    for (const { example, model, wrong, latencyMs, costMicroUsd } of results) {
      const { name, method, file, line } = example
      const passed = wrong.length === 0
      output.print(
        jsonLine({
          example: name,
          file,
          line,
          method: method.path.slice(1),
          model,
          passed,
          wrong,
          latencyMs,
          costMicroUsd,
        }),
      )
    }
    for (const summary of run) output.print(jsonLine({ summary: { ...summary, sinceLastRun: changes(summary, last) } }))
    return
  }
  printTable(output, run, [
    { title: 'METHOD', cell: ({ method }) => method.slice(method.lastIndexOf('/') + 1), shrinks: true },
    { title: 'MODEL', cell: ({ model }) => model, shrinks: true },
    {
      title: 'SCORE',
      cell: ({ passed, total }) => `${passed}/${total}`,
      format: ({ passed, total }) => (passed === total ? 'green' : 'red'),
    },
    { title: 'P50', cell: ({ p50Ms }) => `${p50Ms}ms`, align: 'right' },
    { title: 'MAX', cell: ({ maxMs }) => `${maxMs}ms`, align: 'right' },
    { title: 'COST', cell: ({ costMicroUsd }) => dollars(costMicroUsd), align: 'right' },
    { title: 'SINCE LAST RUN', cell: (summary) => changes(summary, last), spare: true },
  ])
}

/** What a run ends with in which examples failed: each with what was expected and what came. */
export function failure(failed: readonly Result[], total: number, last: LastRun, json: boolean): Failure {
  const several = new Set(failed.map(({ model }) => model)).size > 1
  const lines = failed.flatMap(({ example, model, wrong }) => {
    const news = passedBefore(example.method.path.slice(1), model, example.name, last) ? ' (passed last time)' : ''
    return wrong.map((each) => `${example.name}${several ? ` (${model})` : ''}: ${each}${news}`)
  })
  const message = total === 1 ? 'the example failed' : `${failed.length} of ${total} examples failed`
  return new Failure(message, { lines: json ? [] : lines, json: { failed: failed.length, total } })
}
