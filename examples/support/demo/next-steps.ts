const address = '127.0.0.1:50051'
const headers = '-H "$AUTH"'
const service = 'acme.support.v1.TicketService'

/** What to do next, with the server that `npm start` runs: the demo's own stops. */
export const nextSteps: readonly string[] = [
  'This server stops now, and its data is removed. To go on, run "npm start", and in another terminal:',
  '',
  '  npx deed publish examples/support',
  '  npx deed operation list',
  '',
  'or any gRPC client, for instance grpcurl, since Deed serves reflection:',
  '',
  '  AUTH="authorization: Bearer $(cat .deed/admin.key)"',
  `  grpcurl -plaintext ${headers} ${address} list`,
  `  grpcurl -plaintext ${headers} ${address} describe ${service}`,
  `  grpcurl -plaintext ${headers} -H 'idempotency-key: mine-1' \\`,
  "    -d '{" + '"subject": "Charged twice", "body": "Please refund the second payment of order 48213.",',
  `      "channel": "CHANNEL_EMAIL", "receivedTime": "2026-03-09T08:14:00Z"}' \\`,
  `    ${address} ${service}/TriageTicket`,
  `  grpcurl -plaintext ${headers} ${address} deed.v1.OperationService/ListOperations`,
]
