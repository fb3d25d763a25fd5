import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { TicketServiceClient } from './gen/bench/v1/ticket_service.ts'
import type { Failed, Job, Second, Warm } from './load-run.ts'
import { openLoop } from './open-loop.ts'
import { percentile } from './statistics.ts'
import { request, response } from './ticket.ts'

// The callers of `bench -- load`, in a process of their own: started by load-run.ts, which sends the job and gets a message
// each second and one at the end. Every second call has an idempotency key.

/** Where gRPC has no code. */
const wrongAnswer = 255

process.once('disconnect', () => process.exit(0))
const [received] = await once(process, 'message')
const job: Job = received
const client = new TicketServiceClient(job.address, credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 })

let second = { answered: 0, failed: 0, latencies: [] as number[] }
let open = 0
const codesSeen = new Set<number>()
const timer = setInterval(() => {
  const { answered, failed, latencies } = second
  const p95Ms = percentile(Float64Array.from(latencies).sort(), 0.95)
  process.send?.({ kind: 'second', answered, failed, open, p95Ms } satisfies Second)
  second = { answered: 0, failed: 0, latencies: [] }
}, 1_000)

const outcomes = await openLoop(job, make, new AbortController().signal)
clearInterval(timer)
client.close()
process.send?.({ kind: 'end', ...outcomes }, () => process.disconnect?.())

async function make(index: number, due: number): Promise<number> {
  if (index === job.warmUpCalls) process.send?.({ kind: 'warm' } satisfies Warm)
  open++
  const code = await call(index % 2 === 0, performance.timeOrigin + due + job.timeoutMs)
  open--
  if (code === status.OK) second.answered++
  else second.failed++
  second.latencies.push(performance.now() - due)
  return code
}

function call(withKey: boolean, deadline: number): Promise<number> {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${job.key}`)
  if (withKey) metadata.set('idempotency-key', randomUUID())
  return new Promise((resolve) => {
    client.triageTicket(request, metadata, { deadline }, (error, answer) => {
      if (error) {
        tell(error)
        resolve(error.code)
      } else resolve(answer.summary === response.summary ? status.OK : wrongAnswer)
    })
  })
}

/** What the first of its kind says. */
function tell({ code, details }: ServiceError): void {
  if (codesSeen.has(code)) return
  codesSeen.add(code)
  process.send?.({ kind: 'failed', code: status[code] ?? String(code), details } satisfies Failed)
}
