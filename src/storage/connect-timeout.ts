/** Milliseconds that getting a connection may take before the database counts as unreachable. */
export const connectTimeoutMs = 3_000
