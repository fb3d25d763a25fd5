import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { fromBinary, fromJson, type JsonObject, type Message, toBinary, toJson } from '@bufbuild/protobuf'
import { readInputs } from '../../examples/support/demo/inputs.ts'
import { scoreOf, sumOf } from '../../examples/support/demo/score.ts'
import {
  ExtractOrderResponse,
  SummarizeThreadResponse,
  TriageTicketResponse,
} from '../../examples/support/gen/acme/support/v1/ticket_service.ts'
import { buildImage } from '../../src/cli/build-image.ts'
import { readExamples } from '../../src/cli/contract-test/read.ts'
import { decodeRequest, parseAnswer } from '../../src/contracts/codec.ts'
import { readImage } from '../../src/contracts/image.ts'
import { type Contract, loadContracts, type Method } from '../../src/contracts/method.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { requestTurn } from '../../src/models/prompt.ts'
import { keywords } from '../../src/models/providers/keywords.ts'
import { responseSchema } from '../../src/models/schema.ts'

const responses: Readonly<Record<string, { fromJSON(json: unknown): unknown; decode(bytes: Uint8Array): unknown }>> = {
  TriageTicket: TriageTicketResponse,
  ExtractOrder: ExtractOrderResponse,
  SummarizeThread: SummarizeThreadResponse,
}

const folder = fileURLToPath(new URL('../../examples/support', import.meta.url))

