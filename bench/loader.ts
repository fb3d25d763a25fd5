import { hasH2load, runH2load } from './h2load.ts'
import { runLeanClient } from './lean-client.ts'

/** A unary gRPC call that is made again and again, `connections` × `streams` at once. */
export type Load = {
  /** `host:port` */
  address: string
  path: string
  /** A file with the body: the message behind gRPC's five bytes. */
  bodyFile: string
  headers: Readonly<Record<string, string>>
  connections: number
  streams: number
  seconds: number
  /** How many of these seconds come before what is measured. */
  warmUpSeconds?: number
  signal: AbortSignal
}

/**
 * What became of it. A call that was under way at the end counts neither as answered nor as failed. `calls` and `failed` are of
 * all seconds, the others of the calls that were answered in the measured ones.
 */
export type Loaded = { calls: number; failed: number; rate: number; p50Ms: number; p99Ms: number }

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
