import { readFile } from 'node:fs/promises'
import { status } from '@grpc/grpc-js'
import { root } from './markdown.ts'

/** The reasons of proto/deed/v1/error_reason.proto in their order, with the code that the comment of each begins with. */
export async function readReasons(): Promise<Map<string, string>> {
  const source = await readFile(`${root}/proto/deed/v1/error_reason.proto`, 'utf8')
  const found = source.matchAll(/ {2}\/\/ ([A-Z_]+): .*\n(?: {2}\/\/ .*\n)* {2}ERROR_REASON_(\w+) = \d+;/g)
  const reasons = new Map([...found].map(([, code = '', reason = '']) => [reason, code]))
  const values = [...source.matchAll(/^ {2}ERROR_REASON_(\w+) = [1-9]\d*;$/gm)].length
  const unknown = [...reasons.values()].filter((code) => !(code in status))
  if (reasons.size !== values || unknown.length > 0) throw new Error('a reason does not say its code')
  return reasons
}
