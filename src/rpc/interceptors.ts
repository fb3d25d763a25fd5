import { status } from '@grpc/grpc-js'
import { isSpanContextValid, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Logger } from 'pino'
import type { Authenticator } from '../access/authenticate.ts'
import { authorize, contractRoles, methodRoles } from '../access/roles.ts'
import { DeedError } from '../errors/deed-error.ts'
import { type DuplexCall, type IncomingCall, metadataValue, type UnaryCall } from './call.ts'
import { toWireError } from './errors.ts'

/** Bytes of a request message. Below grpc-js's own limit, so that Deed can say what is wrong. */
export const maxRequestBytes = 4 * 1024 * 1024

/** Answers a call of one shape. */
type Handler<C extends IncomingCall, R> = (call: C) => Promise<R>
/** Wraps a handler of any shape; it may throw, or go on. */
export type Interceptor = <C extends UnaryCall | DuplexCall, R>(next: Handler<C, R>) => Handler<C, R>
export type InterceptorName = 'trace' | 'status' | 'authenticate' | 'authorize' | 'size'

const tracer = trace.getTracer('deed')

/**
 * What every call passes, outermost first; a stream stays within all of them until it is over:
 *
 * 1. `trace`: a server span in the caller's trace, whatever happens further in
 * 2. `status`: what is thrown becomes a google.rpc.Status
 * 3. `authenticate`: who calls
 * 4. `authorize`: may they
 * 5. `size`: a request of a known caller that is too large is explained; of several, each when it is read
 */
export function interceptors(log: Logger, authenticator: Authenticator): ReadonlyMap<InterceptorName, Interceptor> {
  return new Map<InterceptorName, Interceptor>([
    ['trace', traceCall],
    ['status', statusOf(log)],
    ['authenticate', authenticate(authenticator)],
    ['authorize', authorizeCall],
    ['size', limitSize],
  ])
}

/** The handler behind all interceptors, composed once. */
export function intercept<C extends UnaryCall | DuplexCall, R>(
  chain: Iterable<Interceptor>,
  handler: Handler<C, R>,
): Handler<C, R> {
  return [...chain].reduceRight((next, interceptor) => interceptor(next), handler)
}

const carrier = {
  keys: (call: IncomingCall) => Object.keys(call.metadata.getMap()),
  get: (call: IncomingCall, key: string) => metadataValue(call.metadata, key),
}

const traceCall: Interceptor = (next) => async (call) => {
  const parent = propagation.extract(call.context, call, carrier)
  const [, service = '', method = ''] = call.path.split('/')
  const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': `${service}/${method}` }
  const span = tracer.startSpan(call.path.slice(1), { kind: SpanKind.SERVER, attributes }, parent)
  // Without an SDK and without a caller's trace there is nothing to hand on.
  call.context = isSpanContextValid(span.spanContext()) ? trace.setSpan(parent, span) : parent
  try {
    const reply = await next(call)
    span.setAttribute('rpc.response.status_code', 'OK')
    return reply
  } catch (error) {
    const code = codeOf(error)
    span.setAttribute('rpc.response.status_code', status[code] ?? String(code))
    if (serverFaults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

/** The codes that the semantic conventions of gRPC count as errors of the server. */
const serverFaults = new Set<status>([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
])

function codeOf(error: unknown): status {
  return error instanceof Object && 'code' in error && typeof error.code === 'number' ? error.code : status.INTERNAL
}

function statusOf(log: Logger): Interceptor {
  return (next) => async (call) => {
    try {
      return await next(call)
    } catch (error) {
      // Whatever broke off behind it did so because the caller left, or because a drain ended it.
      if (call.signal.aborted) throw toWireError(call.signal.reason, log)
      const span = trace.getSpanContext(call.context)
      const ids = span ? { trace_id: span.traceId, span_id: span.spanId } : {}
      throw toWireError(error, log.child({ method: call.path.slice(1), ...ids }))
    }
  }
}

function authenticate(authenticator: Authenticator): Interceptor {
  return (next) => async (call) => {
    call.principal = await authenticator.authenticate(metadataValue(call.metadata, 'authorization'))
    return next(call)
  }
}

const authorizeCall: Interceptor = (next) => (call) => {
  // Neither can be published.
  const own = /^\/(?:deed|google)\./.test(call.path)
  authorize(principalOf(call), call.path, own ? (methodRoles.get(call.path) ?? []) : contractRoles)
  return next(call)
}

const limitSize: Interceptor = (next) => (call) => {
  if ('request' in call) {
    requireSize(call.request)
    return next(call)
  }
  return next({ ...call, requests: limited(call.requests) })
}

async function* limited(requests: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const request of requests) {
    requireSize(request)
    yield request
  }
}

function requireSize({ byteLength: size }: Buffer): void {
  if (size > maxRequestBytes) throw requestTooLarge('the request', size)
}

/** REQUEST_TOO_LARGE for one request, or for all that a call brings. */
export function requestTooLarge(what: string, size: number): DeedError {
  const message = `${what} has ${size} bytes; ${maxRequestBytes} is the most`
  return new DeedError(status.RESOURCE_EXHAUSTED, 'REQUEST_TOO_LARGE', message, {
    metadata: { size_bytes: String(size), limit_bytes: String(maxRequestBytes) },
    quotas: [{ subject: 'request', description: `bytes of a request message: ${maxRequestBytes} at the most` }],
  })
}

/** The principal, behind `authenticate`. */
export function principalOf(call: IncomingCall): NonNullable<UnaryCall['principal']> {
  if (!call.principal) throw new Error(`${call.path} was reached without authentication`)
  return call.principal
}
