import { hasH2load, runH2load } from './h2load.ts'
import { runLeanClient } from './lean-client.ts'
import type { Load, Loaded } from './loaded.ts'

export type Loader = { name: string; run: (load: Load) => Promise<Loaded> }

/** h2load, or where that is missing a client of our own. `folder` is for what it writes. */
export async function findLoader(folder: string): Promise<Loader> {
  if (await hasH2load()) return { name: 'h2load', run: (load) => runH2load(load, folder) }
  return { name: 'node:http2', run: runLeanClient }
}

/** gRPC's frame of an uncompressed message. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.byteLength, 1)
  return Buffer.concat([head, message])
}
