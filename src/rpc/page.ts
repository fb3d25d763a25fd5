import { status } from '@grpc/grpc-js'
import { DeedError } from '../errors/deed-error.ts'

const defaultSize = 50

/** The form of an id, for {@link afterToken}. */
export const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** How many rows to read: one more than the page, to know whether there is another. */
export function pageSize(requested: number): number {
  return requested === 0 ? defaultSize : requested
}

/** A token that says after which row the next page starts. */
export function pageToken(after: string): string {
  return Buffer.from(after).toString('base64url')
}

/** What {@link pageToken} was given; undefined for the first page. Throws REQUEST_INVALID for what is no token. */
export function afterToken(token: string, form: RegExp): string | undefined {
  if (token === '') return undefined
  const after = Buffer.from(token, 'base64url').toString()
  if (form.test(after) && pageToken(after) === token) return after
  throw invalidToken('is not one that this method returned')
}

/** REQUEST_INVALID for a page_token. */
export function invalidToken(fault: string): DeedError {
  return new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', `the page_token ${fault}`, {
    fieldViolations: [
      { field: 'page_token', description: 'must be the next_page_token of the page before, unchanged' },
    ],
  })
}

/** The page's rows, and the token of the next page or '' on the last. `rows` has one more than the page, if there are more. */
export function page<T>(
  rows: readonly T[],
  size: number,
  after: (row: T) => string,
): { rows: T[]; nextPageToken: string } {
  const shown = rows.slice(0, size)
  const last = shown.at(-1)
  return { rows: shown, nextPageToken: rows.length > size && last !== undefined ? pageToken(after(last)) : '' }
}
