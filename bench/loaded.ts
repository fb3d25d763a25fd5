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
