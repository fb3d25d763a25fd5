import { copyFile, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { runBuf } from '../contracts/buf.ts'

/**
 * The binary form of an image in a file: as it is, or made from JSON in the folder `work`. Throws an Error of one line when
 * it is not an image.
 */
export async function readImageFile(path: string, work: string, signal: AbortSignal): Promise<Uint8Array> {
  if (extname(path) === '.proto') {
    throw new Error(`${path} is a single file: give the folder that its imports start from`)
  }
  const bytes = extname(path) === '.json' ? await fromJson(path, work, signal) : await readFile(path, { signal })
  if (bytes !== undefined && isImage(bytes)) return bytes
  throw new Error(`${path} is not an image: make one with \`buf build -o image.binpb\`, or give a folder of .proto`)
}

async function fromJson(path: string, work: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const [copy, output] = [join(work, 'image.json'), join(work, 'image.binpb')]
  await copyFile(path, copy)
  const { code } = await runBuf(['build', copy, '--output', output], work, signal)
  return code === 0 ? await readFile(output) : undefined
}

function isImage(bytes: Uint8Array): boolean {
  try {
    const { file } = fromBinary(FileDescriptorSetSchema, bytes)
    return file.length > 0 && file.every(({ name }) => name !== '')
  } catch {
    return false
  }
}
