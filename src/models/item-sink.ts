/** Where the items of one operation go, across its attempts. They are encoded messages of the method's response type. */
export type ItemSink = {
  /** How many are stored. They are final. */
  readonly count: number
  /**
   * Stores the next ones, in order. Resolves once they are committed and there is room for more. Rejects with the reason of the
   * attempt's signal when that is over.
   */
  put(items: readonly Uint8Array[]): Promise<void>
  /** The last of those that are stored, in order: `limit` or 3 MB at the most. */
  last(limit: number): Promise<readonly Uint8Array[]>
}
