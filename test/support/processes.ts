import { resolve } from 'node:path'

const { NODE_COMPILE_CACHE: compiled } = process.env

/** From now on, the processes that tests start find compiled code wherever they run. */
export function prepareProcesses(): void {
  if (compiled) process.env['NODE_COMPILE_CACHE'] = resolve(import.meta.dirname, '../..', compiled)
}
