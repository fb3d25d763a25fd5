import type { GroupMark, Mark, Spec } from 'vega'
import { type LoadFigures, type LoadRun, targets } from './load-figures.ts'
import { drawPng } from './png.ts'

const width = 820
/** Told apart by people who see fewer colours as well. */
const colours = { p50: '#0072B2', p95: '#E69F00', p99: '#CC3311', answered: '#0072B2', target: '#444444' }

/** A PNG of a run: the latencies, the rate and the errors, second by second, with the targets as broken lines. */
export function plotLoad(figures: LoadFigures, run: Pick<LoadRun, 'rate' | 'seconds' | 'modelMs'>): Promise<Buffer> {
  return drawPng(specOf(figures, run))
}

/** Three panels below each other, on one axis of time. */
export function specOf(figures: LoadFigures, run: Pick<LoadRun, 'rate' | 'seconds' | 'modelMs'>): Spec {
  // Of a second without an answer there is no percentile.
  const latencies = figures.seconds.flatMap(({ second, p50Ms, p95Ms, p99Ms }) =>
    Object.entries({ p50: p50Ms, p95: p95Ms, p99: p99Ms })
      .filter(([, ms]) => !Number.isNaN(ms))
      .map(([percentile, ms]) => ({ at: second + 0.5, percentile, y: ms })),
  )
  const rates = figures.seconds.map(({ second, answered }) => ({ at: second, to: second + 1, y: answered }))
  const errors = figures.seconds.map(({ second, errorPercent }) => ({ at: second, to: second + 1, y: errorPercent }))
  const latencyTargets = [
    { y: run.modelMs + targets.besideModelMs, label: `p95: model + ${targets.besideModelMs} ms` },
    { y: targets.responseMs, label: `p99 and maximum: ${targets.responseMs} ms` },
  ]
  const rateAsked = [{ y: run.rate, label: `asked: ${run.rate}/s` }]
  const errorTarget = [{ y: targets.errorPercent, label: `target: ${targets.errorPercent} %` }]
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 16,
    title: { text: 'Deed under a steady load', subtitle: subtitle(figures, run), ...titleStyle },
    data: [
      { name: 'latencies', values: latencies },
      { name: 'latencies of targets', values: latencyTargets },
      { name: 'rates', values: rates },
      { name: 'rates of targets', values: rateAsked },
      { name: 'errors', values: errors },
      { name: 'errors of targets', values: errorTarget },
    ],
    scales: [
      { name: 'x', type: 'linear', domain: [0, run.seconds], range: [0, width], nice: false },
      {
        name: 'percentile',
        type: 'ordinal',
        domain: ['p50', 'p95', 'p99'],
        range: [colours.p50, colours.p95, colours.p99],
      },
    ],
    layout: { columns: 1, padding: 26, bounds: 'flush', align: 'none' },
    marks: [
      panel('latencies', 300, 'Latency (ms)', [...latencies, ...latencyTargets], [percentiles]),
      panel('rates', 120, 'Answers per second', [...rates, ...rateAsked], [bars('rates', colours.answered)]),
      panel('errors', 90, 'Failed calls (%)', [...errors, ...errorTarget], [bars('errors', colours.p99)], true),
    ],
    legends: [
      {
        stroke: 'percentile',
        symbolType: 'stroke',
        symbolStrokeWidth: 3,
        symbolSize: 300,
        orient: 'right',
        title: 'Latency, per second',
        ...text,
      },
    ],
  }
}

const text = { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal' } as const
const titleStyle = { anchor: 'start', frame: 'group', fontSize: 18, subtitleFontSize: 12, offset: 18 } as const

function subtitle(figures: LoadFigures, { rate, seconds, modelMs }: Pick<LoadRun, 'rate' | 'seconds' | 'modelMs'>) {
  const [p50, p95, p99, max] = [figures.p50Ms, figures.p95Ms, figures.p99Ms, figures.maxMs].map((ms) =>
    Number.isNaN(ms) ? '-' : ms.toFixed(0),
  )
  return [
    `${rate} calls/s for ${seconds} s, every second one with an idempotency key; the model takes ${modelMs} ms`,
    `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, maximum ${max} ms; ${figures.failed} of ${figures.calls} calls failed`,
  ]
}

/** A group with axes of its own. Its targets are broken lines with a label at the right end. */
function panel(
  name: string,
  height: number,
  title: string,
  values: readonly { y: number }[],
  marks: Mark[],
  last = false,
): GroupMark {
  const top = 1.1 * Math.max(...values.map(({ y }) => y))
  return {
    type: 'group',

    encode: { enter: { width: { value: width }, height: { value: height } } },
    scales: [{ name: 'y', type: 'linear', domain: [0, top], range: [height, 0], nice: true }],
    axes: [
      {
        scale: 'y',
        orient: 'left',
        grid: true,
        tickCount: height / 40,
        title,
        titlePadding: 10,
        minExtent: 44,
        ...text,
      },
      {
        scale: 'x',
        orient: 'bottom',
        labels: last,
        tickCount: 10,
        tickMinStep: 1,
        ...(last && { title: 'Time since the warm-up (s)', titlePadding: 8 }),
        ...text,
      },
    ],
    marks: [...marks, ...targetMarks(`${name} of targets`)],
  }
}

const percentiles: Mark = {
  type: 'group',
  from: { facet: { name: 'percentile of latencies', data: 'latencies', groupby: 'percentile' } },
  marks: (['line', 'symbol'] as const).map((type) => ({
    type,
    from: { data: 'percentile of latencies' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'at' },
        y: { scale: 'y', field: 'y' },
        ...(type === 'line'
          ? { stroke: { scale: 'percentile', field: 'percentile' }, strokeWidth: { value: 2 } }
          : { fill: { scale: 'percentile', field: 'percentile' }, size: { value: 16 } }),
      },
    },
  })),
}

function bars(data: string, colour: string): Mark {
  return {
    type: 'rect',
    from: { data },
    encode: {
      enter: {
        x: { scale: 'x', field: 'at' },
        x2: { scale: 'x', field: 'to', offset: -1 },
        y: { scale: 'y', field: 'y' },
        y2: { scale: 'y', value: 0 },
        fill: { value: colour },
      },
    },
  }
}

function targetMarks(data: string): Mark[] {
  const y = { scale: 'y', field: 'y' }
  return [
    {
      type: 'rule',
      from: { data },
      encode: {
        enter: {
          x: { value: 0 },
          x2: { value: width },
          y,
          stroke: { value: colours.target },
          strokeWidth: { value: 1.5 },
          strokeDash: { value: [6, 4] },
        },
      },
    },
    {
      type: 'text',
      from: { data },
      encode: {
        enter: {
          x: { value: width + 8 },
          y,
          text: { field: 'label' },
          fill: { value: colours.target },
          fontSize: { value: 11 },
          baseline: { value: 'middle' },
        },
      },
    },
  ]
}
