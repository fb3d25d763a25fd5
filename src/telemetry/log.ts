import { type DestinationStream, destination, type Level, type Logger, pino, stdTimeFunctions } from 'pino'
import { errorForLog } from './error-for-log.ts'

/** Names of fields that hold a secret or a payload. Nothing logs them; should something, the value stays out. */
const secrets = ['authorization', 'key', 'password', 'payload', 'request', 'response', 'secret', 'token']

/**
 * The log: a line of JSON per event, with its time in ISO 8601 and its level by name. On stderr, because stdout is for what a
 * command was asked for. Errors belong in the field `err`.
 */
export function createLog(level: Level | 'silent', stream: DestinationStream = destination(2)): Logger {
  return pino(
    {
      level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorForLog },
      redact: secrets.flatMap((name) => [name, `*.${name}`]),
    },
    stream,
  )
}
