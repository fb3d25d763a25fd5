import { annotationFaults } from './checks/annotations.ts'
import { exampleFaults } from './checks/examples.ts'
import { longRunningFaults } from './checks/long-running.ts'
import { optionFaults } from './checks/options.ts'
import { ruleFaults } from './checks/rules.ts'
import { serviceFaults } from './checks/services.ts'
import { typeFaults } from './checks/types.ts'
import type { Fault } from './fault.ts'
import type { Image } from './image.ts'

/**
 * Everything that keeps an image from being published; empty when nothing does. Runs buf on it (0.2 s). Throws when buf cannot
 * be run, and with the signal's reason when that fires.
 */
export async function checkImage(image: Image, signal: AbortSignal): Promise<Fault[]> {
  const faults = [serviceFaults, longRunningFaults, typeFaults, optionFaults, annotationFaults].flatMap((check) =>
    check(image),
  )
  // Compiling the rules of an image with altered or endless types would blame Deed's parts for what is wrong with those.
  faults.push(...(await ruleFaults(image, signal)))
  // Examples are held to types and rules, which have to be right for that.
  return faults.length > 0 ? faults : exampleFaults(image)
}
