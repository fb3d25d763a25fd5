import type { Mark, Spec } from 'vega'
import { type LoadFigures, type LoadRun, targets } from './load-figures.ts'
import { bars, panel, textStyle, width } from './panel.ts'
import { drawPng } from './png.ts'

/** Told apart by people who see fewer colours as well. */
const colours = { p50: '#0072B2', p95: '#E69F00', p99: '#CC3311' }

/** A PNG of a run: the latencies, the rate and the errors, second by second, with the targets as broken lines. */
export function plotLoad(figures: LoadFigures, run: Pick<LoadRun, 'rate' | 'seconds' | 'modelMs'>): Promise<Buffer> {
  return drawPng(specOf(figures, run))
}

/** Three panels below each other, on one axis of time. */
export function specOf(figures: LoadFigures, run: Pick<LoadRun, 'rate' | 'seconds' | 'modelMs'>): Spec {
  // Of a second without an answer there is no percentile. What is drawn last lies on top.
  const latencies = figures.seconds.flatMap(({ second, p50Ms, p95Ms, p99Ms }) =>
    Object.entries({ p99: p99Ms, p95: p95Ms, p50: p50Ms })
      .filter(([, ms]) => !Number.isNaN(ms))
      .map(([percentile, ms]) => ({ at: second + 0.5, percentile, y: ms })),
  )
  const rates = figures.seconds.map(({ second, answered }) => ({ at: second, to: second + 1, y: answered }))
  const errors = figures.seconds.map(({ second, errorPercent }) => ({ at: second, to: second + 1, y: errorPercent }))
  const { besideModelMs, responseMs, errorPercent } = targets
  const latencyTargets = [
    { y: run.modelMs + besideModelMs, label: `p95: model + ${besideModelMs} ms` },
    { y: responseMs, label: `p99 and maximum: ${responseMs} ms` },
  ]
  const fine = run.seconds <= 120
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    padding: 16,
    title: { text: 'Deed under a steady load', subtitle: subtitle(figures, run), ...titleStyle },
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
      {
        ...panel(300, 'Latency per second (ms)', latencies, latencyTargets, percentiles(fine)),
        legends: [{ stroke: 'percentile', orient: 'top', direction: 'horizontal', ...legendStyle }],
      },
      panel(
        120,
        'Answers per second',
        rates,
        [{ y: run.rate, label: `asked: ${run.rate}/s` }],
        bars(colours.p50, fine),
      ),
      panel(
        90,
        'Failed calls (%)',
        errors,
        [{ y: errorPercent, label: `target: ${errorPercent} %` }],
        bars(colours.p99, fine),
        { title: 'Time since the warm-up (s)', titlePadding: 8, labels: true },
      ),
    ],
  }
}

const titleStyle = { anchor: 'start', frame: 'group', fontSize: 18, subtitleFontSize: 12, offset: 14 } as const
const legendStyle = {
  symbolType: 'stroke',
  symbolStrokeWidth: 3,
  symbolSize: 300,
  columnPadding: 24,
  ...textStyle,
} as const

function subtitle(figures: LoadFigures, { rate, seconds, modelMs }: Pick<LoadRun, 'rate' | 'seconds' | 'modelMs'>) {
  const [p50, p95, p99, max] = [figures.p50Ms, figures.p95Ms, figures.p99Ms, figures.maxMs].map((ms) =>
    Number.isNaN(ms) ? '-' : ms.toFixed(0),
  )
  return [
    `${rate} calls/s for ${seconds} s, every second one with an idempotency key; the model takes ${modelMs} ms`,
    `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, maximum ${max} ms; ${figures.failed} of ${figures.calls} calls failed`,
  ]
}

/** A line for each percentile; in a short run with its points. */
function percentiles(fine: boolean): Mark {
  const [x, y] = [
    { scale: 'x', field: 'at' },
    { scale: 'y', field: 'y' },
  ]
  const colour = { scale: 'percentile', field: 'percentile' }
  // It shows behind another that is the same.
  const strokeWidth = [{ test: "datum.percentile === 'p99'", value: 3.5 }, { value: 2 }]
  const from = { data: 'percentile' }
  const line: Mark = { type: 'line', from, encode: { enter: { x, y, stroke: colour, strokeWidth } } }
  const points: Mark = { type: 'symbol', from, encode: { enter: { x, y, fill: colour, size: { value: 16 } } } }
  return {
    type: 'group',
    from: { facet: { name: 'percentile', data: 'values', groupby: 'percentile' } },
    marks: fine ? [line, points] : [line],
  }
}
