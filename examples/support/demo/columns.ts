import { type Operation, OperationState } from '../../../gen/deed/v1/operation.ts'
import { dollars, enumName } from '../../../src/cli/format.ts'
import { type Column, table } from '../../../src/cli/output.ts'
import type { Money } from '../gen/acme/support/v1/order.ts'
import { Sentiment } from '../gen/acme/support/v1/thread.ts'
import { Queue, Urgency } from '../gen/acme/support/v1/ticket.ts'
import type {
  ExtractOrderResponse,
  SummarizeThreadResponse,
  TriageTicketResponse,
} from '../gen/acme/support/v1/ticket_service.ts'
import type { Score } from './score.ts'

/** One line of a method's table. */
export type Row<Res> = { input: string; response: Res; score: Score }
export type Columns<Res> = readonly Column<Row<Res>>[]

/** Columns of a terminal that a table fits. */
const width = 98

const right = {
  title: 'right',
  cell: ({ score }: { score: Score }) => `${score.right}/${score.expected}`,
}

const input = { title: 'input', cell: ({ input }: { input: string }) => input }

/** The answers, typed as the contract's generated client has them. */
export const triage: Columns<TriageTicketResponse> = [
  input,
  right,
  { title: 'queue', cell: ({ response }) => word(Queue, 'QUEUE_', response.queue) },
  { title: 'urgency', cell: ({ response }) => word(Urgency, 'URGENCY_', response.urgency) },
  { title: 'order', cell: ({ response }) => response.orderNumber ?? '-' },
  { title: 'refund', cell: ({ response }) => yesNo(response.refundRequested) },
  { title: 'due', cell: ({ response }) => day(response.dueTime) },
  { title: 'contact', cell: ({ response }) => response.contact?.value ?? '-', shrinks: true },
]

export const order: Columns<ExtractOrderResponse> = [
  input,
  right,
  { title: 'number', cell: ({ response }) => response.order?.purchaseOrderNumber ?? '-' },
  { title: 'items', cell: ({ response }) => String(response.order?.itemCount ?? '-') },
  { title: 'total', cell: ({ response }) => amount(response.order?.total) },
  { title: 'deliver', cell: ({ response }) => day(response.order?.deliveryDate) },
  { title: 'ship to', cell: ({ response }) => response.order?.shippingAddress?.city ?? '-' },
  {
    title: 'first item',
    cell: ({ response }) => {
      const [item] = response.order?.items ?? []
      return item ? `${item.quantity} x ${item.description}, ${amount(item.unitPrice)} each` : '-'
    },
    shrinks: true,
  },
]

export const thread: Columns<SummarizeThreadResponse> = [
  input,
  right,
  { title: 'messages', cell: ({ response }) => String(response.messageCount) },
  { title: 'sentiment', cell: ({ response }) => word(Sentiment, 'SENTIMENT_', response.sentiment) },
  { title: 'actions', cell: ({ response }) => String(response.actionItems.length) },
  { title: 'waiting', cell: ({ response }) => days(response.waitingTime?.seconds) },
  {
    title: 'closed',
    cell: ({ response }) => (response.outcome?.$case === 'closedTime' ? day(response.outcome.value) : '-'),
  },
  { title: 'summary', cell: ({ response }) => response.summary.replaceAll(/\s+/g, ' '), shrinks: true },
]

/** What Deed stores of a call. */
export const operation: readonly Column<Operation>[] = [
  { title: 'operation', cell: ({ name }) => name.replace('operations/', '') },
  { title: 'method', cell: ({ method }) => method.slice(method.indexOf('/') + 1) },
  { title: 'key', cell: ({ idempotencyKey }) => idempotencyKey, shrinks: true },
  { title: 'state', cell: ({ state }) => enumName(OperationState, 'OPERATION_STATE_', state).toLowerCase() },
  { title: 'asked', cell: ({ completions }) => `${completions.length}x` },
  { title: 'cost', cell: ({ costMicroUsd }) => dollars(costMicroUsd) },
]

/** A table that fits a narrow terminal, indented. */
export function fitted<T>(rows: readonly T[], columns: readonly Column<T>[]): string[] {
  return table(rows, columns, width).map((line) => `  ${line}`)
}

function word(values: Readonly<Record<string, number>>, prefix: string, value: number): string {
  const name = enumName(values, prefix, value).toLowerCase()
  return name === 'unspecified' ? '-' : name
}

function yesNo(value: boolean | undefined): string {
  return value === undefined ? '-' : value ? 'yes' : 'no'
}

function day(time: Date | undefined): string {
  return time?.toISOString().slice(0, 10) ?? '-'
}

function days(seconds: bigint | undefined): string {
  return seconds === undefined ? '-' : `${Number(seconds) / 86_400} d`
}

function amount(money: Money | undefined): string {
  return money ? `${(Number(money.minorUnits) / 100).toFixed(2)} ${money.currencyCode}` : '-'
}
