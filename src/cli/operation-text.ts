import { type Completion, CompletionOutcome, type Operation, OperationState } from '../../gen/deed/v1/operation.ts'
import { statusLine, statusLines } from '../errors/status-details.ts'
import { dollars, enumName, moment, span } from './format.ts'
import { jsonLine } from './json-line.ts'
import type { Payloads } from './operation-payload.ts'
import { table } from './table.ts'

/** An operation as a block of lines for a person. */
export function operationText(operation: Operation, payloads: Payloads, width?: number): string[] {
  const { request, requests = [], items = [], response, error } = payloads
  const { name, method, contractVersion, acceptTime, settleTime, idempotencyKey, attempts, model } = operation
  const state = enumName(OperationState, 'OPERATION_STATE_', operation.state)
  const took = acceptTime && settleTime ? `  (after ${span(settleTime.getTime() - acceptTime.getTime())})` : ''
  const facts = [
    ['method', method],
    ['contract', contractVersion],
    ['accepted', moment(acceptTime)],
    ['settled', `${moment(settleTime)}${took}`],
    ['key', idempotencyKey || '-'],
    ['attempts', String(attempts)],
    ['model', model || '-'],
    ['cost', dollars(operation.costMicroUsd)],
    ...(operation.cachedFrom === '' ? [] : [['answer of', operation.cachedFrom]]),
  ]
  return [
    `${name}  ${state}`,
    ...facts.map(([label = '', value]) => `  ${label.padEnd(9)} ${value}`),
    ...section('request', request === undefined ? [] : pretty(request)),
    ...section('requests', requests.map(jsonLine)),
    ...section('items', items.map(jsonLine)),
    // Of a stream there is nothing beside its items.
    ...section('response', response === undefined || operation.itemCount > 0 ? [] : pretty(response)),
    ...section('error', error ? [statusLine(error), ...statusLines(error).map((line) => `  ${line}`)] : []),
    ...section('completions', operation.completions.length === 0 ? [] : completionTable(operation.completions, width)),
  ]
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `${indent}${line}`)]
}

const indent = '  '

function pretty(json: unknown): string[] {
  return JSON.stringify(json, undefined, 2).split('\n')
}

function completionTable(completions: readonly Completion[], width?: number): string[] {
  return table(
    completions,
    [
      { title: '', cell: ({ attempt, sequence }) => `${attempt}.${sequence}` },
      { title: 'OUTCOME', cell: ({ outcome }) => enumName(CompletionOutcome, 'COMPLETION_OUTCOME_', outcome) },
      { title: 'MODEL', cell: ({ model }) => model, shrinks: true },
      { title: 'IN', cell: ({ inputTokens }) => String(inputTokens) },
      { title: 'OUT', cell: ({ outputTokens }) => String(outputTokens) },
      { title: 'CACHED', spare: true, cell: ({ cacheReadTokens }) => String(cacheReadTokens) },
      {
        title: 'LATENCY',
        cell: ({ latency }) => (latency ? span(Number(latency.seconds) * 1e3 + latency.nanos / 1e6) : '-'),
      },
      {
        title: 'COST',
        cell: ({ costMicroUsd, usageEstimated }) => `${usageEstimated ? '~' : ''}${dollars(costMicroUsd)}`,
      },
      { title: 'PROVIDER REQUEST', cell: ({ providerRequestId }) => providerRequestId || '-', shrinks: true },
    ],
    width === undefined ? undefined : width - indent.length,
  )
}
