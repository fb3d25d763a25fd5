/** JSON in one line. 64-bit integers become strings, as in protobuf's JSON mapping. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}
