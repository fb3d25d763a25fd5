import type { Result } from './run.ts'

/** How the examples of a method did with a model. */
export type Summary = {
  /** `acme.support.v1.TicketService/TriageTicket` */
  method: string
  model: string
  passed: number
  total: number
  /** Of those for which a model was asked; 0 without any. */
  p50Ms: number
  maxMs: number
  /** Of all runs; undefined when the price of one is not known. */
  costMicroUsd: bigint | undefined
  /** The names of the examples that passed, each time they were run. */
  passing: readonly string[]
}

/** One for each method and model, in the order in which they were run. */
export function summaries(results: readonly Result[]): Summary[] {
  const groups = Map.groupBy(results, ({ example, model }) => `${example.method.path} ${model}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    const latencies = group.flatMap(({ latencyMs }) => latencyMs ?? []).toSorted((a, b) => a - b)
    const costs = group.map(({ costMicroUsd }) => costMicroUsd)
    const known = costs.filter((cost) => cost !== undefined)
    const failed = group.filter(({ wrong }) => wrong.length > 0)
    const failing = new Set(failed.map(({ example }) => example.name))
    const names = new Set(group.map(({ example }) => example.name))
    return [
      {
        method: first.example.method.path.slice(1),
        model: first.model,
        passed: group.length - failed.length,
        total: group.length,
        p50Ms: latencies[Math.ceil(latencies.length / 2) - 1] ?? 0,
        maxMs: latencies.at(-1) ?? 0,
        costMicroUsd: known.length < costs.length ? undefined : known.reduce((sum, cost) => sum + cost, 0n),
        passing: [...names.difference(failing)],
      },
    ]
  })
}
