import { Metadata, type Server, type ServerWritableStream, status } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'

type Watch = ServerWritableStream<{ service: string }, { status: string }>

/** The state of grpc.health.v1. It begins as not ready. */
export type Health = {
  addTo(server: Server): void
  /** Says whether `''`, `readiness` and the services are served. `liveness` is, always. */
  setReady(ready: boolean): void
  /** Not ready for good. Ends every open Watch, and each later one: they would keep `tryShutdown` waiting. */
  drain(): void
}

/** grpc.health.v1 for the whole server (`''` and `readiness`), for each of these services, and for the process: `liveness`. */
export function createHealth(services: readonly string[]): Health {
  const names = ['', 'readiness', ...services]
  const health = new HealthImplementation({ liveness: 'SERVING' })
  for (const name of names) health.setStatus(name, 'NOT_SERVING')
  const known = new Set([...names, 'liveness'])
  const open = new Set<Watch>()
  let state: 'ready' | 'not ready' | 'drained' = 'not ready'

  function setState(next: typeof state): void {
    if (state === next || state === 'drained') return
    state = next
    for (const name of names) health.setStatus(name, state === 'ready' ? 'SERVING' : 'NOT_SERVING')
  }

  function end(call: Watch): void {
    call.emit('error', {
      code: status.UNAVAILABLE,
      details: 'the server is shutting down',
      metadata: new Metadata(),
    })
  }

  return {
    addTo(server) {
      health.addToServer({
        addService(definition, { watch, ...others }) {
          if (!watch) throw new Error('grpc-health-check has no watch')
          server.addService(definition, {
            ...others,
            watch(call: Watch) {
              if (state === 'drained') {
                end(call)
                return
              }
              open.add(call)
              call.once('close', () => open.delete(call))
              // The implementation remembers every name that was ever watched, and anyone may watch.
              if (known.has(call.request.service)) Reflect.apply(watch, others, [call])
              else call.write({ status: 'SERVICE_UNKNOWN' })
            },
          })
        },
      })
    },
    setReady(ready) {
      setState(ready ? 'ready' : 'not ready')
    },
    drain() {
      setState('drained')
      for (const call of open) end(call)
      open.clear()
    },
  }
}
