import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { DeedError } from '../../src/errors/deed-error.ts'
import { createLog } from '../../src/telemetry/log.ts'

describe('the log', () => {
  /** What is logged, as it is read back. */
  function logged(write: (log: ReturnType<typeof createLog>) => void) {
    const lines: string[] = []
    write(createLog('info', { write: (line) => lines.push(line) }))
    return lines.map((line) => JSON.parse(line))
  }

  it('writes JSON with time and level, from its level on', () => {
    const [line, ...more] = logged((log) => {
      log.debug('too fine')
      log.warn({ operation: 'operations/1' }, 'slow')
    })
    assert.deepEqual(more, [])
    assert.equal(line.level, 'warn')
    assert.equal(line.msg, 'slow')
    assert.equal(line.operation, 'operations/1')
    assert.equal(new Date(line.time).toISOString(), line.time)
  })

  it('tells what an error is, and its causes, without what libraries add', () => {
    const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (a)=(PAYLOAD) exists' })
    const [line] = logged((log) => log.error({ err: new TypeError('no', { cause }) }, 'failed'))
    assert.equal(line.err.type, 'TypeError')
    assert.equal(line.err.message, 'no')
    assert.match(line.err.stack, /log\.test\.ts/)
    assert.equal(line.err.cause.code, '23505')
    assert.ok(!JSON.stringify(line).includes('PAYLOAD'))
  })

  it('tells all that went wrong in an AggregateError, but not for ever', () => {
    const err = new AggregateError([new Error('v4'), new Error('v6')])
    err.errors.push(err)
    const [line] = logged((log) => log.error({ err }))
    assert.deepEqual([line.err.errors[0].message, line.err.errors[1].message], ['v4', 'v6'])
  })

  it('leaves out the violations of a DeedError, and its stack', () => {
    const fieldViolations = [{ field: 'name', description: 'is not PAYLOAD' }]
    const err = new DeedError(status.INVALID_ARGUMENT, 'REQUEST_INVALID', 'refused', { fieldViolations })
    const [line] = logged((log) => log.info({ err }))
    assert.deepEqual(line.err, { type: 'DeedError', message: 'refused', code: 3, reason: 'REQUEST_INVALID' })
  })

  it('tells only the type of what is thrown and no Error', () => {
    const [text, nothing] = logged((log) => {
      log.error({ err: 'PAYLOAD' })
      log.error({ err: null })
    })
    assert.deepEqual([text.err, nothing.err], [{ type: 'string' }, { type: 'null' }])
  })

  it('keeps secrets and payloads out', () => {
    const [line] = logged((log) =>
      log.info({ authorization: 'Bearer SECRET', call: { request: 'SECRET', key: 'SECRET' }, keyId: 'k1' }),
    )
    assert.ok(!JSON.stringify(line).includes('SECRET'))
    assert.equal(line.keyId, 'k1')
  })
})
