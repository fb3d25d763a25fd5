import type { Registry } from '@bufbuild/protobuf'
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'
import { type Place, type Source, startOf } from './source.ts'

/** What every part of the printing of one file needs. */
export type Printer = {
  file: FileDescriptorProto
  registry: Registry
  /** How the type or extension of a full name is written inside a scope, itself a full name. */
  refer: (fullName: string, scope: string) => string
  source: Source
}

/** A printed element, with what its order among its neighbours depends on. */
export type Element = { lines: string[]; start: readonly number[] | undefined }

/** `scope.name`, or the name alone in a file without a package. */
export function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`
}

/** One statement, or a block when it has a body, with its comments. `head` comes without semicolon and brace. */
export function element(place: Place | undefined, head: string, body?: readonly string[]): Element {
  const trailing = place?.trailing ?? []
  const inline = trailing.length === 1 ? ` //${trailing[0]}` : ''
  const open = body === undefined ? ';' : body.length === 0 && trailing.length === 0 ? ' {}' : ' {'
  const lines = (place?.detached ?? []).flatMap((block) => ['', ...comment(block), ''])
  lines.push(...comment(place?.leading ?? []), ...`${head}${open}${inline}`.split('\n'))
  const rest = [...(trailing.length > 1 ? [...comment(trailing), ''] : []), ...(body ?? [])]
  if (open === ' {') lines.push(...rest.map((line) => (line === '' ? line : `  ${line}`)), '}')
  if (open === ';') lines.push(...rest)
  // Blocks stand apart from their neighbours, statements stand together.
  return { lines: body === undefined ? lines : ['', ...lines, ''], start: startOf(place) }
}

/** Lines of elements in the order of the source where it is known, else in the order given. */
export function inOrder(elements: readonly Element[]): string[] {
  const known = elements.every(({ start }) => start !== undefined)
  const sorted = known ? elements.toSorted((a, b) => compare(a.start ?? [], b.start ?? [])) : elements
  return trim(sorted.flatMap(({ lines }) => lines))
}

function compare(a: readonly number[], b: readonly number[]): number {
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0)
}

function comment(lines: readonly string[]): string[] {
  return lines.map((line) => `//${line}`)
}

/** Without the blank lines at both ends; one stays before a detached comment, which would else belong to what is before it. */
function trim(lines: string[]): string[] {
  const first = lines.findIndex((line) => line !== '')
  const last = lines.findLastIndex((line) => line !== '')
  return lines.slice(lines[first]?.startsWith('//') ? Math.max(first - 1, 0) : first, last + 1)
}
