import { requestInvalid } from '../operation-names.ts'

/** A token says up to which time all changes were sent. */
export function resumeToken(upToMs: number): string {
  return Buffer.from(`w${upToMs}`).toString('base64url')
}

/** The time in a token; undefined without one. Throws REQUEST_INVALID for what is none. */
export function timeInToken(token: string): number | undefined {
  if (token === '') return undefined
  const ms = /^w(\d{1,15})$/.exec(Buffer.from(token, 'base64url').toString())?.[1]
  if (ms !== undefined && resumeToken(Number(ms)) === token) return Number(ms)
  throw requestInvalid({ field: 'resume_token', description: 'must be one that this method returned, unchanged' })
}
