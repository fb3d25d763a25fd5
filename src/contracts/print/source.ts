import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt'

/** Where an element stands in its source, and the lines of its comments without the slashes. */
export type Place = { span: readonly number[]; detached: string[][]; leading: string[]; trailing: string[] }

/** The places of a descriptor path. Statements that may be repeated, such as `extend` and `reserved`, share one path. */
export type Source = (path: readonly number[]) => readonly Place[]

/** Reads a file's source info, if it has any. */
export function sourceOf(file: FileDescriptorProto): Source {
  const places = new Map<string, Place[]>()
  for (const location of file.sourceCodeInfo?.location ?? []) {
    const key = location.path.join()
    const known = places.get(key)
    const place = {
      span: location.span,
      detached: location.leadingDetachedComments.map(linesOf),
      leading: linesOf(location.leadingComments),
      trailing: linesOf(location.trailingComments),
    }
    if (known === undefined) places.set(key, [place])
    else known.push(place)
  }
  return (path) => places.get(path.join()) ?? []
}

/** Line and column at which a place starts. */
export function startOf(place: Place | undefined): readonly number[] | undefined {
  return place?.span.slice(0, 2)
}

/** All comments of some places as those of one statement. */
export function merge(places: readonly Place[]): Place | undefined {
  const [first] = places
  if (first === undefined) return undefined
  return {
    span: first.span,
    detached: places.flatMap(({ detached }) => detached),
    leading: places.flatMap(({ leading }) => leading),
    trailing: places.flatMap(({ trailing }) => trailing),
  }
}

/** The one place that encloses another, such as the `extend` block of an extension. */
export function enclosing(places: readonly Place[], inner: Place | undefined): Place | undefined {
  const line = inner?.span[0]
  if (line === undefined) return undefined
  return places.find(({ span: [start = 0, , end = start] }) => start <= line && line <= end)
}

function linesOf(comment: string): string[] {
  return comment === '' ? [] : comment.trimEnd().split(/[^\S\n]*\n/)
}
