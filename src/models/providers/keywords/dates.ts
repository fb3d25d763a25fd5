import type { ParsedComponents, ParsedResult } from 'chrono-node'
import { type Found, MAX_FOUND, wordsBetween } from './found.ts'
import { chrono } from './lazy.ts'
import { wordValue } from './number-words.ts'
import { findIsoDates, type When } from './times.ts'

/** Those of chrono's languages whose dates are read; others are read as English. */
const LOCALES = ['de', 'es', 'fi', 'fr', 'it', 'ja', 'nl', 'pt', 'ru', 'sv', 'uk', 'vi', 'zh'] as const
/** Lines are read in pieces: chrono's time grows faster than its text. */
const MAX_PIECE = 200
const MAX_PIECES = 400
/** A piece with more numbers is a table or worse. */
const MAX_NUMBERS = 24

/** A day's offset from UTC may lead into the next. */
const LAST_YEAR = 9_999

const AHEAD = new Set(
  (
    'by before until till due deadline latest next bis vor spätestens fällig avant jusqu jusque antes hasta para entro prima ' +
    'voor uiterlijk tot até före senast innen'
  ).split(' '),
)
const BEHIND = new Set('since last seit depuis desde dal dalla sinds sedan fra'.split(' '))
const NO_DATE = /^(?:now|jetzt|maintenant|ahora|agora|adesso|nu|сейчас|今|现在|for\b|während|pendant|durante|per\b)/i

/**
 * Dates as people write them in a text's language, besides those in ISO 8601: `14 March 2026`, `am 14.3.2026`, `demain`.
 * What is relative, such as `tomorrow` or `Friday`, or has no year, is read from `reference`, and is none without it. Nor
 * is `3/4/2026` in English, which is one day here and another there.
 */
export function findDates(text: string, language: string | undefined, reference: Date | undefined): Found<When>[] {
  const found = findIsoDates(text)
  const covered = new Set(found.flatMap(({ start, end }) => [Math.floor(start / 8), Math.floor(end / 8)]))
  const overlaps = (start: number, end: number): boolean =>
    (covered.has(Math.floor(start / 8)) || covered.has(Math.floor(end / 8))) &&
    found.some((each) => each.start < end && start < each.end)
  for (const { piece, at } of piecesOf(text)) {
    if (found.length >= MAX_FOUND) break
    for (const each of readPiece(piece, language, reference)) {
      const start = at + each.start
      const end = at + each.end
      if (!overlaps(start, end)) found.push({ value: each.value, start, end })
    }
  }
  return found.toSorted((a, b) => a.start - b.start).slice(0, MAX_FOUND)
}

function* piecesOf(text: string): Generator<{ piece: string; at: number }> {
  let at = 0
  for (let count = 0; at < text.length && count < MAX_PIECES; count++) {
    const newline = text.indexOf('\n', at)
    const line = newline < 0 ? text.length : newline
    let end = Math.min(line, at + MAX_PIECE)
    if (end < line) {
      const space = text.lastIndexOf(' ', end)
      if (space > at + MAX_PIECE / 2) end = space
    }
    const piece = text.slice(at, end)
    if (piece.trim() === '') count--
    else if ((piece.match(/\d+/g)?.length ?? 0) <= MAX_NUMBERS) yield { piece, at }
    at = end + (end === line ? 1 : 0)
  }
}

function readPiece(piece: string, language: string | undefined, reference: Date | undefined): Found<When>[] {
  const first = reference ?? new Date(Date.UTC(2001, 1, 3))
  const results = parse(piece, language, first, false)
  if (results.length === 0) return []
  // Without a reference only what is the same from any day is a date.
  const others = reference ? results : parse(piece, language, new Date(Date.UTC(2013, 9, 16)), false)
  const ahead =
    reference && results.some((result) => !result.start.isCertain('year')) ? parse(piece, language, first, true) : []
  return results.flatMap((result) => {
    if (isNoDate(result, language)) return []
    const other = others.find(({ index }) => index === result.index)
    if (other?.start.date().getTime() !== result.start.date().getTime()) return []
    const words = wordsBetween(piece, Math.max(0, result.index - 40), result.index).slice(-3)
    const later = words.some((word) => AHEAD.has(word)) || /^next\b/i.test(result.text)
    const meant = (later && ahead.find(({ index }) => index === result.index)) || result
    const earlier = words.some((word) => BEHIND.has(word)) && !result.start.isCertain('year')
    const end = result.index + result.text.length
    const begin = whenOf(meant.start, earlier ? first : undefined)
    const last = meant.end ? whenOf(meant.end, undefined) : undefined
    return [
      ...(begin ? [{ value: begin, start: result.index, end }] : []),
      ...(last ? [{ value: last, start: end, end }] : []),
    ]
  })
}

function parse(piece: string, language: string | undefined, instant: Date, forwardDate: boolean): ParsedResult[] {
  const locale = LOCALES.find((each) => each === language)
  const reader = locale === undefined ? chrono().en : chrono()[locale]
  return reader.parse(piece, { instant, timezone: 0 }, { forwardDate })
}

function isNoDate({ text, start }: ParsedResult, language: string | undefined): boolean {
  const written = text.trim()
  if (NO_DATE.test(written)) return true
  if (!start.isCertain('day') && !start.isCertain('weekday')) return true
  const numbers = written.match(/\d+/g) ?? []
  // `last week` is no day.
  const counted =
    numbers.length > 0 || wordsBetween(written, 0, written.length).some((word) => wordValue(word) !== undefined)
  if (start.tags().has('result/relativeDate') && !start.isCertain('weekday') && !counted) return true
  if (/\p{L}/u.test(written)) return false
  const [first = 0, second = 0] = numbers.map(Number)
  const english = language === undefined || language === 'en'
  if (english && written.includes('/') && first <= 12 && second <= 12 && first !== second) return true
  return !/(?<!\d)\d{1,4}([./-])\d{1,2}\1\d{2,4}(?!\d)/.test(written)
}

/** `latest` is what a day without a year lies before. Undefined for what a Timestamp does not hold. */
function whenOf(components: ParsedComponents, latest: Date | undefined): When | undefined {
  const part = (name: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'): number => components.get(name) ?? 0
  const timed = components.isCertain('hour')
  const [hour, minute, second] = timed ? [part('hour'), part('minute'), part('second')] : [0, 0, 0]
  const date = new Date(Date.UTC(part('year'), part('month') - 1, part('day'), hour, minute, second))
  if (latest && date > latest) {
    if (components.isCertain('weekday')) date.setUTCDate(date.getUTCDate() - 7)
    else date.setUTCFullYear(date.getUTCFullYear() - 1)
  }
  const year = date.getUTCFullYear()
  if (!(year >= 1 && year < LAST_YEAR)) return undefined
  const day = date.toISOString().slice(0, 10)
  const offset = timed && components.isCertain('timezoneOffset') ? (components.get('timezoneOffset') ?? 0) : 0
  return { day, instant: new Date(date.getTime() - offset * 60_000).toISOString().replace('.000Z', 'Z') }
}
