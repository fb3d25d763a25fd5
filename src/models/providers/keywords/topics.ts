import { isCommon } from './language.ts'
import { isStopWord, rawWords, stem } from './words.ts'

const MAX_TOPICS = 5
const MIN_LETTERS = 4

/** A text's hashtags; else the up to five words of four letters or more that occur most often, twice at least. */
export function topicsOf(text: string): string[] {
  const tags = [...text.matchAll(/(?<![\p{L}\p{N}#&])#(\p{L}[\p{L}\p{N}_-]{1,40})/gu)].map(([, tag = '']) => tag)
  if (tags.length > 0) return [...new Set(tags)].slice(0, MAX_TOPICS)
  const counts = new Map<string, { word: string; count: number }>()
  for (const word of rawWords(text)) {
    const root = stem(word)
    if (word.length < MIN_LETTERS || word.length > 40 || isStopWord(root) || isCommon(word) || /\p{N}/u.test(word))
      continue
    const counted = counts.get(root)
    if (counted) counted.count++
    else counts.set(root, { word, count: 1 })
  }
  const frequent = [...counts.values()].filter(({ count }) => count > 1).toSorted((a, b) => b.count - a.count)
  return frequent.slice(0, MAX_TOPICS).map(({ word }) => word)
}
