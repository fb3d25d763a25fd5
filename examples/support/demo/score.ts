/** Of the fields that were expected, how many are right, and the names of the others. */
export type Score = { right: number; expected: number; wrong: readonly string[] }

/**
 * Compares a response with what was expected of it, both as the generated client has them. Only what the expected JSON sets
 * counts, each value of it by itself; null says that a field has to be unset.
 */
export function scoreOf<Res>(json: unknown, read: (json: unknown) => Res, response: Res): Score {
  const score = { right: 0, expected: 0, wrong: [] as string[] }
  const count = (path: string, right: boolean): void => {
    score.expected++
    if (right) score.right++
    else score.wrong.push(path)
  }
  compare('', read(withDurations(json)), response, read({}), count)
  for (const [name, value] of entriesOf(json)) if (value === null) count(name, valueAt(response, name) === undefined)
  return score
}

/** The generated client reads a Duration by its fields, not as the text (`90s`) that it is in JSON. */
function withDurations(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json), (_, value: unknown) => {
    const [, seconds] = (typeof value === 'string' && /^(\d+)s$/.exec(value)) || []
    return seconds === undefined ? value : { seconds, nanos: 0 }
  })
}

/** `empty` has what a message has that says nothing: it was not expected. */
function compare(
  path: string,
  expected: unknown,
  found: unknown,
  empty: unknown,
  count: (path: string, right: boolean) => void,
): void {
  if (expected === undefined || same(expected, empty)) return
  if (typeof expected !== 'object' || expected === null || expected instanceof Date) {
    count(path, same(expected, found))
    return
  }
  for (const [name, value] of entriesOf(expected)) {
    compare(path === '' ? name : `${path}.${name}`, value, valueAt(found, name), valueAt(empty, name), count)
  }
}

/** Scalars, bigints and instants. Two empty lists are the same as well. */
function same(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  if (Array.isArray(a) && Array.isArray(b)) return a.length === 0 && b.length === 0
  return a === b
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

function valueAt(value: unknown, name: string): unknown {
  return entriesOf(value).find(([each]) => each === name)?.[1]
}

export function sumOf(scores: readonly Score[]): Pick<Score, 'right' | 'expected'> {
  const sum = (field: 'right' | 'expected'): number => scores.reduce((total, score) => total + score[field], 0)
  return { right: sum('right'), expected: sum('expected') }
}
