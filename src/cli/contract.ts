import { Contract, ContractVersion } from '../../gen/deed/v1/contract.ts'
import { ContractServiceService as Service } from '../../gen/deed/v1/contract_service.ts'
import type { CommandContext } from './command.ts'
import { misuse } from './failure.ts'
import { age } from './format.ts'
import { jsonLine } from './json-line.ts'
import { contractName, versionName, wholeContract } from './names.ts'
import { printTable } from './output.ts'
import { ownJson } from './own-json.ts'
import { pages } from './pages.ts'

/** `deed contract list`: the project's contracts, by name. */
export async function listContracts({ connection, output }: CommandContext): Promise<void> {
  const contracts = pages(async (pageSize, pageToken) => {
    const { response } = await connection.call(Service.listContracts, { pageSize, pageToken })
    return { items: response.contracts, nextPageToken: response.nextPageToken }
  })
  if (output.json) {
    for await (const contract of contracts) output.print(contractJson(contract))
    return
  }
  const rows = await Array.fromAsync(contracts)
  if (rows.length === 0) return output.remark('no contracts yet: publish one with "npx deed publish PATH"')
  printTable(output, rows, [
    { title: 'CONTRACT', cell: ({ name }) => name.replace('contracts/', ''), shrinks: true },
    { title: 'ACTIVE', cell: ({ activeVersion }) => String(activeVersion) },
    { title: 'LATEST', cell: ({ latestVersion }) => String(latestVersion) },
    { title: 'UPDATED', spare: true, cell: ({ updateTime }) => age(updateTime) },
  ])
}

/** `deed contract versions`: the versions of a contract, newest first. */
export async function listVersions({ connection, output }: CommandContext, text: string): Promise<void> {
  const parent = wholeContract(text)
  const versions = pages(async (pageSize, pageToken) => {
    const { response } = await connection.call(Service.listContractVersions, { parent, pageSize, pageToken })
    return { items: response.versions, nextPageToken: response.nextPageToken }
  })
  if (output.json) {
    for await (const each of versions) {
      output.print(jsonLine(ownJson('deed.v1.ContractVersion', ContractVersion, each)))
    }
    return
  }
  printTable(output, await Array.fromAsync(versions), [
    { title: 'VERSION', cell: (each) => String(each.version) },
    { title: 'ACTIVE', cell: ({ active }) => (active ? 'yes' : '') },
    { title: 'PUBLISHED', cell: ({ createTime }) => age(createTime) },
    { title: 'DIGEST', spare: true, cell: ({ digest }) => digest.slice(0, 12) },
    { title: 'METHODS', cell: ({ methods }) => methods.map(shortMethod).join(', '), shrinks: true },
  ])
}

/** `deed contract activate`: makes a version the one that calls are answered with. */
export async function activateVersion(context: CommandContext, text: string, version?: string): Promise<void> {
  const { connection, output } = context
  const wanted = contractName(text, version)
  if (wanted.version === undefined) {
    throw misuse('which version? give it after the name', `"npx deed contract versions ${text}" shows which there are`)
  }
  const { response } = await connection.call(Service.activateContractVersion, { name: versionName(wanted) })
  if (output.json) output.print(contractJson(response.contract ?? Contract.create()))
  else output.print(`activated ${versionName(wanted)}`)
}

/** `deed contract delete`: takes a contract out of service. */
export async function deleteContract({ connection, output }: CommandContext, text: string): Promise<void> {
  const name = wholeContract(text)
  await connection.call(Service.deleteContract, { name })
  output.print(output.json ? jsonLine({ name }) : `deleted ${name}; its operations stay`)
}

function contractJson(contract: Contract): string {
  return jsonLine(ownJson('deed.v1.Contract', Contract, contract))
}

function shortMethod({ method }: { method: string }): string {
  return method.slice(method.lastIndexOf('/') + 1)
}
