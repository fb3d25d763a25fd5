import type { ServerConfig } from '../config.ts'
import type { Output } from './output.ts'

/** `deed serve`. Telemetry is loaded before all that it observes. */
export async function runServer(env: NodeJS.ProcessEnv, config: ServerConfig, output: Output): Promise<void> {
  using progress = output.progress('starting')
  const { startTelemetry } = await import('../telemetry/start.ts')
  const telemetry = await startTelemetry(env)
  try {
    const { serve } = await import('../server.ts')
    await serve(config, () => progress[Symbol.dispose]())
  } finally {
    await telemetry?.shutdown()
  }
}
