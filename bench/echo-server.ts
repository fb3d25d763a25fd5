import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js'
import { serveUntilTold } from './ready.ts'

// The ceiling: grpc-js with a handler that does nothing. `node echo-server.ts PATH RESPONSE [MS]` answers with the bytes, in
// base64, at once or after some milliseconds.

const [, , path = '/bench.v1.TicketService/TriageTicket', answer = '', waitMs = '0'] = process.argv
const response = Buffer.from(answer, 'base64')
const same = (bytes: Buffer) => bytes
const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same }
const ms = Number(waitMs)
const handler: handleUnaryCall<Buffer, Buffer> = (_, callback) => {
  if (ms > 0) setTimeout(callback, ms, null, response)
  else callback(null, response)
}

const server = new Server()
server.addService({ echo: { path, requestStream: false, responseStream: false, ...codec } }, { echo: handler })
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
    error ? reject(error) : resolve(bound),
  )
})
await serveUntilTold({ address: `127.0.0.1:${port}` })
server.forceShutdown()
