/**
 * What a program of PostgreSQL ended with, in one line: its first error, without time and process, and PostgreSQL's hint.
 * Undefined when it said nothing.
 */
export function lastWords(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const words = lines.find((line) => /could not bind|FATAL|PANIC|error:/.test(line)) ?? lines.at(-1)
  const hint = lines.map((line) => /HINT: +(.*)/.exec(line)?.[1]).find((found) => found !== undefined)
  const bare = words?.replace(/^.*?(?=(LOG|FATAL|PANIC|ERROR): )/, '')
  return bare === undefined || hint === undefined ? bare : `${bare} (${hint})`
}
