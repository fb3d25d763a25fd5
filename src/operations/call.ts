import type { Message } from '@bufbuild/protobuf'
import type { Context } from '@opentelemetry/api'
import type { Method } from '../contracts/method.ts'
import type { StoredResult } from '../storage/statements/results.ts'

/** A validated call. `request` is what the caller sent; `message` the same, decoded. */
export type Call = {
  projectId: string
  method: Method
  message: Message
  request: Uint8Array
  key: string | undefined
  /** The API key that it came with; undefined for none. */
  apiKeyId: string | undefined
  context: Context
  /** Fires when the caller leaves or its deadline passes. */
  signal: AbortSignal
}

/**
 * Who is sent a stream: first which operation it is, then each item. `send` resolves when there is room for another, and rejects when
 * the signal fires: when the caller leaves, or the end cannot be had here.
 */
export type Reader = { begin(operationId: string): void; send(item: Uint8Array, signal: AbortSignal): Promise<void> }

/** A validated call whose caller does not wait for its end. `retryOf`: the id of the operation that it repeats. */
export type Submission = Call & { retryOf?: string | undefined }

/** `replayed`: an earlier call had made it. `state` is where a new one is. */
export type Submitted = { operationId: string; day: string; replayed: boolean; state: 'READY' | 'RUNNING' }

/** What the operation ended with, and whether an earlier call had made it. */
export type Reply = StoredResult & { replayed: boolean }
