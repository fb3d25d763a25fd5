import { readTables, type TableRow } from './tables.ts'
import { wordsOf } from './words.ts'

/** A line of a list, without its marker, and the words of the heading that it stands under. */
export type Item = { text: string; heading: readonly string[] }

/** `Key: value`, and the words of the heading that it stands under. */
export type Label = { key: string; value: string; heading: readonly string[] }

/** `rows` are those of tables. */
export type Lines = { items: readonly Item[]; labels: readonly Label[]; rows: readonly TableRow[] }

const MARKER = /^\s{0,12}(?:[-*•–]|\d{1,3}[.)])\s{1,4}(?:\[[ xX]?\]\s)?(?=\S)/
const LABEL = /^(\p{L}[\p{L}\p{N} /_.'’-]{0,39})(?:\s?[:：]\s{1,8}|：|\s?=\s?)(\S.*)$/u
const HEADING = /^(\p{L}[\p{L}\p{N} /_.'’-]{0,59}):\s*$/u
const MAX_KEY_WORDS = 4

/**
 * Reads a text by its lines: lists with `-`, `*`, `•`, `1.` or `1)`, headings (a line that ends with a colon), and labels
 * (`Key: value`). A heading reaches to the first blank line after something stood under it; lines under it that are no list
 * are the value of a label, too.
 */
export function readLines(text: string): Lines {
  const items: Item[] = []
  const labels: Label[] = []
  let heading = ''
  let block: string[] = []
  let used = false
  const close = (): void => {
    if (heading !== '' && block.length > 0) labels.push({ key: heading, value: block.join('\n'), heading: [] })
    heading = ''
    block = []
    used = false
  }
  for (const line of text.split('\n')) {
    const marker = MARKER.exec(line)?.[0].length ?? 0
    const content = line.slice(marker).replaceAll('**', '').trim()
    if (content === '') {
      if (used) close()
      continue
    }
    const title = marker === 0 ? HEADING.exec(content)?.[1] : undefined
    if (title !== undefined) {
      close()
      heading = title
      continue
    }
    used = true
    if (marker > 0) items.push({ text: content, heading: wordsOf(heading) })
    else if (heading !== '') block.push(content)
    const [, written = '', value = ''] = LABEL.exec(content) ?? []
    const key = written.trim()
    if (key !== '' && wordsOf(key).length <= MAX_KEY_WORDS) labels.push({ key, value, heading: wordsOf(heading) })
  }
  close()
  const rows = readTables(text)
  for (const { cells } of rows) {
    const [key = '', value = '', ...more] = cells
    if (more.length === 0 && key !== '' && value !== '' && wordsOf(key).length <= MAX_KEY_WORDS) {
      labels.push({ key, value, heading: [] })
    }
  }
  return { items, labels, rows }
}

const GREETING =
  /^(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|to whom|hallo|guten (?:tag|morgen|abend)|sehr geehrte[rs]?|bonjour|madame|hola|buen[ao]s (?:días|tardes)|estimad[oa]s?|ciao|buongiorno|salve|gentile|olá|boa? (?:dia|tarde)|beste|geachte|goedendag|hej|hei|moi|cześć|dzień dobry|здравствуйте)(?![\p{L}])/iu
const CLOSING =
  /^(?:(?:best|kind|warm|many|mit|freundliche|mit freundlichen|viele)\s)?(?:regards|wishes|thanks|thank you|cheers|sincerely|yours|grüße|grüßen|gruß|cordialement|bien à vous|saludos|un saludo|atentamente|cordiali saluti|distinti saluti|saluti|atenciosamente|cumprimentos|met vriendelijke groet(?:en)?|groet(?:en|jes)?|vänliga hälsningar|hälsningar|med venlig hilsen|venlig hilsen|med vennlig hilsen|pozdrawiam|с уважением)(?![\p{L}])/iu

/** The sentences of a text, without greeting, list lines and what follows the closing formula. */
export function sentencesOf(text: string): string[] {
  const joined = text.replaceAll(/([^\n.!?:])\n(?=\p{Ll})/gu, '$1 ')
  const sentences: string[] = []
  for (const part of joined.split(/(?<=[.!?])\s+(?=[\p{Lu}\p{N}"'(¿¡])|(?<=[。！？])|\n/u)) {
    const sentence = part.trim()
    const short = sentence.length < 40
    if (short && CLOSING.test(sentence) && sentences.length > 0) break
    if (
      sentence === '' ||
      /\||\t/.test(sentence) ||
      MARKER.test(part) ||
      HEADING.test(sentence) ||
      (short && GREETING.test(sentence))
    )
      continue
    sentences.push(sentence)
  }
  return sentences
}

const ASKING =
  /^(?:please|can you|could you|would you|(?:i|we) (?:will|must|should|need to)|todo|action)(?![\p{L}\p{N}])/iu

/** Whether a sentence asks for something to be done, or says who will do it. */
export function isAction(sentence: string): boolean {
  return ASKING.test(sentence)
}

/** The name under a closing formula: a line of one to five words that starts with a capital letter. */
export function signatureOf(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const closing = lines.findLastIndex((line) => line.length < 40 && CLOSING.test(line))
  const name = closing < 0 ? undefined : lines.slice(closing + 1).find((line) => line !== '')
  return name !== undefined && /^\p{Lu}/u.test(name) && name.length < 60 && !/[.!?:@]/.test(name) ? name : undefined
}
