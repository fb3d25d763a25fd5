import { setTimeout as delay } from 'node:timers/promises'
import { fromBinary, fromJson, toBinary } from '@bufbuild/protobuf'
import { connect } from '../src/cli/connect.ts'
import { readImage } from '../src/contracts/image.ts'
import { startChild } from './child.ts'
import { readOptions } from './options.ts'
import { publishTicket } from './publish.ts'
import type { Row } from './rows.ts'
import { percentile } from './statistics.ts'
import { buildTicket } from './ticket.ts'

/** Streams at once. The last is 3,200 items a second, as fast as a replica goes on a small machine: there is no target. */
const shapes = [1, 16, 64]
const streamsOf = (concurrency: number) => Math.max(20, 4 * concurrency)
const itemMs = 20
const count = 20
/** Milliseconds from the model's last character of the first item to the item at its caller. */
const target = 20

/**
 * How long an item takes from the model to the caller: parsed, validated, committed, sent. Streams of 20 items, 20 ms apart, each of which
 * says when the model had finished it, by the clock that both processes share.
 */
export async function benchStream(
  args: readonly string[],
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Row[]> {
  readOptions(args, {})
  const ticket = await buildTicket(signal)
  const method = readImage(ticket.image).registry.getService('ticks.v1.TickService')?.methods[0]
  if (!method) throw new Error('the contract has no TickService')
  await using deed = await startChild('deed-server.ts', ['--model-ms', String(itemMs)], signal)
  await publishTicket(deed.ready, ticket, signal)
  const { address = '', key } = deed.ready
  using connection = connect({ address, key, keyFile: '' }, signal)
  const path = `/${method.parent.typeName}/${method.name}`
  const request = Buffer.from(toBinary(method.input, fromJson(method.input, { count })))

  const stream = async (): Promise<number[]> => {
    const tookMs: number[] = []
    const take = (message: Buffer) => {
      const { finishedUs } = fromBinary(method.output, message) as { finishedUs?: bigint } & object
      tookMs.push(performance.timeOrigin + performance.now() - Number(finishedUs) / 1_000)
    }
    await connection.exchange({ path, requests: [request], take })
    if (tookMs.length !== count) throw new Error(`a stream had ${tookMs.length} items, not ${count}`)
    return tookMs
  }

  progress('warming up')
  await Promise.all(Array.from({ length: 64 }, stream))
  const rows: Row[] = []
  for (const concurrency of shapes) {
    progress(`${concurrency} at once`)
    const firsts: number[] = []
    const all: number[] = []
    const worker = async (n: number) => {
      // Not all in the same millisecond.
      await delay((n / concurrency) * itemMs, undefined, { signal })
      for (let left = streamsOf(concurrency) / concurrency; left > 0; left--) {
        const [first = Number.NaN, ...more] = await stream()
        firsts.push(first)
        all.push(...more)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, (_, n) => worker(n)))
    firsts.sort((a, b) => a - b)
    all.sort((a, b) => a - b)
    const name = (what: string) => `${what}, ${concurrency} at once`
    const p50 = percentile(firsts, 0.5)
    rows.push(
      { name: name('first item p50'), value: p50, unit: 'ms', ...(concurrency < 64 && { target, ok: p50 < target }) },
      { name: name('first item p99'), value: percentile(firsts, 0.99), unit: 'ms' },
      { name: name('later items p50'), value: percentile(all, 0.5), unit: 'ms' },
      { name: name('later items p99'), value: percentile(all, 0.99), unit: 'ms' },
    )
  }
  return rows
}
