import { type Found, MAX_FOUND } from './found.ts'

const LOCAL = /[A-Za-z0-9._%+-]/
const DOMAIN = /[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/y

/** E-mail addresses. Looks at each `@` and outwards from it, so that no text takes long. */
export function findEmails(text: string): Found<string>[] {
  const found: Found<string>[] = []
  for (let at = text.indexOf('@'); at >= 0 && found.length < MAX_FOUND; at = text.indexOf('@', at + 1)) {
    let start = at
    while (start > 0 && at - start < 64 && LOCAL.test(text.charAt(start - 1))) start--
    while (text.charAt(start) === '.') start++
    DOMAIN.lastIndex = at + 1
    const [domain] = DOMAIN.exec(text) ?? []
    if (start >= at || domain === undefined || text.charAt(at - 1) === '.') continue
    const end = at + 1 + domain.length
    found.push({ value: text.slice(start, end), start, end })
  }
  return found
}

/** http and https URLs, without the punctuation that ends a sentence or a bracket. */
export function findUrls(text: string): Found<string>[] {
  const found: Found<string>[] = []
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`|\\^{}]{1,2000}/g)) {
    const value = match[0].replace(/[.,;:!?)\]]{1,10}$/, '')
    if (URL.canParse(value)) found.push({ value, start: match.index, end: match.index + value.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}
