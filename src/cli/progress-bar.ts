import { span } from './format.ts'

/** How much of something is done, how fast that goes and how long it will take. */
export type ProgressBar = {
  done(count: number): void
  failed(): void
  /** As a line: `████░░░░ 4,210 of 10,000 · 12 failed · 310/s · 19s left`. */
  line(): string
}

const width = 24
/** The rate is that of the last seconds: it may change on the way. */
const windowMs = 15_000
const sampleMs = 250

export function progressBar(total: number, now: () => number = () => performance.now()): ProgressBar {
  let [done, failed] = [0, 0]
  let samples: { at: number; done: number }[] = []
  /** Per second; undefined before there is one to tell. */
  const rate = (): number | undefined => {
    const at = now()
    if (at - (samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= sampleMs) samples.push({ at, done })
    // The newest of those that are old enough, and all that came later.
    const old = samples.findLastIndex((sample) => at - sample.at >= windowMs)
    if (old > 0) samples = samples.slice(old)
    const [first] = samples
    return first && at - first.at >= 1_000 ? ((done - first.done) / (at - first.at)) * 1_000 : undefined
  }
  return {
    done: (count) => {
      done += count
    },
    failed: () => {
      failed++
    },
    line() {
      const full = total === 0 ? width : Math.floor((done / total) * width)
      const perSecond = rate()
      const left = total - done
      return [
        `${'█'.repeat(full)}${'░'.repeat(width - full)} ${number(done)} of ${number(total)}`,
        ...(failed > 0 ? [`${number(failed)} failed`] : []),
        ...(perSecond === undefined ? [] : [`${number(perSecond, perSecond < 10 ? 1 : 0)}/s`]),
        ...(perSecond && left > 0 ? [`${span((left / perSecond) * 1_000)} left`] : []),
      ].join(' · ')
    },
  }
}

/** `10,000` */
export function number(value: number, digits = 0): string {
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}
