import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'

/** So many failures in a row open it. */
const THRESHOLD = 5
/** Milliseconds that it stays open before one completion may probe. */
const OPEN_MS = 5_000
/** Milliseconds until it is worth asking again while another completion probes. */
const PROBE_MS = 1_000

export type BreakerState = 'closed' | 'open' | 'half-open'

/** What a completion says of its model: it can be had, it cannot, or nothing. */
export type Verdict = 'available' | 'unavailable' | 'none'

/** A failure that counts; all others are none to cockatiel. */
class Unavailable extends Error {}

const states = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
} as const

/**
 * The circuit breaker of one model in this process: after 5 failures in a row nobody asks the model for 5 seconds, then one
 * completion may; whether it succeeds decides for all. Nobody waits for it: others go on to their next model.
 */
export class Breaker {
  readonly #policy = circuitBreaker(
    handleWhen((error) => error instanceof Unavailable),
    { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(THRESHOLD) },
  )
  #openedAt = 0

  constructor(onChange: (state: BreakerState) => void) {
    this.#policy.onStateChange((state) => {
      // Before anyone can ask: cockatiel notes the same instant.
      if (state === CircuitState.Open) this.#openedAt = Date.now()
      onChange(states[state])
    })
  }

  get state(): BreakerState {
    return states[this.#policy.state]
  }

  /** Milliseconds before it is worth asking again; 0 when the model may be asked now. */
  get waitMs(): number {
    const { state } = this
    if (state === 'closed') return 0
    return state === 'half-open' ? PROBE_MS : Math.max(0, this.#openedAt + OPEN_MS - Date.now())
  }

  /**
   * Begins a completion; to be called when `waitMs` is 0. What it returns ends it, and resolves when the breaker knows. A probe
   * that says nothing of the model leaves the breaker open.
   */
  enter(): (verdict: Verdict) => Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const noted = this.#policy.execute(() => promise).catch(() => {})
    const probes = this.state === 'half-open'
    return (verdict) => {
      if (verdict === 'available') resolve()
      else reject(verdict === 'unavailable' || probes ? new Unavailable() : new Error('nothing to count'))
      return noted
    }
  }
}
