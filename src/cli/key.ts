import { ApiKey, Role } from '../../gen/deed/v1/api_key.ts'
import { ApiKeyServiceService as Service } from '../../gen/deed/v1/api_key_service.ts'
import type { CommandContext } from './command.ts'
import { Failure } from './failure.ts'
import { age, enumName } from './format.ts'
import { jsonLine } from './json-line.ts'
import { resourceName } from './names.ts'
import { printTable } from './output.ts'
import { ownJson } from './own-json.ts'
import { pages } from './pages.ts'

const typeName = 'deed.v1.ApiKey'
const roles = {
  admin: Role.ROLE_ADMIN,
  publisher: Role.ROLE_PUBLISHER,
  caller: Role.ROLE_CALLER,
  viewer: Role.ROLE_VIEWER,
} as const

export type KeyArguments = { role: keyof typeof roles; displayName: string }

/** `deed key create`: the secret goes to stdout, alone, so that a script can take it. */
export async function createKey({ connection, output }: CommandContext, args: KeyArguments): Promise<void> {
  const request = { role: roles[args.role], displayName: args.displayName }
  const { response } = await connection.call(Service.createApiKey, request)
  const { apiKey, secret } = response
  if (!apiKey) throw new Failure('the server did not say which key it made')
  if (output.json) {
    output.print(jsonLine({ apiKey: ownJson(typeName, ApiKey, apiKey), secret }))
    return
  }
  output.print(secret)
  output.remark(`made ${apiKey.name} (${args.role}); its secret is shown this once`)
}

/** `deed key list`: newest first, revoked ones included. */
export async function listKeys({ connection, output }: CommandContext): Promise<void> {
  const keys = pages(async (pageSize, pageToken) => {
    const { response } = await connection.call(Service.listApiKeys, { pageSize, pageToken })
    return { items: response.apiKeys, nextPageToken: response.nextPageToken }
  })
  if (output.json) {
    for await (const key of keys) output.print(jsonLine(ownJson(typeName, ApiKey, key)))
    return
  }
  printTable(output, await Array.fromAsync(keys), [
    { title: 'ROLE', cell: ({ role }) => enumName(Role, 'ROLE_', role).toLowerCase() },
    { title: 'CREATED', spare: true, cell: ({ createTime }) => age(createTime) },
    { title: 'REVOKED', cell: ({ revokeTime }) => age(revokeTime) },
    { title: 'NAME', cell: ({ displayName }) => displayName, shrinks: true },
    { title: 'KEY', cell: ({ name }) => name.replace('apiKeys/', '') },
  ])
}

/** `deed key revoke` */
export async function revokeKey({ connection, output }: CommandContext, id: string): Promise<void> {
  const name = resourceName('apiKeys', id)
  const { response } = await connection.call(Service.revokeApiKey, { name })
  output.print(
    output.json ? jsonLine(ownJson(typeName, ApiKey, response.apiKey ?? ApiKey.create())) : `revoked ${name}`,
  )
}
