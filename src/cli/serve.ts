import type { ServerConfig } from '../config.ts'

/** `deed serve`. Telemetry is loaded before all that it observes. */
export async function runServer(env: NodeJS.ProcessEnv, config: ServerConfig): Promise<void> {
  const { startTelemetry } = await import('../telemetry/start.ts')
  const telemetry = await startTelemetry(env)
  try {
    const { serve } = await import('../server.ts')
    await serve(config)
  } finally {
    await telemetry?.shutdown()
  }
}
