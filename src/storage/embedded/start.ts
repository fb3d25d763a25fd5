import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import { findPostmaster, launchPostmaster, type Postmaster, StartError } from './postmaster.ts'
import { configuredPort, freePort, writeSettings } from './settings.ts'

const readyTimeoutMs = 60_000
const pollMs = 50
const portTries = 5

export type StartOptions = { signal: AbortSignal; log: (message: string) => void }

/**
 * The server that runs on the cluster: adopted when there is one (a killed Deed leaves it running), else started, on the
 * port of the last time if that is free. Any number of processes may do so at once: PostgreSQL lets one start. `started`
 * says that it was this call.
 */
export async function ensurePostmaster(
  cluster: Cluster,
  { signal, log }: StartOptions,
): Promise<Postmaster & { started: boolean }> {
  const until = performance.now() + readyTimeoutMs
  for (let portsTaken = 0; ; ) {
    signal.throwIfAborted()
    const found = await findPostmaster(cluster)
    if (found?.ready) return { ...found, started: false }
    if (!found) {
      try {
        await writeSettings(cluster, await freePort(await configuredPort(cluster.dir)))
        const launched = await launchPostmaster(cluster, readyTimeoutMs, log, signal)
        return { ...launched, started: true }
      } catch (error) {
        if (!(error instanceof StartError)) throw error
        if (error.portTaken && ++portsTaken < portTries) continue
        // Another process was faster, or backends of a killed server still leave: look again.
        if (!error.inUse) throw error
      }
    }
    if (performance.now() > until) {
      throw new Error(`PostgreSQL on ${cluster.dir} is not ready after ${readyTimeoutMs / 1000} s (${cluster.logFile})`)
    }
    await sleep(pollMs, undefined, { signal })
  }
}
