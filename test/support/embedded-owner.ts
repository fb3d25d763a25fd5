// A process that has a data folder, for tests that kill it: `node embedded-owner.ts FOLDER`. It writes one line of JSON:
// {"url": …} when it has the folder, or {"error": …} and ends. It stops on SIGTERM.
import { once } from 'node:events'
import { startEmbedded } from '../../src/storage/embedded.ts'

const startTimeoutMs = 30_000
const [, , dataDir] = process.argv
if (dataDir === undefined) throw new Error('usage: embedded-owner.ts FOLDER')
const asked = once(process, 'SIGTERM')
try {
  await using embedded = await startEmbedded({
    dataDir,
    signal: AbortSignal.timeout(startTimeoutMs),
    log: (message) => process.stderr.write(`${message}\n`),
  })
  process.stdout.write(`${JSON.stringify({ url: embedded.url })}\n`)
  await asked
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`)
}
