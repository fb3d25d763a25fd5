import assert from 'node:assert/strict'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { readError } from '../src/client.ts'
import { DeedError } from '../src/errors/deed-error.ts'
import { encodeStatus } from '../src/errors/status.ts'

function serviceError(details?: Uint8Array): ServiceError {
  const metadata = new Metadata()
  if (details) metadata.set('grpc-status-details-bin', Buffer.from(details))
  return Object.assign(new Error('refused'), { code: status.INVALID_ARGUMENT, details: 'refused', metadata })
}

describe('readError', () => {
  it('reads what Deed says in an error', () => {
    const error = new DeedError(status.RESOURCE_EXHAUSTED, 'OVERLOADED', 'too much at once', { retryDelayMs: 1500 })
    assert.deepEqual(readError(serviceError(encodeStatus(error))), {
      code: 'RESOURCE_EXHAUSTED',
      reason: 'OVERLOADED',
      message: 'too much at once',
      retryAfterSeconds: 1.5,
    })
  })

  it('is undefined for what nobody explained', () => {
    assert.equal(readError(serviceError()), undefined)
  })

  it('is undefined for details that are not a status', () => {
    assert.equal(readError(serviceError(Buffer.from('<html>bad gateway</html>'))), undefined)
    assert.equal(readError(serviceError(Buffer.of(0x1a, 0x7f, 0x01))), undefined)
  })
})
