import { createHash } from 'node:crypto'
import type { DescMessage, Registry } from '@bufbuild/protobuf'
import { SubmitOperationRequest } from '../../gen/deed/v1/operation_service.ts'
import type { Line } from './batch-lines.ts'
import type { Result } from './batch-results.ts'
import { Failure } from './failure.ts'
import { encodeJson } from './request-json.ts'

/** A line that is to be sent. */
export type Prepared = { line: number; request: SubmitOperationRequest; size: number }

/** The same line again has the same key; another text, or another place, has another one. */
export function keyOf({ number, bytes }: Line, prefix: string): string {
  const hash = createHash('sha256').update(`${number}\n`).update(bytes.toString().trim())
  return `${prefix}${hash.digest('base64url').slice(0, 22)}`
}

/** Makes a line's request, or the result that says why it is none. */
export async function prepare(
  { number: line, bytes }: Line,
  key: string,
  method: string,
  { input, registry }: { input: DescMessage; registry: Registry },
): Promise<Prepared | Result> {
  try {
    const text = decode(bytes)
    encodeJson(input, text, registry)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Failure('it is no JSON object')
    const request = { method, request: { ...value }, idempotencyKey: key }
    return { line, request, size: SubmitOperationRequest.encode(request).finish().length }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { violations } = error.json
    const only = error.lines.length === 1 ? `: ${error.lines[0]}` : ''
    const message = `${error.message}${only}`.replace(/ at line 1 (column \d+)$/, ' at $1')
    return { line, key, error: { code: 'INVALID_ARGUMENT', message, ...(violations !== undefined && { violations }) } }
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new Failure('it is not text in UTF-8', {}, error)
  }
}
