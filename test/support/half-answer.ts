import { createServer } from 'node:http'

/** A vendor of the Messages API that begins each answer, says what it read, and then goes silent. */
export type HalfAnswer = {
  /** The value for ANTHROPIC_BASE_URL. */
  url: string
  [Symbol.asyncDispose](): Promise<void>
}

/** `text`: what it writes of each answer. It tells of 100 tokens read, 30 of them from the cache, and of one written. */
export async function halfAnswer(text: string): Promise<HalfAnswer> {
  let begun = 0
  const usage = { input_tokens: 70, output_tokens: 1, cache_read_input_tokens: 30, cache_creation_input_tokens: 0 }
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      begun++
      response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${begun}` })
      const send = (type: string, data: object) =>
        response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
      const message = { id: `msg_${begun}`, type: 'message', role: 'assistant', model: 'claude', content: [] }
      send('message_start', { message: { ...message, stop_reason: null, stop_sequence: null, usage } })
      send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
      send('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
