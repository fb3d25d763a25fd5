import { killedAtPoints, killedAtRandom, zombie } from './kills.ts'
import { diskFull, longTransaction, network, restarted, slow, terminated } from './outages.ts'
import { deaf, rivals } from './rivalry.ts'
import type { Scenario } from './scenario.ts'

/** All of them. The clocks of the replicas are an hour ahead, an hour behind, and right in every one. */
export const scenarios: readonly Scenario[] = [
  killedAtRandom,
  killedAtPoints,
  zombie,
  restarted,
  terminated,
  slow,
  diskFull,
  network,
  rivals,
  deaf,
  longTransaction,
]
