/** A piece of a filter, and where it starts, from 0. */
export type Token =
  | { kind: 'word' | 'text'; text: string; at: number }
  | { kind: 'operator' | 'bracket'; text: string; at: number }
  | { kind: 'wrong'; text: string; at: number }
  | { kind: 'end'; text: ''; at: number }

const patterns = {
  space: /\s*/y,
  operator: /<=|>=|!=|[<>=:]/y,
  bracket: /[()]/y,
  text: /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/sy,
  /** A value may hold what is an operator elsewhere: `2026-01-31T09:30:00Z`. */
  value: /[^\s()"'<>=,]+/y,
  word: /[^\s()"'<>=!:,]+/y,
}

/** Cuts a filter into pieces, as far as they are asked for. */
export class Tokens {
  readonly #filter: string
  #at = 0

  constructor(filter: string) {
    this.#filter = filter
  }

  /** The next piece, and past it. `value`: what an operator compares with is expected. */
  next(value = false): Token {
    this.#match(patterns.space)
    const at = this.#at
    if (at >= this.#filter.length) return { kind: 'end', text: '', at }
    const text = this.#match(patterns.text)
    if (text) return { kind: 'text', text: (text[1] ?? text[2] ?? '').replace(/\\(.)/gs, '$1'), at }
    const word = this.#match(value ? patterns.value : patterns.word)
    if (word) return { kind: 'word', text: word[0], at }
    const operator = this.#match(patterns.operator)
    if (operator) return { kind: 'operator', text: operator[0], at }
    const bracket = this.#match(patterns.bracket)
    if (bracket) return { kind: 'bracket', text: bracket[0], at }
    return { kind: 'wrong', text: this.#filter[at] ?? '', at }
  }

  /** The next piece, which stays the next. */
  peek(): Token {
    const at = this.#at
    const token = this.next()
    this.#at = at
    return token
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#filter)
    if (match) this.#at = pattern.lastIndex
    return match
  }
}
