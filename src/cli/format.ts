const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A length of time in its largest whole unit: `3d`, `12m`, `850ms`. */
export function span(ms: number): string {
  const [unit, size] = units.find(([, each]) => ms >= each) ?? ['ms', 1]
  return `${Math.max(0, Math.floor(ms / size))}${unit}`
}

/** How long ago a time was; `-` when there is none. */
export function age(time: Date | undefined, now = Date.now()): string {
  return time ? span(Math.max(0, now - time.getTime())) : '-'
}

/** A time in RFC 3339; `-` when there is none. */
export function moment(time: Date | undefined): string {
  return time?.toISOString() ?? '-'
}

/** Millionths of a US dollar as dollars, without needless zeros: `$0.0123`. `-` when the price is unknown. */
export function dollars(micro: bigint | undefined): string {
  if (micro === undefined) return '-'
  const fraction = String(micro % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `$${micro / 1_000_000n}${fraction === '' ? '' : `.${fraction}`}`
}

/** As {@link dollars}, to the last of the six decimals, so that amounts stand under each other: `$0.012300`. */
export function exactDollars(micro: bigint): string {
  return `$${micro / 1_000_000n}.${String(micro % 1_000_000n).padStart(6, '0')}`
}

/** The name of a value of one of ts-proto's enums, without the prefix that all of its names have. */
export function enumName(values: Readonly<Record<string, number>>, prefix: string, value: number): string {
  const name = Object.keys(values).find((candidate) => values[candidate] === value)
  return name?.startsWith(prefix) ? name.slice(prefix.length) : String(value)
}
