import { createInterface } from 'node:readline'

/**
 * The child's side of `child.ts`: prints one line of JSON with where to reach this server, then for each line of stdin one
 * with its memory and what else it has to report. A report that fails ends the process. Resolves on SIGTERM, on Ctrl-C, or
 * when stdin ends because the parent is gone.
 */
export async function serveUntilTold(
  ready: object,
  report: (line: string) => object | Promise<object> = () => ({}),
): Promise<void> {
  const lines = createInterface({ input: process.stdin })
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => lines.close())
  const print = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`)
  lines.on('line', async (line) => print({ rss: process.memoryUsage.rss(), ...(await report(line)) }))
  const closed = new Promise<void>((resolve) => lines.once('close', resolve))
  print(ready)
  await closed
  process.stdin.destroy()
}
