import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'

export type Settings = {
  /** `host:port` */
  address: string
  /** The API key. */
  secret: string
  text: string
  /** The idempotency key. */
  key: string
  deadlineMs: number
  channelRetries: boolean
}

/** What is wrong with the command line or the environment, in one line. */
export class UsageError extends Error {}

const usage = 'usage: node client.ts [--key KEY] [--deadline SECONDS] [--channel-retries] TEXT'
const secretFile = '.deed/admin.key'

/** Reads the command line and the environment, where an empty variable counts as not set. */
export async function readSettings(): Promise<Settings> {
  const { values, positionals } = readArguments()
  const [text] = positionals
  if (text === undefined || positionals.length > 1) throw new UsageError(usage)
  if (!/^[\x20-\x7e]{1,255}$/.test(values.key)) {
    throw new UsageError('--key must be 1 to 255 printable ASCII characters')
  }
  const seconds = /^\d+(\.\d+)?$/.test(values.deadline) ? Number(values.deadline) : 0
  if (seconds <= 0 || seconds > 86_400) throw new UsageError('--deadline must be a number of seconds, up to a day')
  const secret = process.env['DEED_KEY'] || (await readSecret())
  if (!/^[\x21-\x7e]+$/.test(secret)) throw new UsageError('the API key must be printable ASCII characters')
  return {
    address: process.env['DEED_ADDRESS'] || '127.0.0.1:50051',
    secret,
    text,
    key: values.key,
    deadlineMs: seconds * 1000,
    channelRetries: values['channel-retries'],
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        // A key for each logical call. Where the work has a name of its own, such as the id of the mail, take that.
        key: { type: 'string', default: randomUUID() },
        deadline: { type: 'string', default: '30' },
        'channel-retries': { type: 'boolean', default: false },
      },
    })
  } catch {
    throw new UsageError(usage)
  }
}

async function readSecret(): Promise<string> {
  try {
    return (await readFile(secretFile, 'utf8')).trim()
  } catch {
    throw new UsageError(`no API key: set DEED_KEY, or run this where the server has made ${secretFile}`)
  }
}
