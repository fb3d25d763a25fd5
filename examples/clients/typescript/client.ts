import { credentials } from '@grpc/grpc-js'
import { callUnary, type Reply } from './call.ts'
import { MailServiceClient, type ReadMailResponse, Wish } from './gen/shop/v1/mail.ts'
import { Refusal } from './refusal.ts'
import { channelRetries, reconnects, withRetries } from './retry.ts'
import { readSettings, type Settings, UsageError } from './settings.ts'

// Has a mail read. Exit codes: 0 answered, 1 refused or failed, 2 wrong usage.

process.exitCode = await main()

async function main(): Promise<0 | 1 | 2> {
  try {
    const settings = await readSettings()
    return await readMail(settings)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return error instanceof UsageError ? 2 : 1
  }
}

/** Makes the call and prints what came of it. */
async function readMail(settings: Settings): Promise<0 | 1> {
  const options = settings.channelRetries ? { ...reconnects, ...channelRetries } : reconnects
  const client = new MailServiceClient(settings.address, credentials.createInsecure(), options)
  // One deadline for all attempts: it bounds the wait, whatever happens.
  const deadline = Date.now() + settings.deadlineMs
  const attempt = () => callUnary(client.readMail.bind(client), { text: settings.text }, { ...settings, deadline })
  try {
    printAnswer(settings.channelRetries ? await attempt() : await withRetries(attempt, deadline, console.error))
    return 0
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    printRefusal(error, settings.key)
    return 1
  } finally {
    client.close()
  }
}

function printAnswer({ response, trailers }: Reply<ReadMailResponse>): void {
  const trailer = (name: string) => trailers.get(name)[0]?.toString()
  console.log(`wish: ${wishName(response.wish)}`)
  console.log(`order number: ${response.orderNumber ?? 'none'}`)
  console.log(`operation: ${trailer('deed-operation')}`)
  console.log(`contract version: ${trailer('deed-contract-version')}`)
  console.log(`model: ${trailer('deed-model')}`)
  console.log(`replayed: ${trailer('deed-replayed') ?? 'false'}`)
}

/** A later version of the contract may have values that this client does not know. */
function wishName(wish: number): string {
  return Object.entries(Wish).find(([, value]) => value === wish)?.[0] ?? String(wish)
}

function printRefusal(refusal: Refusal, key: string): void {
  console.error(`${refusal.title}: ${refusal.message}`)
  for (const line of refusal.violations) console.error(`  ${line}`)
  if (refusal.retryDelayMs !== undefined) console.error(`  may be sent again after ${refusal.retryDelayMs} ms`)
  if (refusal.mayGoOn)
    console.error(`  if it was accepted, it goes on: the same call with --key ${key} gets its result`)
}
