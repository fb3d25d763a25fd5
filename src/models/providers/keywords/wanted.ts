import type { DescField } from '@bufbuild/protobuf'
import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { commentOf } from '../../../contracts/comments.ts'
import { elementRules, rulesOf } from '../../schema-text.ts'
import { isStopWord, nameWords, wordsOf } from './words.ts'

/** What a field's declaration says about the evidence to look for. */
export type Wanted = {
  field: DescField
  /** The words of its name, stemmed. */
  words: readonly string[]
  comment: string
  /** What else it may be called: the parts of a list behind a colon in its comment, as stems. */
  aliases: readonly (readonly string[])[]
  /** The rules of its value; of each element, where it is a list or a map. */
  rules: FieldRules | undefined
  /** The names in backquotes in its comment: fields of the request that it says to take the value from. */
  sources: readonly string[]
}

const cache = new WeakMap<DescField, Wanted>()

/** Reads a field's declaration, once. */
export function wantedOf(field: DescField): Wanted {
  let wanted = cache.get(field)
  if (!wanted) {
    const comment = commentOf(field)
    const rules =
      field.fieldKind === 'list' || field.fieldKind === 'map' ? elementRules(rulesOf(field)) : rulesOf(field)
    const sources = [...comment.matchAll(/`([a-z][a-z0-9_]{0,63})`/g)].map(([, name = '']) => name)
    wanted = { field, words: nameWords(field.name), comment, aliases: aliasesOf(comment), rules, sources }
    cache.set(field, wanted)
  }
  return wanted
}

const MAX_ALIAS_WORDS = 4

function aliasesOf(comment: string): string[][] {
  const [, list = ''] = /:\s([^.:]*)/.exec(comment) ?? []
  const parts = list.split(/,| or |;/).map((part) => wordsOf(part).filter((word) => !isStopWord(word)))
  return parts.filter((part) => part.length > 0 && part.length <= MAX_ALIAS_WORDS)
}
