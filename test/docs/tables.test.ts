import assert from 'node:assert/strict'
import { create, createFileRegistry, ScalarType } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { readClientConfig, readServerConfig, readStorageConfig } from '../../src/config.ts'
import { parseAnswer } from '../../src/contracts/codec.ts'
import { loadContracts } from '../../src/contracts/method.ts'
import { ownRegistry } from '../../src/contracts/own-image.ts'
import { policyOf } from '../../src/contracts/policy.ts'
import { type JsonSchema, responseSchema } from '../../src/models/schema.ts'
import { rulesOf } from '../../src/models/schema-text.ts'
import { compile } from '../support/compile.ts'
import { column, type Document, plain, readDocuments, tableUnder } from '../support/markdown.ts'
import { readReasons } from '../support/reasons.ts'

describe('the tables of the guides', () => {
  let documents: Map<string, Document>

  before(async () => {
    documents = await readDocuments()
  })

  it('have every error reason with its code, and what to do about it', async () => {
    const { columns, rows } = tableUnder(documents.get('docs/calling.md'), 'Errors')
    assert.deepEqual(columns, ['reason', 'code', 'when', 'what to do', 'retry'])
    assert.deepEqual(
      rows.map((row) => row.slice(0, 2).map(plain)),
      [...(await readReasons())],
    )
    for (const row of rows) assert.ok(row.every((cell) => cell !== '') && /^(yes|no)\b/.test(row[4] ?? ''), row.join())
  })

  it('have every setting, with its default and its bounds', () => {
    const running = documents.get('docs/running.md')
    const server = tableUnder(running, 'Settings', 'server')
    const commands = tableUnder(running, 'Settings', 'commands')
    const all = tableUnder(documents.get('docs/specification.md'), 'Settings')
    const read = { server: settingsOf(readServerConfig), commands: settingsOf(readClientConfig) }
    assert.deepEqual(column(server, 'server').toSorted(), read.server)
    const onlyCommands = read.commands.filter((name) => !read.server.includes(name))
    assert.deepEqual(column(commands, 'commands').toSorted(), onlyCommands)

    const defaults = new Map(
      [...server.rows, ...commands.rows].map(([name = '', value = '']) => [plain(name), plain(value)]),
    )
    assert.deepEqual(column(all, 'setting'), [...defaults.keys()])
    for (const [name = '', value, by] of all.rows) {
      const readers = [read.server, read.commands].map((names) => names.includes(plain(name)))
      assert.equal(by, ['server', 'commands'].filter((_, index) => readers[index]).join(', '), name)
      if (name !== '`DEED_MODEL`') assert.equal(plain(value ?? ''), defaults.get(plain(name)), name)
    }

    const config = readServerConfig({})
    assert.deepEqual(
      [
        'DEED_DATA_DIR',
        'DEED_HOST',
        'DEED_PORT',
        'DEED_DRAIN_SECONDS',
        'DEED_DATABASE_CONNECTIONS',
        'DEED_RETENTION_DAYS',
        'DEED_LOG_LEVEL',
      ].map((name) => defaults.get(name)),
      [
        config.dataDir,
        config.host,
        config.port,
        config.drainMs / 1000,
        config.databaseConnections,
        config.retentionDays,
        config.logLevel,
      ].map(String),
    )
    const bounded = server.rows.filter((row) => / to /.test(row[2] ?? ''))
    assert.equal(bounded.length, 4)
    for (const [name = '', , values = ''] of bounded) {
      const [low = 0, high = 0] = values.split(' to ').map(Number)
      for (const value of [low, high]) readServerConfig({ [plain(name)]: String(value) })
      for (const value of [low - 1, high + 1]) assert.throws(() => readServerConfig({ [plain(name)]: String(value) }))
    }
    for (const level of column(server, 'values').at(-1)?.split(', ') ?? []) {
      assert.equal(readServerConfig({ DEED_LOG_LEVEL: plain(level) }).logLevel, plain(level))
    }
  })

  it('say which model is the default', () => {
    const text =
      documents
        .get('docs/running.md')
        ?.passages.map((passage) => passage.text)
        .join('\n') ?? ''
    const claude = readServerConfig({ ANTHROPIC_API_KEY: 'x' }).model
    assert.ok(text.includes(`\`${claude}\` when \`ANTHROPIC_API_KEY\` is set, else \`${readServerConfig({}).model}\``))
    assert.throws(() => readServerConfig({ DATABASE_URL: 'postgresql://h/d' }), /no model/)
  })

  it('have every option of a contract, with its default and its bounds', () => {
    const table = tableUnder(documents.get('docs/contracts.md'), 'Options')
    const fields = ownRegistry.getMessage('deed.v1.Policy')?.fields ?? []
    assert.deepEqual(
      column(table, 'option'),
      fields.map(({ name }) => name),
    )
    const [method] = ownRegistry.getService('deed.v1.ContractService')?.methods ?? []
    assert.ok(method)
    const policy = policyOf(method)
    assert.deepEqual(column(table, 'default'), [
      policy.instructions,
      "the server's model",
      `${policy.timeoutMs / 1000} s`,
      `${policy.attemptTimeoutMs / 1000} s`,
      String(policy.maxFailures),
      String(policy.maxRepairs),
      String(policy.maxOutputTokens),
      'as long as `timeout`',
      'PRIORITY_NORMAL',
      "the model's own",
      'no cache',
      '',
    ])
    assert.deepEqual([policy.queueTimeoutMs, policy.priority], [undefined, 2])
    assert.deepEqual([policy.effort, policy.cacheTtlMs], [undefined, undefined])
    for (const { name, enum: type } of fields) {
      if (!type) continue
      const bounds = column(table, 'bounds')[column(table, 'option').indexOf(name)]
      assert.deepEqual(
        bounds?.match(/[A-Z]+_\w+/g),
        type.values.slice(1).map((value) => value.name),
      )
    }
    for (const [index, field] of fields.entries()) {
      const said = (column(table, 'bounds')[index]?.match(/\d+/g) ?? []).map(Number)
      assert.deepEqual(said, boundsOf(field), field.name)
    }
    const guidance = ownRegistry.getMessage('deed.v1.FieldGuidance')?.fields.map(boundsOf) ?? []
    const text = documents
      .get('docs/contracts.md')
      ?.passages.find((one) => one.text.startsWith('`(deed.v1.field)'))?.text
    assert.deepEqual(guidance, [[8192]])
    assert.match(text ?? '', /up to 8192 characters/)
  })

  it('have for every kind of field its JSON and its schema', async () => {
    const table = tableUnder(documents.get('docs/contracts.md'), 'Fields')
    const [kinds, examples, schemas] = ['field', 'JSON', 'in the schema'].map((title) => column(table, title))
    const fields = kinds?.map((kind, index) => `${kind} f${index} = ${index + 1};`) ?? []
    const set = await compile({
      'docs/kinds.proto': `syntax = "proto3"; package docs.kinds.v1;
        ${['duration', 'field_mask', 'struct', 'timestamp', 'wrappers'].map((name) => `import "google/protobuf/${name}.proto";`).join('')}
        service Kinds { rpc Fill(Part) returns (Whole); }
        message Part { string name = 1; }
        enum Kind { KIND_UNSPECIFIED = 0; KIND_SMALL = 1; }
        message Whole { ${fields.join('\n')} }`,
    })
    const registry = createFileRegistry(create(FileDescriptorSetSchema, set))
    const service = registry.getService('docs.kinds.v1.Kinds')
    assert.ok(service)
    const [contract] = loadContracts({ set, registry, services: [service] }, () => 1)
    const method = contract?.methods.get('Fill')
    assert.ok(method)
    for (const [index, kind] of (kinds ?? []).entries()) {
      const schema: JsonSchema | undefined = responseSchema(method).properties?.[`f${index}`]
      assert.equal(schemas?.[index]?.match(/^\w+/)?.[0], schema?.type, kind)
      // As protobuf's mapping has it, which a model may answer in too.
      const answer = parseAnswer(method, `{"f${index}": ${examples?.[index]}}`)
      assert.equal(answer.kind, 'valid', `${kind}: ${JSON.stringify(answer.kind === 'invalid' && answer.violations)}`)
    }
    const types = new Set(method.output.fields.map((field) => field.message?.typeName ?? field.fieldKind))
    for (const name of ['Timestamp', 'Duration', 'FieldMask', 'Struct', 'Value', 'ListValue']) {
      assert.ok(types.has(`google.protobuf.${name}`), name)
    }
    const scalars = new Set(method.output.fields.map((field) => field.scalar))
    const text = JSON.stringify(table.rows)
    for (const [name, scalar] of Object.entries(ScalarType)) {
      if (typeof scalar === 'number') assert.ok(scalars.has(scalar) || text.includes(name.toLowerCase()), name)
    }
  })
})

