import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import type { DescMethod } from '@bufbuild/protobuf'
import { contractRoles, methodRoles, publicMethods } from '../../src/access/roles.ts'
import { ownRegistry } from '../../src/contracts/own-image.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { catalogOf } from '../support/catalog.ts'
import {
  column,
  type Document,
  plain,
  quoted,
  readDocuments,
  root,
  type Table,
  tableUnder,
} from '../support/markdown.ts'
import { testDatabase } from '../support/postgres.ts'
import { readReasons } from '../support/reasons.ts'

const roles = ['admin', 'publisher', 'caller', 'viewer'] as const
const services = [
  'deed.v1.ContractService',
  'deed.v1.OperationService',
  'deed.v1.ProjectService',
  'deed.v1.ApiKeyService',
  'deed.v1.UsageService',
  'google.longrunning.Operations',
  'grpc.health.v1.Health',
]

describe('docs/specification.md', () => {
  let specification: Document

  before(async () => {
    const found = (await readDocuments()).get('docs/specification.md')
    assert.ok(found)
    specification = found
  })

  it('has the version of the package', async () => {
    const { version } = JSON.parse(await readFile(`${root}/package.json`, 'utf8'))
    const [header] = specification.tables
    assert.deepEqual([header?.columns, header?.rows[0]?.[0]], [['version', 'date', 'status'], version])
  })

  it('has every section', () => {
    const sections = specification.passages.filter(({ under, text }) => under.length === 2 && under[1] === text)
    assert.deepEqual(
      sections.map(({ text }) => text),
      [
        'Purpose',
        'Architecture',
        'Data models',
        'API',
        'Business logic',
        'Dependencies',
        'Performance requirements',
        'Security considerations',
        'Monitoring',
        'Testing strategy',
        'Deployment',
        'Future enhancements',
        'Open questions',
        'Decisions',
        'References',
      ],
    )
  })

  it('has the schema that migrations make', async () => {
    const [sql] = specification.blocks.filter(({ info }) => info === 'sql')
    await using described = await testDatabase()
    await using migrated = await testDatabase()
    await migrate(migrated.url)
    const [said, made] = [await catalogOf(described.url, sql?.text), await catalogOf(migrated.url)]
    assert.deepEqual(said.lines, made.lines)
    assert.ok(made.lines.length > 100)
    assert.deepEqual(column(tableUnder(specification, 'Database schema'), 'function').toSorted(), made.functions)
  })

  it('says of every table what its fields are', async () => {
    await using migrated = await testDatabase()
    await migrate(migrated.url)
    const { columns } = await catalogOf(migrated.url)
    columns.delete('migration')
    const queue = ['ready', 'timer', 'lease']
    for (const [table, names] of columns) {
      if (queue.includes(table)) continue
      assert.deepEqual(column(tableUnder(specification, table), 'field'), names, table)
    }
    const all = new Set(queue.flatMap((table) => columns.get(table) ?? []))
    const said = column(tableUnder(specification, queue.join(', ')), 'field')
    assert.deepEqual(said.toSorted(), [...all].toSorted())
  })

  for (const name of services) {
    it(`has the RPCs of ${name}, with what they take and return`, () => {
      const table = tableUnder(specification, name)
      const methods = ownRegistry.getService(name)?.methods ?? []
      assert.deepEqual(
        column(table, 'RPC'),
        methods.map((method) => method.name),
      )
      for (const [index, method] of methods.entries()) {
        assert.deepEqual(fieldsIn(table, 'parameters', index), fieldsOf(method.input), method.name)
        assert.deepEqual(fieldsIn(table, 'returns', index), fieldsOf(method.output), method.name)
      }
    })
  }

  it('has all RPCs that the server has', () => {
    const own = services.flatMap((name) => ownRegistry.getService(name)?.methods ?? []).map(pathOf)
    const reflection = column(tableUnder(specification, 'grpc.reflection'), 'RPC')
    const served = [...methodRoles.keys(), ...publicMethods].map((path) => path.slice(1))
    assert.deepEqual([...own, ...reflection].toSorted(), served.toSorted())
  })

  it('names only error reasons that there are, and all of them', async () => {
    const reasons = await readReasons()
    const table = tableUnder(specification, 'Error reasons')
    assert.deepEqual(
      table.rows.map((row) => row.map(plain)),
      [...reasons],
    )
    const api = specification.passages.filter(({ under }) => under[1] === 'API' && under[2] !== 'Error reasons')
    const codes = new Set(reasons.values())
    const named = api
      .flatMap(({ text }) => quoted(text))
      .filter((word) => /^[A-Z]+(_[A-Z]+)+$|^(INTERNAL|OVERLOADED)$/.test(word))
    assert.deepEqual(
      named.filter((word) => !reasons.has(word) && !codes.has(word)),
      [],
    )
    assert.deepEqual(
      [...reasons.keys()].filter((reason) => !named.includes(reason)),
      [],
    )
  })

  it('says which role may call what', () => {
    const table = tableUnder(specification, 'Authorization')
    assert.deepEqual(table.columns, ['RPC', ...roles, 'no key'])
    const expected = [
      ...[...methodRoles].map(([path, allowed]) => [
        path.slice(1),
        ...roles.map((role) => allowed.includes(role)),
        false,
      ]),
      ['methods of contracts', ...roles.map((role) => contractRoles.includes(role)), false],
      ...[...publicMethods].map((path) => [path.slice(1), ...roles.map(() => true), true]),
    ]
    const said = table.rows.map(([rpc = '', ...cells]) => [plain(rpc), ...cells.map((cell) => cell === 'yes')])
    assert.deepEqual(said, expected)
    assert.ok(table.rows.every(([, ...cells]) => cells.every((cell) => cell === 'yes' || cell === '')))
  })

  it('has every decision with its date', async () => {
    const names = (await readdir(`${root}/docs/decisions`)).sort()
    const table = tableUnder(specification, 'Decisions')
    const said = table.rows.map(([date, decision]) => [/\(decisions\/(.*)\)/.exec(decision ?? '')?.[1], date])
    const dated = names.map(async (name) => {
      const text = await readFile(`${root}/docs/decisions/${name}`, 'utf8')
      return [name, /^Date: (\S+)$/m.exec(text)?.[1]]
    })
    assert.deepEqual(said, await Promise.all(dated))
  })
})

function fieldsIn(table: Table, title: string, row: number): string[] {
  return quoted(table.rows[row]?.[table.columns.indexOf(title)] ?? '')
}

function fieldsOf(message: DescMethod['input']): string[] {
  return message.fields.map((field) => field.name)
}

function pathOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`
}
