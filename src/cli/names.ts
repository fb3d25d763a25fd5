import { misuse } from './failure.ts'

/** `contracts/acme.v1.Tickets` or `acme.v1.Tickets`, with or without `/versions/3`. */
export type ContractName = {
  /** `contracts/acme.v1.Tickets` */
  name: string
  version: number | undefined
}

/** Reads a contract's name as people write it. The version may also be given apart. Throws a Failure for wrong usage. */
export function contractName(text: string, version?: string): ContractName {
  const [, service, inName] = /^(?:contracts\/)?([A-Za-z_][A-Za-z0-9_.]*)(?:\/versions\/([^/]+))?$/.exec(text) ?? []
  if (service === undefined) {
    throw misuse(
      `${JSON.stringify(text)} names no contract`,
      'write acme.support.v1.TicketService, or …/versions/3 after it',
    )
  }
  if (inName !== undefined && version !== undefined) throw misuse('the version is given twice')
  const number = inName ?? version
  if (number !== undefined && !/^[1-9]\d{0,8}$/.test(number))
    throw misuse(`${JSON.stringify(number)} is no version number`)
  return { name: `contracts/${service}`, version: number === undefined ? undefined : Number(number) }
}

/** `contracts/acme.v1.Tickets`, for commands about a contract as a whole. Throws a Failure when it has a version. */
export function wholeContract(text: string): string {
  const { name, version } = contractName(text)
  if (version !== undefined) throw misuse('give the contract without a version')
  return name
}

/** The resource name of a contract's version, or of the contract when none is given. */
export function versionName({ name, version }: ContractName): string {
  return version === undefined ? name : `${name}/versions/${version}`
}

/** Reads `acme.v1.Tickets/Triage`. Throws a Failure for wrong usage. */
export function methodName(text: string): { service: string; method: string } {
  const [, service, method] = /^\/?([A-Za-z_][A-Za-z0-9_.]*)\/([A-Za-z_][A-Za-z0-9_]*)$/.exec(text) ?? []
  if (service !== undefined && method !== undefined) return { service, method }
  throw misuse(
    `${JSON.stringify(text)} names no method`,
    'write SERVICE/METHOD: acme.support.v1.TicketService/TriageTicket',
  )
}

/** `apiKeys/ID` from itself or from the ID, and so on. */
export function resourceName(collection: 'operations' | 'apiKeys' | 'projects', text: string): string {
  return text.startsWith(`${collection}/`) ? text : `${collection}/${text}`
}

/** `operations/ID` from itself or from the ID. Throws a Failure for what can be neither. */
export function operationName(text: string): string {
  const name = resourceName('operations', text)
  if (/^operations\/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(name)) return name
  throw misuse(
    `${JSON.stringify(text)} names no operation`,
    'write operations/ID, as "npx deed operation list" shows it',
  )
}
