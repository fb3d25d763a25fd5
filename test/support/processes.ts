import { resolve } from 'node:path'

const { NODE_V8_COVERAGE: coverage, NODE_COMPILE_CACHE: compiled } = process.env

/**
 * For the environment of a process whose lines no test runs in the process of the tests. The others are not covered: to write
 * down what was run costs each 0.15 s, and c8 0.03 s more to read it at the end.
 */
export const covered: Readonly<Record<string, string>> = coverage === undefined ? {} : { NODE_V8_COVERAGE: coverage }

/** From now on, the processes that tests start are not covered, and find compiled code wherever they run. */
export function prepareProcesses(): void {
  delete process.env['NODE_V8_COVERAGE']
  process.env['GOGC'] = 'off' // buf, several hundred times: without collecting its garbage it takes a third less
  if (compiled) process.env['NODE_COMPILE_CACHE'] = resolve(import.meta.dirname, '../..', compiled)
  keepCoverage()
}

/**
 * Mocha gives its workers a second to end, and then SIGTERM. To write down what the tests of a run covered takes longer on
 * a busy machine; what was not written to its end does not count.
 */
function keepCoverage(): void {
  if (process.listenerCount('SIGTERM', ignore) === 0) process.on('SIGTERM', ignore)
}

function ignore(): void {}
