import { ListScanner } from '../models/list-scanner.ts'
import { misuse } from './failure.ts'
import type { RequestData } from './request-data.ts'

/**
 * The requests in what was given for a method that takes several: the elements of a JSON array, JSON Lines, else one. They are cut out as
 * they stand, so that large numbers keep their digits.
 */
export function splitRequests({ text, format }: RequestData): RequestData[] {
  if (format === 'yaml') return [{ text, format }]
  const trimmed = text.trim()
  if (trimmed.startsWith('[')) return elementsOf(trimmed)
  const lines = trimmed.split('\n').filter((line) => line.trim() !== '')
  const areLines = lines.length > 1 && lines.every((line) => /^\s*\{.*\}\s*$/.test(line))
  return areLines ? lines.map((line) => ({ text: line, format: 'json' })) : [{ text, format }]
}

function elementsOf(array: string): RequestData[] {
  const scanner = new ListScanner()
  const requests: RequestData[] = []
  for (const scanned of scanner.push(`{"items":${array}}`)) {
    if (scanned.kind === 'item') requests.push({ text: scanned.text, format: 'json' })
  }
  if (scanner.end() === undefined) return requests
  throw misuse('the requests are no JSON array', 'give a JSON array, JSON Lines, or -d once for each request')
}
