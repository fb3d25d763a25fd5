import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A fenced block. `info` is what follows the fence: a language, and perhaps a word to whoever runs it. */
export type Block = { document: string; line: number; info: string; text: string }
export type Table = { heading: string; columns: string[]; rows: string[][] }
/** A paragraph, a list item, a heading or a table's row, with the headings that it stands under. */
export type Passage = { line: number; under: string[]; text: string }

export type Document = {
  /** From the checkout's root: `docs/models.md`. */
  path: string
  blocks: Block[]
  tables: Table[]
  passages: Passage[]
  /** What a link may point at, as GitHub makes it of headings. */
  anchors: Set<string>
}

/** The README and everything in docs, by path. */
export async function readDocuments(): Promise<Map<string, Document>> {
  const names = (await readdir(`${root}/docs`, { recursive: true })).filter((name) => name.endsWith('.md')).sort()
  const paths = ['README.md', ...names.map((name) => `docs/${name}`)]
  const documents = paths.map(async (path) => [path, parse(path, await readFile(`${root}/${path}`, 'utf8'))] as const)
  return new Map(await Promise.all(documents))
}

/** Reads what these documents use of Markdown. Throws at what would hide a block from {@link Document.blocks}. */
export function parse(path: string, source: string): Document {
  const document: Document = { path, blocks: [], tables: [], passages: [], anchors: new Set() }
  const under: string[] = []
  let fence: { mark: string; block: Block; lines: string[] } | undefined
  let table: Table | undefined
  let open: Passage | undefined
  for (const [index, line] of source.split('\n').entries()) {
    const at = `${path}:${index + 1}`
    if (fence) {
      if (line === fence.mark) {
        fence.block.text = fence.lines.join('\n')
        document.blocks.push(fence.block)
        fence = undefined
      } else fence.lines.push(line)
      continue
    }
    const [, mark, info = ''] = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(line) ?? []
    if (mark !== undefined) {
      if (!line.startsWith('```')) throw new Error(`${at}: a block begins with \`\`\` at the start of its line`)
      fence = { mark, block: { document: path, line: index + 1, info: info.trim(), text: '' }, lines: [] }
      open = table = undefined
    } else if (/<(pre|code|details)\b/i.test(line.replace(/`[^`]*`/g, ''))) {
      throw new Error(`${at}: no HTML, so that every block is a fenced one`)
    } else if (open === undefined && /^( {4,}|\t)/.test(line) && line.trim() !== '') {
      throw new Error(`${at}: no indented blocks, so that every block is a fenced one`)
    } else if (line.startsWith('#')) {
      const [, marks = '', title = ''] = /^(#+) +(.*)$/.exec(line) ?? []
      under.splice(marks.length - 1, under.length, title)
      document.anchors.add(anchorOf(title))
      open = table = undefined
      document.passages.push({ line: index + 1, under: [...under], text: title })
    } else if (line.startsWith('|')) {
      const cells = cellsOf(line)
      open = undefined
      if (!table) {
        table = { heading: under.at(-1) ?? '', columns: cells, rows: [] }
        document.tables.push(table)
      } else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) table.rows.push(cells)
      document.passages.push({ line: index + 1, under: [...under], text: line })
    } else if (line.trim() === '') {
      // After an empty line an indented one may go on a list, by two or three spaces.
      open = table = undefined
    } else if (open && !/^\s*(-|\d+\.) /.test(line)) {
      open.text += ` ${line.trim()}`
    } else {
      open = { line: index + 1, under: [...under], text: line.trim() }
      document.passages.push(open)
    }
  }
  if (fence) throw new Error(`${path}:${fence.block.line}: the block has no end`)
  return document
}

/** The table of a document under a heading, or the first of several that has the column. */
export function tableUnder(document: Document | undefined, heading: string, column?: string): Table {
  const found = document?.tables.find(
    (table) => table.heading === heading && (column === undefined || table.columns.includes(column)),
  )
  if (!found) throw new Error(`${document?.path} has no table under ${JSON.stringify(heading)}`)
  return found
}

/** The cells of a column, without the backquotes around a whole cell. */
export function column(table: Table, title: string): string[] {
  const index = table.columns.indexOf(title)
  if (index < 0) throw new Error(`the table under ${table.heading} has no column ${title}`)
  return table.rows.map((row) => plain(row[index] ?? ''))
}

/** What stands in backquotes in a text. */
export function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, inner = '']) => inner)
}

export function plain(cell: string): string {
  return /^`([^`]*)`$/.exec(cell)?.[1] ?? cell
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}
