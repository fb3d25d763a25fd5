import type { Operations } from '../../operations/operations.ts'
import type { Submitter } from '../submit/submitter.ts'

/** What the shapes of calls are answered with. */
export type ShapeParts = { operations: Operations; submitter: Submitter }
