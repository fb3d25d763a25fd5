import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { join } from 'node:path'
import { runLeanClient } from '../../bench/lean-client.ts'
import { framed } from '../../bench/loader.ts'
import { folderOf } from '../support/compile.ts'

describe('the lean client', () => {
  it('counts answered calls and, by their trailers, failed ones', async () => {
    const bodies = new Set<string>()
    let calls = 0
    const server = createServer()
    server.on('stream', (stream: ServerHttp2Stream) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        bodies.add(Buffer.concat(chunks).toString('hex'))
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        const status = ++calls === 1 ? '13' : '0'
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
        stream.end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = address !== null && typeof address === 'object' ? address.port : 0
    await using folder = await folderOf({})
    const bodyFile = join(folder.path, 'body')
    await writeFile(bodyFile, framed(Buffer.from('hello')))

    const loaded = await runLeanClient({
      address: `127.0.0.1:${port}`,
      path: '/a.B/C',
      bodyFile,
      headers: { te: 'trailers' },
      connections: 2,
      streams: 2,
      seconds: 0.09,
      signal: AbortSignal.timeout(5_000),
    })
    server.close()

    assert.deepEqual([...bodies], ['000000000568656c6c6f'])
    assert.equal(loaded.failed, 1)
    assert.ok(loaded.calls > 0 && loaded.calls < calls)
    assert.ok(loaded.p50Ms > 0 && loaded.p99Ms >= loaded.p50Ms)
    assert.equal(Math.round(loaded.rate * 0.09), loaded.calls)
  })
})
