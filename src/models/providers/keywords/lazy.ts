import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * Libraries that take long to load are loaded when the first text needs them: most contracts ask for no dates, phone numbers
 * or names. Required rather than imported, so that what reads a text need not wait.
 */
export const chrono = once((): typeof import('chrono-node') => require('chrono-node'))
export const phoneNumbers = once((): typeof import('libphonenumber-js') => require('libphonenumber-js'))
export const compromise = once((): typeof import('compromise')['default'] => require('compromise'))

/** A value that is made when it is first asked for, and kept. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
