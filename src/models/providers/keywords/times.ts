import { type Found, MAX_FOUND } from './found.ts'

const DATE = /(?<!\d)(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(?: ?(Z|UTC|[+-]\d\d:\d\d))?)?(?!\d)/g

/** A date in ISO 8601, with its time where it has one. `instant` is RFC 3339; without a zone it is UTC. */
export type When = { day: string; instant: string }

/** Dates in ISO 8601: `2026-03-14`, `2026-03-14 09:30`, `2026-03-14T09:30:00+01:00`. Days that do not exist are none. */
export function findDates(text: string): Found<When>[] {
  const found: Found<When>[] = []
  for (const match of text.matchAll(DATE)) {
    const [whole, day = '', time = '00:00', seconds = ':00', fraction, zone = 'Z'] = match
    const instant = `${day}T${time}${seconds}${fraction ? `.${fraction}` : ''}${zone === 'UTC' ? 'Z' : zone}`
    if (!isDate(day) || Number.isNaN(Date.parse(instant))) continue
    found.push({ value: { day, instant }, start: match.index, end: match.index + whole.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}

/** Whether a text is a day that exists, as `YYYY-MM-DD`. Years 1 to 9999, like a Timestamp. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text.startsWith('0000')) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }
const NUMBERS = 'a an one two three four five six seven eight nine ten eleven twelve'.split(' ')
const PART = '(\\d{1,6}(?:\\.\\d{1,3})?|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)'
const UNIT = '(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)'
const DURATION = new RegExp(`(?<![\\w.,])${PART}[ -]?${UNIT}(?:(?:,? and |, | )?(\\d{1,4}) ?${UNIT})?(?!\\w)`, 'gi')

/** Durations in seconds: `2 hours`, `45 min`, `1h 30m`, `three days`, `1 hour and 15 minutes`. */
export function findDurations(text: string): Found<number>[] {
  const found: Found<number>[] = []
  for (const match of text.matchAll(DURATION)) {
    const [whole, count = '', unit = '', moreCount, moreUnit = ''] = match
    const more = moreCount === undefined ? 0 : Number(moreCount) * seconds(moreUnit)
    // To the millisecond: 0.1 and its like do not multiply exactly.
    const value = Math.round((amount(count.toLowerCase()) * seconds(unit) + more) * 1_000) / 1_000
    found.push({ value, start: match.index, end: match.index + whole.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}

function amount(count: string): number {
  const position = NUMBERS.indexOf(count)
  // The first two are both 1.
  return position < 0 ? Number(count) : Math.max(1, position - 1)
}

function seconds(unit: string): number {
  return SECONDS[unit.charAt(0).toLowerCase()] ?? 0
}
