import { breakingOperations } from './breaking-operations.ts'
import { readImage } from './image.ts'
import { type Finding, inspect } from './inspect.ts'

/**
 * What breaks callers on the wire or in JSON, and a method that is no longer there, which WIRE_JSON leaves out. A service that is
 * missing breaks nobody: its contract stays as it is.
 */
const rules = ['WIRE_JSON', 'RPC_NO_DELETE']

/**
 * What in the new image breaks callers of the old one; both are FileDescriptorSets as `buf build` writes them. Imports are not
 * compared. Throws when buf cannot be run, and with the signal's reason when that fires.
 */
export async function breakingChanges(
  old: Uint8Array,
  image: Uint8Array,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const found = await inspect({ command: 'breaking', use: rules, image, against: old, signal })
  return [...found, ...breakingOperations(readImage(old), readImage(image))]
}
