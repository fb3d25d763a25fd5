import { acceptFunction } from './accept.ts'
import { appendLedgerFunction } from './append-ledger.ts'
import { cachedAnswerFunction } from './cached-answers.ts'
import { cancelFunction } from './cancel.ts'
import { candidatesFunction, claimFunction } from './claim.ts'
import { deleteFunction } from './delete.ts'
import { giveBackFunction } from './give-back.ts'
import { giveUpFunction } from './give-up.ts'
import { countItemsFunction, lastItemsFunction, readItemsFunction } from './items.ts'
import { lostLeasesFunction } from './lost-leases.ts'
import { takeModelFunction } from './model-limits.ts'
import { partitionsFunction } from './partitions.ts'
import { promoteFunction } from './promote.ts'
import { putItemsFunction } from './put-items.ts'
import { reapFunction } from './reap.ts'
import { resultsFunction } from './results.ts'
import { retryFunction } from './retry.ts'
import { rollUpFunction } from './roll-up.ts'
import { settleFunction } from './settle.ts'

/**
 * The statements that are functions in the database, so that a connection parses them once. They are installed after the
 * migrations, by `create or replace`. One whose parameters change is an overload beside the one that older replicas still
 * call during an upgrade; one whose result changes needs a new name, and so does one of which an older release, that installs its own
 * when one of its replicas is started again, would do too little.
 */
export const functions: readonly string[] = [
  partitionsFunction,
  acceptFunction,
  candidatesFunction,
  claimFunction,
  settleFunction,
  resultsFunction,
  retryFunction,
  giveBackFunction,
  appendLedgerFunction,
  reapFunction,
  promoteFunction,
  giveUpFunction,
  cancelFunction,
  deleteFunction,
  lostLeasesFunction,
  takeModelFunction,
  cachedAnswerFunction,
  rollUpFunction,
  putItemsFunction,
  readItemsFunction,
  lastItemsFunction,
  countItemsFunction,
]
