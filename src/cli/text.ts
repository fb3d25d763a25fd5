/**
 * Text that others may have written, in one line and without control characters, which could move a terminal's cursor or
 * turn the direction of writing.
 */
export function oneLine(text: string): string {
  return text
    .replace(/\s*[\r\n]\s*/g, ' ')
    .replace(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .trim()
}

/** The candidate that is most like a word, when one is like enough to be what was meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const given = bare(word)
  let best: { candidate: string; distance: number } | undefined
  for (const candidate of candidates) {
    const other = bare(candidate)
    const long = Math.min(given.length, other.length) >= 3
    const distance =
      given === other ? 0 : long && (other.includes(given) || given.includes(other)) ? 1 : edits(given, other)
    if (distance < (best?.distance ?? Math.max(3, Math.ceil(given.length / 3) + 1))) best = { candidate, distance }
  }
  return best && best.distance < Math.max(given.length, 2) ? best.candidate : undefined
}

/** Upper case and underscores are the usual difference between a field's two names. */
function bare(name: string): string {
  return name.toLowerCase().replace(/[_\s-]/g, '')
}

/** How many letters have to be put in, taken out, changed or swapped with their neighbour. */
function edits(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : changed
      row.push(Math.min(changed, swapped, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    ;[before, last] = [last, row]
  }
  return last[b.length] ?? 0
}

/** As a shell takes it for one word. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9@%+=:,./_-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
