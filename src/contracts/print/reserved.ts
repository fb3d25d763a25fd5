import { SymbolVisibility } from '@bufbuild/protobuf/wkt'
import { type Element, element, type Printer } from './printer.ts'
import { merge } from './source.ts'

/** Numbers from `start` to `end`, both included. */
export type Range = { start: number; end: number }

const maxFieldNumber = 536_870_911
const maxNumber = 2_147_483_647

/** `reserved` statements: one for all numbers and one for all names. */
export function reservedElements(
  { file, source }: Printer,
  ranges: readonly Range[],
  names: readonly string[],
  paths: { ranges: readonly number[]; names: readonly number[] },
): Element[] {
  const quoted = file.syntax === 'editions' ? names : names.map((name) => `"${name}"`)
  return [
    ...(ranges.length === 0
      ? []
      : [element(merge(source(paths.ranges)), `reserved ${ranges.map(rangeText).join(', ')}`)]),
    ...(names.length === 0 ? [] : [element(merge(source(paths.names)), `reserved ${quoted.join(', ')}`)]),
  ]
}

/** `5`, `5 to 8` or `5 to max`. */
export function rangeText({ start, end }: Range): string {
  if (start === end) return `${start}`
  return `${start} to ${end === maxFieldNumber || end === maxNumber ? 'max' : end}`
}

/** The keyword of edition 2024 before `message` and `enum`. */
export function visibility(visibility: SymbolVisibility): string {
  if (visibility === SymbolVisibility.VISIBILITY_EXPORT) return 'export '
  return visibility === SymbolVisibility.VISIBILITY_LOCAL ? 'local ' : ''
}
