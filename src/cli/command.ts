import type { Connection, Target } from './connect.ts'
import type { Output } from './output.ts'

/** What a command that calls a server is given beside its arguments. */
export type CommandContext = { target: Target; connection: Connection; output: Output; signal: AbortSignal }
