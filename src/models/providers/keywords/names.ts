import { type Found, MAX_FOUND } from './found.ts'
import { compromise } from './lazy.ts'
import { signatureOf } from './lines.ts'

/** What names are names of. */
export type NameKind = 'person' | 'place' | 'city' | 'country' | 'organisation'

export type Names = Readonly<Record<NameKind, readonly Found<string>[]>>

const NONE: Names = { person: [], place: [], city: [], country: [], organisation: [] }

/** compromise looks at each word many times over. */
const MAX_CHARACTERS = 6_000
const MAX_WORD = 60

/**
 * The names in a text's first characters that compromise finds, as they are written. It knows English: names that it takes for
 * others stand for themselves elsewhere, so what has no capital letter is none.
 */
export function findNames(text: string): Names {
  const sample = text.slice(0, MAX_CHARACTERS).replaceAll(/\S{61,}/g, (run) => ' '.repeat(run.length))
  if (!/\p{Lu}\p{Ll}/u.test(sample)) return NONE
  const doc = compromise()(sample)
  const located = (views: { json(options: object): unknown }): Found<string>[] => {
    const found: Found<string>[] = []
    let from = 0
    for (const written of textsOf(views.json({ text: true, terms: false }))) {
      const value = written.replace(/^[^\p{L}]+|[^\p{L}.)]+$|['’]s$/gu, '').replace(/(?<!\b\p{L}{1,3})\.$/u, '')
      const start = sample.indexOf(value, from)
      if (value === '' || start < 0 || !/^\p{Lu}/u.test(value) || value.length > MAX_WORD || value.includes('\n'))
        continue
      found.push({ value, start, end: start + value.length })
      from = start
      if (found.length >= MAX_FOUND) break
    }
    return found
  }
  return {
    person: located(doc.people()),
    place: located(doc.places()),
    city: located(doc.match('#City+')),
    country: located(doc.match('#Country+')),
    organisation: located(doc.organizations()),
  }
}

function textsOf(json: unknown): string[] {
  const views: unknown[] = Array.isArray(json) ? json : []
  return views.flatMap((view) =>
    typeof view === 'object' && view !== null && 'text' in view && typeof view.text === 'string' ? [view.text] : [],
  )
}

const INTRODUCTION =
  /(?<![\p{L}])(?:[Mm]y name is|[Tt]his is|[Ii]ch heiße|[Mm]ein Name ist|[Jj]e m['’]appelle|[Mm]e llamo|[Mm]i nombre es|[Mm]i chiamo|[Mm]ijn naam is|[Oo] meu nome é|[Mm]eu nome é|[Jj]ag heter|[Mm]it navn er) ((?:\p{Lu}[\p{L}'’-]{0,30} ?){1,4})/u

/** Who wrote a text: who says so, or who signed it. */
export function writerOf(text: string): string | undefined {
  return INTRODUCTION.exec(text)?.[1]?.trim() ?? signatureOf(text)
}
