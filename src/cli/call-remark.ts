import type { Metadata } from '@grpc/grpc-js'
import { jsonLine } from './json-line.ts'
import type { Output } from './output.ts'

/** What the server says about its answer, in its trailers and of a stream in its headers: where it is stored, and what made it. */
export function remarkOn(metadata: readonly Metadata[], output: Output): void {
  const names = ['operation', 'contract-version', 'model', 'replayed', 'cached-from']
  const [operation, version, model, replayed, cachedFrom] = names.map((name) =>
    metadata
      .flatMap((each) => each.get(`deed-${name}`))
      .map(String)
      .at(0),
  )
  const isReplay = replayed === 'true'
  if (output.json) {
    output.remark(jsonLine({ operation, contractVersion: version, model, replayed: isReplay, cachedFrom }))
    return
  }
  const parts = [
    operation,
    version && `version ${version.slice(version.lastIndexOf('/') + 1)}`,
    model,
    isReplay && 'replayed',
    cachedFrom !== undefined && `the answer of ${cachedFrom}`,
  ].filter(Boolean)
  if (parts.length > 0) output.remark(parts.join(' · '))
}
