import { OperationState } from '../../gen/deed/v1/operation.ts'
import type { State } from '../storage/statements/operation-row.ts'

/** A state as the API has it. */
export const states: Readonly<Record<State, OperationState>> = {
  READY: OperationState.OPERATION_STATE_READY,
  WAITING: OperationState.OPERATION_STATE_WAITING,
  RUNNING: OperationState.OPERATION_STATE_RUNNING,
  SUCCEEDED: OperationState.OPERATION_STATE_SUCCEEDED,
  FAILED: OperationState.OPERATION_STATE_FAILED,
  CANCELLED: OperationState.OPERATION_STATE_CANCELLED,
}

/** The same the other way; undefined for UNSPECIFIED. */
export const stateNames: ReadonlyMap<OperationState, State> = new Map(
  Object.entries(states).map(([name, state]) => [state, name as State]),
)
