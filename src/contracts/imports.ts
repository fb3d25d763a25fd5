import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRegistry } from '@bufbuild/protobuf'
import { file_buf_validate_validate as validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { printFile } from './print.ts'

const googleProtos = fileURLToPath(new URL('../protos', import.meta.resolve('google-gax')))
const googleFolders = ['google/api', 'google/rpc', 'google/type', 'google/longrunning']
const annotations = fileURLToPath(import.meta.resolve('deed/proto/deed/v1/annotations.proto'))

/**
 * Writes the files that a contract may import into a folder, made when it is missing: protovalidate's rules, Deed's
 * annotations and Google's common protos. Those of google/protobuf are built into buf.
 */
export async function writeCommonImports(dir: string): Promise<void> {
  await mkdir(join(dir, 'buf/validate'), { recursive: true })
  await writeFile(join(dir, 'buf/validate/validate.proto'), validateSource())
  await mkdir(join(dir, 'deed/v1'), { recursive: true })
  await copyFile(annotations, join(dir, 'deed/v1/annotations.proto'))
  for (const folder of googleFolders) {
    await mkdir(join(dir, folder), { recursive: true })
    for (const name of await readdir(join(googleProtos, folder))) {
      // Folders in these hold the APIs of single products.
      if (name.endsWith('.proto')) await copyFile(join(googleProtos, folder, name), join(dir, folder, name))
    }
  }
}

let printed: string | undefined

function validateSource(): string {
  printed ??= printFile(validate, createRegistry(validate))
  return printed
}
