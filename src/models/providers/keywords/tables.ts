/** A row of a table as the lines `Heading: cell` that it stands for, and its cells. */
export type TableRow = { text: string; cells: readonly string[] }

const MAX_COLUMNS = 30
const MAX_ROWS = 1_000
const RULER = /^[\s|:+=-]*$/

/**
 * The rows of the tables of a text: lines of two cells or more that stand under each other, between `|` or tabs. The first line
 * is the heading.
 */
export function readTables(text: string): TableRow[] {
  const rows: TableRow[] = []
  let heading: readonly string[] | undefined
  for (const line of text.split('\n')) {
    const cells = cellsOf(line)
    if (!cells) {
      // A ruler below the heading has no cells of its own, and does not end the table.
      if (!RULER.test(line) || line.trim() === '') heading = undefined
      continue
    }
    if (heading?.length !== cells.length) {
      heading = cells
      continue
    }
    const titles = heading
    const lines = cells.flatMap((cell, index) => (cell === '' ? [] : [`${titles[index] || '-'}: ${cell}`]))
    rows.push({ text: lines.join('\n'), cells })
    if (rows.length >= MAX_ROWS) break
  }
  return rows
}

function cellsOf(line: string): string[] | undefined {
  const separator = line.includes('|') ? '|' : '\t'
  if (!line.includes(separator) || RULER.test(line)) return undefined
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '')
  const cells = inner.split(separator, MAX_COLUMNS).map((cell) => cell.trim())
  return cells.length < 2 || cells.every((cell) => cell === '') ? undefined : cells
}
