import type { DescFile, Registry } from '@bufbuild/protobuf'
import { fileLines } from './print/file.ts'
import { referTo } from './print/names.ts'
import { sourceOf } from './print/source.ts'

/**
 * Prints a descriptor as .proto source that compiles back to the same descriptor: proto2, proto3 or editions, with the
 * comments of its source info. The registry resolves custom options; those it does not know are left out.
 */
export function printFile(file: DescFile, registry: Registry): string {
  const printer = { file: file.proto, registry, refer: referTo(file), source: sourceOf(file.proto) }
  const lines = fileLines(printer)
  return `${lines.filter((line, index) => line !== '' || (index > 0 && lines[index - 1] !== '')).join('\n')}\n`
}
