import assert from 'node:assert/strict'
import { crc32, inflateSync } from 'node:zlib'
import { figuresOf } from '../../bench/load-figures.ts'
import { plotLoad } from '../../bench/load-plot.ts'
import { drawPng } from '../../bench/png.ts'

describe('a plot', () => {
  it('is a valid PNG of the expected size', async () => {
    const png = await drawPng({ width: 40, height: 20, padding: 0, marks: [] }, 3)
    assert.deepEqual(sizeOf(png), [120, 60])
  })

  it('has text, without a font of the machine', async () => {
    const text = (value: string) =>
      drawPng({
        width: 50,
        height: 20,
        marks: [{ type: 'text', encode: { enter: { x: { value: 0 }, text: { value } } } }],
      })
    const [blank, some, other] = await Promise.all(['', '200 ms', '500 ms'].map(text))
    assert.ok(blank && some && other)
    assert.ok(!some.equals(blank) && !some.equals(other))
  })

  it('shows a run, also one in which nothing was answered', async () => {
    const run = { rate: 1, seconds: 3, modelMs: 100, warmUpCalls: 1, latencies: new Float64Array(4).fill(120) }
    const [good, bad] = await Promise.all(
      [0, 14].map((code) => {
        const outcomes = { ...run, codes: new Uint8Array(4).fill(code) }
        return plotLoad(figuresOf(outcomes), outcomes)
      }),
    )
    assert.ok(good && bad && !good.equals(bad))
    for (const png of [good, bad]) {
      const [width = 0, height = 0] = sizeOf(png)
      assert.ok(width > 1_800 && width < 2_600 && height > 1_200 && height < 1_800)
    }
  })
})

/** Width and height, after a look at all that makes it a PNG: signature, chunks and their sums, 8-bit RGBA, all rows. */
function sizeOf(png: Buffer): [number, number] {
  assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10])
  const chunks = new Map<string, Buffer[]>()
  for (let at = 8; at < png.length; ) {
    const end = at + 8 + png.readUInt32BE(at)
    assert.equal(png.readUInt32BE(end), crc32(png.subarray(at + 4, end)))
    chunks.getOrInsert(png.toString('latin1', at + 4, at + 8), []).push(png.subarray(at + 8, end))
    at = end + 4
  }
  const head = Buffer.concat(chunks.get('IHDR') ?? [])
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)]
  assert.deepEqual([...head.subarray(8)], [8, 6, 0, 0, 0])
  assert.equal(inflateSync(Buffer.concat(chunks.get('IDAT') ?? [])).length, height * (width * 4 + 1))
  assert.deepEqual([...chunks.keys()].at(-1), 'IEND')
  return [width, height]
}
