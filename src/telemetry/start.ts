import { setTimeout as delay } from 'node:timers/promises'
import { propagation } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'

/** The OpenTelemetry SDK, when it runs. */
export type Telemetry = {
  /** Sends what is not sent yet, 5 seconds at the most. Never throws. */
  shutdown(): Promise<void>
}

const shutdownMs = 5_000

/**
 * Starts the OpenTelemetry SDK as the standard OTEL_* variables say: a signal is exported when its exporter or its endpoint is
 * set, and traces also with OTEL_EXPORTER_OTLP_ENDPOINT alone. (The SDK itself would send all three to localhost unasked.) When
 * nothing is to be exported, or with OTEL_SDK_DISABLED, the SDK is not even loaded and the result is undefined; a caller's
 * trace context is still passed on.
 *
 * `env` is the environment of this process: the SDK reads the rest from there.
 */
export async function startTelemetry(env: NodeJS.ProcessEnv): Promise<Telemetry | undefined> {
  const traces =
    isExported(env, 'TRACES') || (env['OTEL_TRACES_EXPORTER'] !== 'none' && isSet(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'))
  const metrics = isExported(env, 'METRICS')
  const logs = isExported(env, 'LOGS')
  const disabled = env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true'
  if (disabled || !(traces || metrics || logs)) {
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    return undefined
  }
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  const sdk = new NodeSDK({
    // The spans are Deed's own, through the API.
    instrumentations: [],
    // What is left out is configured by the environment.
    ...(traces ? {} : { spanProcessors: [] }),
    ...(metrics ? {} : { metricReaders: [] }),
    ...(logs ? {} : { logRecordProcessors: [] }),
    ...(namesService(env) ? {} : { serviceName: 'deed' }),
  })
  sdk.start()
  return {
    shutdown: () => Promise.race([sdk.shutdown().catch(() => {}), delay(shutdownMs, undefined, { ref: false })]),
  }
}

function isExported(env: NodeJS.ProcessEnv, signal: 'TRACES' | 'METRICS' | 'LOGS'): boolean {
  if (env[`OTEL_${signal}_EXPORTER`] === 'none') return false
  return isSet(env, `OTEL_${signal}_EXPORTER`) || isSet(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`)
}

/** The specification has an empty variable count as unset. */
function isSet(env: NodeJS.ProcessEnv, name: string): boolean {
  return (env[name] ?? '').trim() !== ''
}

function namesService(env: NodeJS.ProcessEnv): boolean {
  return isSet(env, 'OTEL_SERVICE_NAME') || /(^|,)\s*service\.name\s*=/.test(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '')
}
