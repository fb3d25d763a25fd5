import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2'
import type { Load, Loaded } from './loaded.ts'
import { percentile } from './statistics.ts'

/** Loads a server over cleartext HTTP/2 from this process, where h2load is missing. It is slower than h2load, for both servers. */
export async function runLeanClient(load: Load): Promise<Loaded> {
  const body = await readFile(load.bodyFile)
  const sessions = await Promise.all(Array.from({ length: load.connections }, () => open(load)))
  const { warmUpSeconds = 0 } = load
  const latencies: number[] = []
  let calls = 0
  let failed = 0
  const started = performance.now()
  const from = started + warmUpSeconds * 1_000
  const until = started + load.seconds * 1_000
  const lane = async (session: ClientHttp2Session) => {
    for (let now = performance.now(); now < until && !load.signal.aborted; ) {
      const ok = await callOnce(session, load, body)
      const end = performance.now()
      if (!ok) failed++
      else if (end <= until) {
        calls++
        if (end >= from) latencies.push(end - now)
      }
      now = end
    }
  }
  try {
    await Promise.all(sessions.flatMap((session) => Array.from({ length: load.streams }, () => lane(session))))
  } finally {
    for (const session of sessions) session.destroy()
  }
  load.signal.throwIfAborted()
  const sorted = Float64Array.from(latencies).sort()
  return {
    calls,
    failed,
    rate: sorted.length / (load.seconds - warmUpSeconds),
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  }
}

async function open({ address, signal }: Load): Promise<ClientHttp2Session> {
  const session = connect(`http://${address}`)
  await once(session, 'connect', { signal })
  return session
}

/** Whether the call was answered OK, which gRPC says in the trailers. */
function callOnce(session: ClientHttp2Session, { path, headers }: Load, body: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      ...headers,
    })
    let status: unknown
    const read = (fields: IncomingHttpHeaders) => {
      status ??= fields['grpc-status']
    }
    stream.on('response', read)
    stream.on('trailers', read)
    stream.on('error', () => resolve(false))
    stream.on('close', () => resolve(status === '0'))
    stream.resume()
    stream.end(body)
  })
}
