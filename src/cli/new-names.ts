import { misuse } from './failure.ts'

/** What a new contract is called, all made from one name. */
export type NewNames = {
  /** `ticket_triage.v1` */
  package: string
  /** `ticket_triage/v1` */
  path: string
  /** `TicketTriage` */
  subject: string
  /** `TicketTriageService` */
  service: string
  /** `ticket_triage.v1.TicketTriageService/ReadTicketTriage` */
  method: string
}

/** Nobody may publish there, or the names would hide what every contract imports. */
const taken = new Set(['buf', 'deed', 'google', 'grpc'])

const hint = 'use letters, digits and -, begin with a letter: mail, ticket-triage or acme.support'

/** Reads `mail`, `ticket-triage`, `TicketTriage`, `acme.support` or `acme.support.v1`. Throws a Failure for wrong usage. */
export function newNames(name: string): NewNames {
  const parts = name.split('.').map(snakeCase)
  const version = /^v\d+$/.test(parts.at(-1) ?? '') ? parts.pop() : 'v1'
  const last = parts.at(-1)
  if (last === undefined || !parts.every((part) => /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(part))) {
    throw misuse(`${JSON.stringify(name)} makes no name of a protobuf package`, hint)
  }
  const reserved = parts.find((part) => taken.has(part))
  if (reserved !== undefined) {
    throw misuse(`${JSON.stringify(name)} makes a package with ${reserved} in it, which is not yours to use`, hint)
  }
  const full = [...parts, version].join('.')
  const subject = pascalCase(last).replace(/(?<=.)Service$/, '')
  const service = `${subject}Service`
  return {
    package: full,
    path: full.replaceAll('.', '/'),
    subject,
    service,
    method: `${full}.${service}/Read${subject}`,
  }
}

function snakeCase(part: string): string {
  return part
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
}

function pascalCase(part: string): string {
  return part.replace(/(?:^|_)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
