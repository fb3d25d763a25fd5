import { setTimeout as sleep } from 'node:timers/promises'
import type { ChannelOptions } from '@grpc/grpc-js'
import { Refusal } from './refusal.ts'

const baseMs = 100
const capMs = 5_000

/**
 * Repeats what may end otherwise when it is repeated, until the deadline (milliseconds since 1970). All attempts must send one
 * key, so that they are one operation. Rejects with the last error.
 */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  deadline: number,
  remark: (line: string) => void,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Refusal) || !error.mayBeRepeated) throw error
      const delayMs = delayAfter(error, failures)
      if (Date.now() + delayMs >= deadline) throw error
      remark(`attempt ${failures}: ${error.title}; again in ${Math.round(delayMs)} ms`)
      await sleep(delayMs)
    }
  }
}

/** Full jitter under a doubling ceiling, and not before the time that the server asks for. */
function delayAfter({ retryDelayMs = 0 }: Refusal, failures: number): number {
  return retryDelayMs + Math.random() * Math.min(capMs, baseMs * 2 ** (failures - 1))
}

/**
 * Has the channel try to connect again soon. Left to itself it comes to wait two minutes between two tries, and until the
 * next one every call fails at once, however often it is repeated.
 */
export const reconnects: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
}

/**
 * Retries that the channel itself makes, for programs that want no loop: at most five attempts, chosen by code alone. It does
 * not read RetryInfo, so it may come back sooner than the server asks, and leaves RESOURCE_EXHAUSTED alone.
 */
export const channelRetries: ChannelOptions = {
  'grpc.service_config': JSON.stringify({
    methodConfig: [
      {
        name: [{ service: 'shop.v1.MailService' }],
        retryPolicy: {
          maxAttempts: 5,
          initialBackoff: '0.2s',
          maxBackoff: '5s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  }),
}
