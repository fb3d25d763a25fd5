import { span } from './format.ts'

/** What is being waited for, as a line that is gone when it is disposed of. */
export type Progress = Disposable & {
  /** Says something else from now on; the time goes on. What changes by itself is asked for whenever it is drawn. */
  say(label: Label): void
}

export type Label = string | (() => string)

export type Screen = Pick<NodeJS.WriteStream, 'write' | 'columns'>

/** What ends sooner is not worth a line. */
const quietMs = 400
const frameMs = 100
const frames = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏']

/**
 * Shows a turning wheel, what is being done and for how long. The cursor rests at the start of the line, so that whoever else
 * writes to the terminal, such as the log, writes over it and not behind it.
 */
export function showProgress(screen: Screen, first: string): Progress {
  const from = performance.now()
  let label: Label = first
  let shown = false
  let frame = 0
  const draw = () => {
    const took = performance.now() - from
    if (took < quietMs) return
    frame = (frame + 1) % frames.length
    const text = typeof label === 'string' ? label : label()
    const line = `${frames[frame]} ${text} ${took < 1_000 ? '' : span(took)}`.trimEnd()
    screen.write(`\r${line.slice(0, (screen.columns || 80) - 1)}\x1b[K\r`)
    shown = true
  }
  const timer = setInterval(draw, frameMs).unref()
  return {
    say(next) {
      label = next
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      if (shown) screen.write('\r\x1b[K')
      shown = false
    },
  }
}

/** For what is no terminal. */
export const noProgress: Progress = { say: () => {}, [Symbol.dispose]: () => {} }
