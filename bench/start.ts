import type { Row } from './rows.ts'
export async function benchStart(
  _args: readonly string[],
  _signal: AbortSignal,
  _progress: (line: string) => void,
): Promise<Row[]> {
  return []
}
