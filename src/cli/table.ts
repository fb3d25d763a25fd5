import type { styleText } from 'node:util'
import stringWidth from 'string-width'
import { oneLine } from './text.ts'

/** A colour or a weight, as node:util names them. */
export type Format = Parameters<typeof styleText>[0]
/** Text in a colour, where colours are wanted. */
export type Paint = (format: Format, text: string) => string

export type Column<T> = {
  title: string
  cell: (row: T) => string
  /** Numbers stand under each other at their ends. */
  align?: 'right'
  /** Cut off when the terminal is too narrow. */
  shrinks?: boolean
  /** Left out when the terminal is too narrow even so: the last one first. */
  spare?: boolean
  /** The colour of a cell, on a terminal. */
  format?: (row: T) => Format | undefined
}

/**
 * Rows as lines: columns as wide as they need. Where they do not fit into `width`, those that shrink are cut off, then spare
 * ones left out. Where that is not enough, each row becomes a block, with a line for each of its cells.
 */
export function table<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  width: number | undefined,
  paint: Paint = (_, text) => text,
): string[] {
  const left = [...columns]
  for (;;) {
    const widths = widthsOf(rows, left, width)
    if (widths) return [heading(left, widths, paint), ...rows.map((row) => line(row, left, widths, paint))]
    const last = left.findLastIndex(({ spare }) => spare)
    if (last < 0)
      return rows.flatMap((row, index) => [...(index > 0 ? [''] : []), ...block(row, columns, width, paint)])
    left.splice(last, 1)
  }
}

const gap = '  '
const narrowest = 12

/** Undefined when they do not fit. The widest of those that shrink gives way first. */
function widthsOf<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  width = Number.POSITIVE_INFINITY,
): number[] | undefined {
  const widths = columns.map(({ title, cell }) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(oneLine(cell(row))))),
  )
  let excess = widths.reduce((sum, each) => sum + each, gap.length * (columns.length - 1)) - width
  for (; excess > 0; excess--) {
    const widest = columns.reduce((found, { shrinks }, index) => {
      return shrinks && (widths[index] ?? 0) > (widths[found] ?? narrowest) ? index : found
    }, -1)
    if (widest < 0) return undefined
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

function heading<T>(columns: readonly Column<T>[], widths: readonly number[], paint: Paint): string {
  const text = columns.map(({ title }, index) => sized(title, widths[index] ?? 0)).join(gap)
  return paint('bold', text.trimEnd())
}

function line<T>(row: T, columns: readonly Column<T>[], widths: readonly number[], paint: Paint): string {
  const cells = columns.map((column, index) => {
    // The last cell needs no space behind it, which would make a wide line wrap.
    const text = sized(oneLine(column.cell(row)), widths[index] ?? 0, column.align)
    const shown = index === columns.length - 1 ? text.trimEnd() : text
    const format = column.format?.(row)
    return format === undefined ? shown : paint(format, shown)
  })
  return cells.join(gap).trimEnd()
}

function block<T>(row: T, columns: readonly Column<T>[], width = 80, paint: Paint): string[] {
  const labels = Math.max(...columns.map(({ title }) => stringWidth(title)))
  return columns.flatMap((column) => {
    const text = oneLine(column.cell(row))
    const label = paint('bold', sized(column.title, labels).trimEnd())
    const space = ' '.repeat(labels - stringWidth(column.title) + gap.length)
    const format = column.format?.(row)
    const shown = (room: number) => (format === undefined ? cut(text, room) : paint(format, cut(text, room)))
    const room = width - labels - gap.length
    if (text === '' || stringWidth(text) <= room || (column.shrinks && room >= narrowest)) {
      return [`${label}${space}${shown(room)}`.trimEnd()]
    }
    // An id is worth nothing when it is cut off.
    return [paint('bold', cut(column.title, width)), shown(width)]
  })
}

function sized(text: string, width: number, align?: 'right'): string {
  const shown = cut(text, width)
  const space = ' '.repeat(Math.max(0, width - stringWidth(shown)))
  return align === 'right' ? space + shown : shown + space
}

/** Text of at most so many columns, with an ellipsis where it was cut; never within a character. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let shown = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(shown + segment) > width - 1) break
    shown += segment
  }
  return width < 1 ? '' : `${shown}…`
}
