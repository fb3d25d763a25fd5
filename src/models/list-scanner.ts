/** Characters that one item may have. A response is 4 MiB at the most. */
const maxItemChars = 4 * 1024 * 1024
const head = ['{', '"items"', ':', '['] as const

/** `item`: the text of an element, as it stands. `fault`: the text is no list from here on; nothing follows it. */
export type Scanned = { kind: 'item'; text: string } | { kind: 'fault'; description: string }

/**
 * Takes `{"items": [ … ]}` apart while a model writes it: each element is handed out with its last character, unread. How the text is
 * cut into chunks makes no difference. A code fence around the whole is forgiven, as it is of other answers. Holds one element
 * at the most, and looks at each character once.
 */
export class ListScanner {
  #state: 'fence' | 'head' | 'first' | 'element' | 'between' | 'next' | 'tail' | 'closing fence' | 'fault' = 'fence'
  /** The part of the head, tail or fence that has been read. */
  #read = ''
  /** How many tokens of the head were read. */
  #tokens = 0
  #fenced = false
  /** Parts of the current element. */
  #parts: string[] = []
  #chars = 0
  #depth = 0
  #inString = false
  #escaped = false

  /** The elements that end in this chunk, and the fault if there is one. */
  push(chunk: string): Scanned[] {
    const scanned: Scanned[] = []
    let at = 0
    while (at < chunk.length && this.#state !== 'fault') {
      if (this.#state === 'element') {
        at = this.#element(chunk, at, scanned)
      } else {
        at = this.#between(chunk, at, scanned)
      }
    }
    return scanned
  }

  /** What is wrong with a text that ends here; undefined when it is a whole list. */
  end(): string | undefined {
    if (this.#state === 'fault') return 'the answer is no list'
    const whole = this.#state === 'tail' && this.#read === '}' && !this.#fenced
    if (whole || (this.#state === 'closing fence' && this.#read === '```')) return undefined
    return this.#state === 'fence' || this.#state === 'head' ? notAList : 'the answer ends before its list does'
  }

  /** One character outside of elements. */
  #between(chunk: string, at: number, scanned: Scanned[]): number {
    const char = chunk.charAt(at)
    const space = char === ' ' || char === '\n' || char === '\r' || char === '\t'
    switch (this.#state) {
      case 'fence':
        if (space && this.#read === '') break
        if (this.#read === '' && char !== '`') {
          this.#state = 'head'
          return at
        }
        this.#read += char
        if (this.#read === '```\n' || this.#read === '```json\n') this.#enter('head', true)
        else if (!'```\n'.startsWith(this.#read) && !'```json\n'.startsWith(this.#read)) this.#fail(notAList, scanned)
        break
      case 'head': {
        const token = head[this.#tokens] ?? ''
        if (space && this.#read === '') break
        this.#read += char
        if (!token.startsWith(this.#read)) this.#fail(notAList, scanned)
        else if (token === this.#read) {
          this.#read = ''
          this.#tokens++
          if (this.#tokens === head.length) this.#state = 'first'
        }
        break
      }
      case 'first':
      case 'next':
        if (space) break
        if (char === ']' && this.#state === 'first') this.#enter('tail')
        else if (char === ',' || char === ']' || char === '}')
          this.#fail(`has "${char}" where an item should be`, scanned)
        else {
          this.#state = 'element'
          return at
        }
        break
      case 'between':
        if (space) break
        if (char === ',') this.#state = 'next'
        else if (char === ']') this.#enter('tail')
        else this.#fail('lacks a comma between items', scanned)
        break
      case 'tail':
        if (space) break
        if (this.#read === '' && char === '}') this.#read = '}'
        else if (this.#read === '}' && this.#fenced && char === '`') {
          this.#enter('closing fence')
          return at
        } else this.#fail('goes on after its list: nothing may stand beside "items"', scanned)
        break
      case 'closing fence':
        if (this.#read === '```' && space) break
        this.#read += char
        if (!'```'.startsWith(this.#read)) this.#fail('goes on after its list', scanned)
        break
    }
    return at + 1
  }

  /** Reads on in an element. A number or a word ends before the character that is none of it. */
  #element(chunk: string, from: number, scanned: Scanned[]): number {
    let at = from
    for (; at < chunk.length; at++) {
      const char = chunk.charCodeAt(at)
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (char === backslash) this.#escaped = true
        else if (char === quote) {
          this.#inString = false
          if (this.#depth === 0) return this.#complete(chunk, from, at + 1, scanned)
        }
      } else if (char === quote) this.#inString = true
      else if (char === openBrace || char === openBracket) this.#depth++
      else if (char === closeBrace || char === closeBracket) {
        if (this.#depth === 0) return this.#complete(chunk, from, at, scanned)
        if (--this.#depth === 0) return this.#complete(chunk, from, at + 1, scanned)
      } else if (this.#depth === 0 && (char === comma || char <= 0x20)) return this.#complete(chunk, from, at, scanned)
    }
    this.#keep(chunk.slice(from), scanned)
    return at
  }

  #complete(chunk: string, from: number, to: number, scanned: Scanned[]): number {
    this.#keep(chunk.slice(from, to), scanned)
    if (this.#state === 'fault') return to
    scanned.push({ kind: 'item', text: this.#parts.join('') })
    this.#parts = []
    this.#chars = 0
    this.#state = 'between'
    return to
  }

  #keep(part: string, scanned: Scanned[]): void {
    this.#chars += part.length
    if (this.#chars > maxItemChars) this.#fail(`has an item of more than ${maxItemChars} characters`, scanned)
    else this.#parts.push(part)
  }

  #enter(state: 'head' | 'tail' | 'closing fence', fenced = this.#fenced): void {
    this.#state = state
    this.#read = ''
    this.#fenced = fenced
  }

  #fail(description: string, scanned: Scanned[]): void {
    this.#state = 'fault'
    this.#parts = []
    scanned.push({ kind: 'fault', description })
  }
}

const notAList = 'the answer is not one JSON object with the list "items"'
const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
