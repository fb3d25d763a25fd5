import { type Found, MAX_FOUND } from './found.ts'
import { NUMBER_WORDS, wordValue } from './number-words.ts'

const DATE = /(?<!\d)(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(?: ?(Z|UTC|[+-]\d\d:\d\d))?)?(?!\d)/g

/** A date in ISO 8601, with its time where it has one. `instant` is RFC 3339; without a zone it is UTC. */
export type When = { day: string; instant: string }

/** Dates in ISO 8601: `2026-03-14`, `2026-03-14 09:30`, `2026-03-14T09:30:00+01:00`. Days that do not exist are none. */
export function findIsoDates(text: string): Found<When>[] {
  const found: Found<When>[] = []
  for (const match of text.matchAll(DATE)) {
    const [whole, day = '', time = '00:00', seconds = ':00', fraction, zone = 'Z'] = match
    const instant = `${day}T${time}${seconds}${fraction ? `.${fraction}` : ''}${zone === 'UTC' ? 'Z' : zone}`
    if (!isIsoDate(day) || Number.isNaN(Date.parse(instant))) continue
    found.push({ value: { day, instant }, start: match.index, end: match.index + whole.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}

/** Whether a text is a day that exists, as `YYYY-MM-DD`. Years 1 to 9999, like a Timestamp. */
export function isIsoDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text.startsWith('0000')) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

const SECONDS: Readonly<Record<string, number>> = { second: 1, minute: 60, hour: 3_600, day: 86_400, week: 604_800 }
const UNITS: Readonly<Record<string, string>> = {
  second: 's secs? seconds? sekunden? secondes? segundos? secondi seconden sekunder',
  minute: 'm mins? minutes? minuten? minutos? minuti minuto minuter minutter',
  hour: 'h hrs? hours? std stunden? heures? horas? ore ora uur uren timmar? timme timer?',
  day: 'd days? tage?n? jours? d[ií]as? giorn[oi] dag dagen dagar dage дн[яей]{1,2}',
  week: 'w weeks? wochen? semaines? semanas? settiman[ae] weken week veckor vecka uger uge',
}
const UNIT_PATTERNS = Object.entries(UNITS).map(([unit, words]) => ({
  unit,
  pattern: new RegExp(`^(?:${words.replaceAll(' ', '|')})$`, 'iu'),
}))
const PART = `(\\d{1,6}(?:[.,]\\d{1,3})?|${NUMBER_WORDS.join('|')})`
const UNIT = `(${Object.values(UNITS).join(' ').replaceAll(' ', '|')})`
const DURATION = new RegExp(
  `(?<![\\p{L}\\p{N}.,/])${PART}[ -]?${UNIT}(?:(?:,? (?:and|und|et|y|e|en) |, | )?(\\d{1,4}) ?${UNIT})?(?![\\p{L}\\p{N}])`,
  'giu',
)

/** Durations in seconds: `2 hours`, `45 min`, `1h 30m`, `three days`, `drei Tage`, `1 hour and 15 minutes`. */
export function findDurations(text: string): Found<number>[] {
  const found: Found<number>[] = []
  for (const match of text.matchAll(DURATION)) {
    const [whole, count = '', unit = '', moreCount, moreUnit = ''] = match
    const more = moreCount === undefined ? 0 : Number(moreCount) * seconds(moreUnit)
    const number = wordValue(count.toLowerCase()) ?? Number(count.replace(',', '.'))
    // To the millisecond: 0.1 and its like do not multiply exactly.
    const value = Math.round((number * seconds(unit) + more) * 1_000) / 1_000
    found.push({ value, start: match.index, end: match.index + whole.length })
    if (found.length >= MAX_FOUND) break
  }
  return found
}

function seconds(unit: string): number {
  const named = UNIT_PATTERNS.find(({ pattern }) => pattern.test(unit))?.unit ?? ''
  return SECONDS[named] ?? 0
}
