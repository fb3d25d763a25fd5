import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'

const start = new URL('../../src/telemetry/start.ts', import.meta.url).href

/** Starts telemetry, makes a span under a caller's, and says what a call to a vendor would carry. */
const program = `
  const { startTelemetry } = await import('${start}')
  const { context, propagation, ROOT_CONTEXT, trace } = await import('@opentelemetry/api')
  const telemetry = await startTelemetry(process.env)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent })
  const span = trace.getTracer('deed').startSpan('a call', {}, parent)
  const headers = {}
  propagation.inject(trace.setSpan(parent, span), headers)
  span.end()
  await telemetry?.shutdown()
  const loaded = Object.keys(process.getBuiltinModule('module').createRequire('${start}').cache)
  console.log('REPORT ' + JSON.stringify({
    on: telemetry !== undefined,
    loaded: loaded.some((path) => path.includes('@opentelemetry/sdk-node/')),
    traceparent: headers.traceparent,
  }))
`

type Report = { on: boolean; loaded: boolean; traceparent: string }

/** Runs the program with nothing but these variables. */
async function run(env: Record<string, string>): Promise<{ report: Report; stdout: string; stderr: string }> {
  const args = ['--input-type=module', '--eval', program]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env, timeout: 20_000 })
  return { report: JSON.parse(/^REPORT (.*)$/m.exec(stdout)?.[1] ?? ''), stdout, stderr }
}

describe('telemetry', () => {
  const caller = /^00-0af7651916cd43dd8448eb211c80319c-/

  for (const [title, env] of Object.entries({
    'without its variables': {},
    'when it is disabled': { OTEL_SDK_DISABLED: 'TRUE', OTEL_TRACES_EXPORTER: 'console' },
    'when no signal has an exporter': {
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    },
    'with empty variables': { OTEL_TRACES_EXPORTER: '', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
  })) {
    it(`is off ${title}, and passes a caller's trace on`, async () => {
      const { report } = await run(env)
      assert.deepEqual([report.on, report.loaded], [false, false])
      assert.match(report.traceparent, caller)
    })
  }

  it('prints spans to the console', async () => {
    const { report, stdout } = await run({ OTEL_TRACES_EXPORTER: 'console' })
    assert.equal(report.on, true)
    assert.match(report.traceparent, caller)
    assert.match(stdout, /name: 'a call'/)
    assert.match(stdout, /'service\.name': 'deed'/)
  })

  it('is named by the environment', async () => {
    const byName = await run({ OTEL_TRACES_EXPORTER: 'console', OTEL_SERVICE_NAME: 'mine' })
    assert.match(byName.stdout, /'service\.name': 'mine'/)
    const byAttributes = await run({
      OTEL_TRACES_EXPORTER: 'console',
      OTEL_RESOURCE_ATTRIBUTES: 'a=b,service.name=ours',
    })
    assert.match(byAttributes.stdout, /'service\.name': 'ours'/)
  })

  it('sends traces, and nothing else unasked, to a collector before it ends', async () => {
    const received: { url: string | undefined; body: string }[] = []
    const collector = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      received.push({ url: request.url, body: Buffer.concat(chunks).toString('latin1') })
      response.setHeader('content-type', 'application/x-protobuf').end()
    })
    await promisify((done: () => void) => collector.listen(0, '127.0.0.1', done))()
    const { port } = collector.address() as AddressInfo
    try {
      const { stderr } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })
      assert.equal(stderr, '')
    } finally {
      collector.close()
    }
    assert.deepEqual(
      received.map(({ url }) => url),
      ['/v1/traces'],
    )
    assert.ok(received[0]?.body.includes('a call'))
  })

  it('ends quietly when its collector is not there', async () => {
    const endpoint = 'http://127.0.0.1:9/v1/traces'
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '200' }
    const { report, stderr } = await run(env)
    assert.equal(report.on, true)
    assert.equal(stderr, '')
  })
})