describe('examples/support', () => {
  let contract: Contract
  let inputs: string[]

  before(async () => {
    const build = await buildImage(folder, AbortSignal.timeout(20_000))
    assert.ok(build.kind === 'image')
    const contracts = loadContracts(readImage(build.bytes), () => 1)
    assert.ok(contracts[0])
    contract = contracts[0]
    inputs = (await readdir(`${folder}/inputs`)).filter((file) => !file.endsWith('.expected.json')).sort()
  })

  it('is one contract of three methods', () => {
    assert.equal(contract.name, 'acme.support.v1.TicketService')
    assert.deepEqual([...contract.methods.keys()], ['TriageTicket', 'ExtractOrder', 'SummarizeThread'])
    assert.equal(contract.methods.get('TriageTicket')?.policy.maxRepairs, 3)
  })

  it('has thirty inputs: local/keywords answers all within the rules but one that is refused', async () => {
    const outcomes = await Promise.all(inputs.map((name) => outcomeOf(name)))
    assert.equal(outcomes.filter((outcome) => outcome === 'answered').length, 29)
    assert.deepEqual(
      inputs.filter((_, index) => outcomes[index] === 'refused'),
      ['11-refused-empty-subject.json'],
    )
  })

  it('is answered by local/keywords as a person would, in nineteen fields of twenty', async () => {
    const scores = await Promise.all(
      (await readInputs()).map(async ({ name, method, expected }) => {
        const { fromJSON, decode } = responses[method] ?? assert.fail(`${method} is no method`)
        if (typeof expected === 'object' && expected !== null && 'refused' in expected) return []
        return [scoreOf<unknown>(expected, fromJSON, decode(await binary(`${name}.json`)))]
      }),
    )
    const { right, expected } = sumOf(scores.flat())
    assert.ok(expected >= 200, `${expected} fields are expected`)
    assert.ok(right / expected >= 0.95, JSON.stringify(scores.flat().flatMap(({ wrong }) => wrong)))
  })

  it('has examples whose requests, injections among them, stay in their fence', async () => {
    const methods = [...contract.methods.values()]
    const examples = await readExamples(folder, contract.image, methods, AbortSignal.timeout(20_000))
    const injections = examples.filter(({ file }) => file.endsWith('injections.yaml'))
    assert.ok(injections.length >= 9)
    for (const { method, request } of examples) {
      const { text } = requestTurn(method, fromBinary(method.input, request))
      const [, tag = '', inside = ''] = /^<(request(?:-\d+)?)>\n(.*)\n<\/\1>$/s.exec(text) ?? []
      assert.ok(tag !== '' && inside.startsWith('{') && inside.endsWith('}'), text)
      const plain = inside
        .normalize('NFKC')
        .replaceAll(/[\s\p{Cf}]/gu, '')
        .toLowerCase()
      assert.ok(!plain.includes(`/${tag}>`) && !plain.includes(`<${tag}>`), text)
    }
  })

  it('triages', async () => {
    assert.deepEqual(await answered('01-double-charge.json'), {
      queue: 'QUEUE_BILLING',
      summary:
        'My card was charged twice for order 48213, once on 2026-03-02 and once on 2026-03-03. ' +
        'The second payment of 64.90 EUR is wrong. I would like a refund of the second payment by 2026-03-13, please.',
      language: 'en',
      email: 'accounts@harbourworks.example.com',
      dueTime: '2026-03-13T00:00:00Z',
      orderNumber: '48213',
      refundRequested: true,
      topics: ['charged', 'twice', 'order', 'second', 'payment'],
      receivedTime: '2026-03-09T08:14:00Z',
    })
    const queues = await Promise.all(
      ['02-late-parcel', '03-broken-mugs', '04-anmeldung', '05-bulk-price'].map((name) => answered(`${name}.json`)),
    )
    assert.deepEqual(
      queues.map(({ queue, urgency }) => [queue, urgency]),
      [
        ['QUEUE_DELIVERY', 'URGENCY_HIGH'],
        ['QUEUE_RETURNS', 'URGENCY_LOW'],
        ['QUEUE_TECHNICAL', 'URGENCY_HIGH'],
        ['QUEUE_SALES', 'URGENCY_NORMAL'],
      ],
    )
  })

  it('extracts orders', async () => {
    const { order } = await answered('06-office-order.json')
    const price = (minorUnits: string): JsonObject => ({ currencyCode: 'EUR', minorUnits })
    assert.deepEqual(order, {
      purchaseOrderNumber: 'PO-1077',
      items: [
        { description: 'Blue ceramic mug', sku: 'MUG-104', quantity: 3, unitPrice: price('450') },
        { description: 'Notebook A5, ruled', sku: 'NB-520', quantity: 12, unitPrice: price('220') },
        { description: 'Wall clock', quantity: 1, unitPrice: price('3100') },
      ],
      itemCount: 3,
      total: price('7090'),
      shippingAddress: { street: '12 Quay Street', postalCode: 'PE3 4QD', city: 'Port Ellis' },
      deliveryDate: '2026-04-02T00:00:00Z',
      attributes: { 'Cost centre': 'Reading room', 'Door code': 'ask at the desk' },
    })
    assert.deepEqual(await answered('08-no-order.json'), { orderedBy: 'frontdesk@harbourworks.example.com' })
  })

  it('summarises threads', async () => {
    const thread = await answered('09-missing-pallet.json')
    assert.deepEqual(thread, {
      summary:
        'Only three of four pallets were delivered on Friday. The pallet with the shelves is missing. ' +
        'Can you find out where it is?',
      sentiment: 'SENTIMENT_NEGATIVE',
      participants: ['logistics@birkenhof.example.com', 'support@acme.example.com'],
      actionItems: [
        { task: 'trace pallet 3 by 2026-03-04', owner: 'Carrier desk', dueTime: '2026-03-04T00:00:00Z' },
        { task: 'check whether it left the dock by 2026-03-03', owner: 'Warehouse', dueTime: '2026-03-03T00:00:00Z' },
      ],
      waitingTime: '259200s',
      openQuestion: 'When will the pallet be here?',
      messageCount: 3,
    })
    const closed = await answered('10-invoice-address.json')
    assert.deepEqual([closed['sentiment'], closed['closedTime']], ['SENTIMENT_POSITIVE', '2026-02-04T13:00:00Z'])
  })

  async function outcomeOf(name: string): Promise<'answered' | 'refused'> {
    try {
      await answered(name)
      return 'answered'
    } catch (error) {
      if (error instanceof DeedError && error.reason === 'REQUEST_INVALID') return 'refused'
      throw error
    }
  }

  async function binary(name: string): Promise<Uint8Array> {
    const { method, message } = await messageOf(name)
    return toBinary(method.output, message)
  }

  /** The answer to an input as JSON. */
  async function answered(name: string): Promise<JsonObject> {
    const { method, message } = await messageOf(name)
    const json = toJson(method.output, message, { registry: method.registry })
    assert.ok(typeof json === 'object' && json !== null && !Array.isArray(json))
    return json
  }

  /** The answer to an input, once it has passed the contract. */
  async function messageOf(name: string): Promise<{ method: Method; message: Message }> {
    const input: { method: string; request: JsonObject } = JSON.parse(
      await readFile(`${folder}/inputs/${name}`, 'utf8'),
    )
    const method = contract.methods.get(input.method)
    assert.ok(method, `${name} calls ${input.method}`)
    const request = fromJson(method.input, input.request, { registry: method.registry })
    const answer = parseAnswer(method, await complete(method, decodeRequest(method, toBinary(method.input, request))))
    assert.ok(answer.kind === 'valid', answer.kind === 'invalid' ? JSON.stringify(answer.violations) : '')
    return { method, message: answer.message }
  }
})

async function complete(method: Method, request: Message): Promise<string> {
  const asked = {
    model: 'keywords',
    system: '',
    turns: [],
    schema: responseSchema(method),
    maxOutputTokens: 1,
    method,
    request,
    headers: {},
  }
  let text = ''
  for await (const event of keywords(asked, AbortSignal.timeout(10_000))) if (event.kind === 'text') text += event.text
  return text
}