/** Every variable that a reader asks for. */
function settingsOf(read: typeof readServerConfig | typeof readClientConfig): string[] {
  const names = new Set<string>()
  // Some are asked for only when another is set; what one that is wrong says is of no interest here.
  for (const set of [{}, { ANTHROPIC_API_KEY: 'x' }, { OPENAI_API_KEY: 'x' }, { DEED_ADDRESS: 'localhost:1' }]) {
    read(
      new Proxy<NodeJS.ProcessEnv>(set, {
        get: (env, name) => {
          names.add(String(name))
          return Reflect.get(env, name)
        },
      }),
    )
  }
  readStorageConfig({})
  return [...names].sort()
}

/** The numbers in the rules of an option, the least first: 0 for what must be more than nothing or has no least. */
function boundsOf(field: Parameters<typeof rulesOf>[0]): number[] {
  const { type } = rulesOf(field) ?? { type: { case: undefined } }
  switch (type.case) {
    case 'string':
      return [Number(type.value.maxLen)]
    case 'repeated': {
      const items = type.value.items?.type
      return [Number(type.value.maxItems), ...(items?.case === 'string' ? [Number(items.value.maxLen)] : [])]
    }
    case 'duration': {
      const { lessThan } = type.value
      return [0, lessThan.case === 'lte' ? Number(lessThan.value.seconds) : 0]
    }
    case 'uint32': {
      const { greaterThan, lessThan } = type.value
      return [greaterThan.case === 'gte' ? greaterThan.value : 0, lessThan.case === 'lte' ? lessThan.value : 0]
    }
    default:
      return []
  }
}
