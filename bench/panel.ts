import type { Axis, GroupMark, Mark } from 'vega'

/** Of every panel. */
export const width = 820
export const textStyle = { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal' } as const
const targetColour = '#444444'

type Point = { y: number }
type Target = Point & { label: string }

/** A group with a vertical axis of its own. Its targets are broken lines with a label at the right end. */
export function panel(
  height: number,
  title: string,
  values: readonly Point[],
  aims: readonly Target[],
  mark: Mark,
  timeAxis: Partial<Axis> = { labels: false },
): GroupMark {
  const top = 1.1 * Math.max(...[...values, ...aims].map(({ y }) => y))
  // Beside two lines that lie close together, one label stands above and the other below.
  const highest = Math.max(...aims.map(({ y }) => y))
  const labels = aims.map((aim) => ({ ...aim, baseline: aims.length === 1 ? 'middle' : sideOf(aim.y === highest) }))
  return {
    type: 'group',
    encode: { enter: { width: { value: width }, height: { value: height } } },
    data: [
      { name: 'values', values: [...values] },
      { name: 'targets', values: labels },
    ],
    scales: [{ name: 'y', type: 'linear', domain: [0, top], range: [height, 0], nice: true }],
    axes: [
      {
        scale: 'y',
        orient: 'left',
        grid: true,
        gridScale: 'x',
        tickCount: height / 40,
        title,
        titlePadding: 10,
        minExtent: 44,
        ...textStyle,
      },
      { scale: 'x', orient: 'bottom', tickCount: 10, tickMinStep: 1, ...timeAxis, ...textStyle },
    ],
    marks: [mark, ...targetMarks],
  }
}

function sideOf(above: boolean): 'bottom' | 'top' {
  return above ? 'bottom' : 'top'
}

/** A bar for each value, from `at` to `to`; in a short run with gaps between them. */
export function bars(colour: string, fine: boolean): Mark {
  return {
    type: 'rect',
    from: { data: 'values' },
    encode: {
      enter: {
        x: { scale: 'x', field: 'at' },
        x2: { scale: 'x', field: 'to', offset: fine ? -1 : 0 },
        y: { scale: 'y', field: 'y' },
        y2: { scale: 'y', value: 0 },
        fill: { value: colour },
        fillOpacity: { value: 0.85 },
      },
    },
  }
}

const atTarget = { scale: 'y', field: 'y' }
const targetMarks: Mark[] = [
  {
    type: 'rule',
    from: { data: 'targets' },
    encode: {
      enter: {
        x: { value: 0 },
        x2: { value: width },
        y: atTarget,
        stroke: { value: targetColour },
        strokeWidth: { value: 1.5 },
        strokeDash: { value: [6, 4] },
      },
    },
  },
  {
    type: 'text',
    from: { data: 'targets' },
    encode: {
      enter: {
        x: { value: width + 8 },
        y: atTarget,
        text: { field: 'label' },
        baseline: { field: 'baseline' },
        fill: { value: targetColour },
        fontSize: { value: 11 },
      },
    },
  },
]
