import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { status } from '@grpc/grpc-js'
import { refusal } from '../support/call.ts'
import { endProcesses, startDeed } from '../support/deed-process.ts'
import { FakeAnthropic } from '../support/fake-anthropic.ts'
import { dataFolder, migratedDatabase } from '../support/postgres.ts'
import { connectTo } from '../support/server.ts'

const source = {
  'test/trace/v1/trace.proto': `
syntax = "proto3"; package test.trace.v1;
service TraceService { rpc Say(Text) returns (Text); }
message Text { string text = 1; }`,
}
const method = 'test.trace.v1.TraceService/Say'
const traceId = '0af7651916cd43dd8448eb211c80319c'
const callerSpan = 'b7ad6b7169203331'
const metadata = { traceparent: `00-${traceId}-${callerSpan}-01`, tracestate: 'shop=1' }

type Span = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: { key: string; value: { stringValue?: string; intValue?: number | string } }[]
}

describe('trace', () => {
  afterEach(() => endProcesses())

  /** A server in a process of its own with a fake vendor behind it. */
  async function start(env: Record<string, string>) {
    const stack = new AsyncDisposableStack()
    const { url } = stack.use(await migratedDatabase())
    const folder = stack.use(await dataFolder())
    const vendor = stack.use(await new FakeAnthropic().start())
    const deed = stack.use(
      await startDeed({
        DEED_DATA_DIR: folder.path,
        DATABASE_URL: url,
        DEED_PORT: '0',
        DEED_MODEL: 'anthropic/claude-haiku-4-5',
        ANTHROPIC_API_KEY: 'a-key',
        ANTHROPIC_BASE_URL: vendor.url,
        ...env,
      }),
    )
    const key = (await readFile(join(folder.path, 'admin.key'), 'utf8')).trim()
    const client = stack.use(connectTo(deed.address, key))
    const contract = await client.publish(source)
    return { deed, vendor, contract, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }

  it("passes a caller's trace on to the vendor when telemetry is off", async () => {
    await using server = await start({})
    await server.contract.call('Say', { text: 'x' }, { metadata })
    await server.contract.call('Say', { text: 'x' })
    const [traced, untraced] = server.vendor.requests.map(({ headers }) => headers)
    assert.equal(traced?.['traceparent'], metadata.traceparent)
    assert.equal(traced?.['tracestate'], metadata.tracestate)
    assert.equal(untraced?.['traceparent'], undefined)
    assert.equal((await server.deed.stop()).code, 0)
  })

  it('is one in client, Deed and vendor, with a span for the call and for the completion', async () => {
    await using collector = await startCollector()
    await using server = await start({
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    })
    await server.contract.call('Say', { text: 'a secret text' }, { metadata })
    const refused = await refusal(server.contract.call('Say', {}, { key: null, metadata }))
    assert.equal(refused.code, status.UNAUTHENTICATED)
    // What is not sent yet is sent at the end.
    const exit = await server.deed.stop()
    assert.equal(exit.code, 0, exit.stderr)

    const spans = collector.spans.filter((span) => span.traceId === traceId)
    const [answered, unauthenticated] = spans.filter(({ name }) => name === method)
    assert.ok(answered && unauthenticated)
    for (const call of [answered, unauthenticated]) assert.deepEqual([call.kind, call.parentSpanId], [2, callerSpan])
    assert.deepEqual(attributesOf(answered), {
      'rpc.system.name': 'grpc',
      'rpc.method': method,
      'rpc.response.status_code': 'OK',
    })
    // The span is around authentication, which is around all else.
    assert.equal(attributesOf(unauthenticated)['rpc.response.status_code'], 'UNAUTHENTICATED')

    const chat = spans.find(({ name }) => name === 'chat claude-haiku-4-5')
    assert.ok(chat)
    assert.deepEqual([chat.kind, chat.parentSpanId], [3, answered.spanId])
    const attributes = attributesOf(chat)
    assert.equal(attributes['gen_ai.operation.name'], 'chat')
    assert.equal(attributes['gen_ai.provider.name'], 'anthropic')
    assert.equal(attributes['gen_ai.usage.input_tokens'], '100')
    assert.equal(spans.length, 3)
    assert.equal(server.vendor.requests[0]?.headers['traceparent'], `00-${traceId}-${chat.spanId}-01`)

    const statements = collector.spans.filter((span) => attributesOf(span)['db.system.name'] === 'postgresql')
    assert.deepEqual(statements.map(({ name }) => name).sort(), ['commit', 'commit'])
    assert.ok(!JSON.stringify(collector.spans).includes('a secret text'))
  })
})

function attributesOf(span: Span): Record<string, string> {
  const texts = span.attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? '')])
  return Object.fromEntries(texts)
}

/** Takes spans as an OpenTelemetry collector does, over HTTP in JSON. */
async function startCollector(): Promise<{ url: string; spans: Span[] } & AsyncDisposable> {
  const spans: Span[] = []
  type Export = { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }
  const server = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as Export
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
