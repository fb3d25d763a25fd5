import type { Column } from '../../src/cli/output.ts'

/** Operations a second, accepted, claimed and settled. */
export type QueueRow = {
  name: string
  /** What else there was. */
  beside: string
  per_second: number
  /** From the call that adds one until it is committed. */
  accept_p50_ms: number
  accept_p99_ms: number
  /** Of the rate to `than`'s. */
  ratio?: number
  than?: string
  /** The least that `ratio` has to be, and whether it is. */
  target?: number
  ok?: boolean
}

/** How long it takes from the call that adds one to the start of the work on it, one at a time. */
export type QueueStartRow = {
  name: string
  beside: string
  samples: number
  start_p50_ms: number
  start_p99_ms: number
  /** Of the p50 to `than`'s. */
  ratio?: number
  than?: string
  /** What `ratio` may be at the most, and whether it is not more. */
  target?: number
  ok?: boolean
}

type Compared = { ratio?: number; than?: string; target?: number; ok?: boolean }

const compared = (sign: '>=' | '<='): Column<Compared>[] => [
  { title: 'ratio', align: 'right', cell: ({ ratio }) => ratio?.toFixed(2) ?? '' },
  { title: 'to', cell: ({ than }) => than ?? '' },
  {
    title: 'target',
    cell: ({ target, ok }) => (target === undefined ? '' : `${sign} ${target} ${ok ? 'met' : 'MISSED'}`),
  },
]

export const queueColumns: Column<QueueRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'beside', cell: ({ beside }) => beside },
  { title: 'per second', align: 'right', cell: ({ per_second }) => per_second.toFixed(0) },
  { title: 'accept p50 ms', align: 'right', cell: ({ accept_p50_ms }) => accept_p50_ms.toFixed(1) },
  { title: 'p99 ms', align: 'right', cell: ({ accept_p99_ms }) => accept_p99_ms.toFixed(1) },
  ...compared('>='),
]

export const queueStartColumns: Column<QueueStartRow>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'beside', cell: ({ beside }) => beside },
  { title: 'samples', align: 'right', cell: ({ samples }) => String(samples) },
  { title: 'start p50 ms', align: 'right', cell: ({ start_p50_ms }) => start_p50_ms.toFixed(2) },
  { title: 'p99 ms', align: 'right', cell: ({ start_p99_ms }) => start_p99_ms.toFixed(2) },
  ...compared('<='),
]
