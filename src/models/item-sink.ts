/** Where the items of one operation go, across its attempts. They are encoded messages of the method's response type. */
export type ItemSink = {
  /** How many are stored. They are final. */
  readonly count: number
  /**
   * Stores the next ones, in order. Resolves once they are committed and there is room for more. Rejects with the signal's reason
   * when that has fired: what a completion that is over still has to say is not wanted.
   */
  put(items: readonly Uint8Array[], signal: AbortSignal): Promise<void>
  /** The last of those that are stored, in order: `limit` or 3 MB at the most. None when the signal fires. */
  last(limit: number, signal: AbortSignal): Promise<readonly Uint8Array[]>
}
