import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { type Build, buildImage } from '../../src/cli/build-image.ts'
import { compile, folderOf } from '../support/compile.ts'

const { signal } = new AbortController()

const money = `syntax = "proto3";
package acme.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
import "google/longrunning/operations.proto";
import "google/type/money.proto";
// What it costs.
message Price { google.type.Money money = 1 [(buf.validate.field).required = true]; }
service Prices { rpc Get(Price) returns (Price) { option (deed.v1.method).models = "local/keywords"; }
  rpc Watch(Price) returns (google.longrunning.Operation) {
    option (google.longrunning.operation_info) = { response_type: "Price" };
  }
}
`

async function buildOf(files: Record<string, string>): Promise<Build> {
  await using folder = await folderOf(files)
  const before = await readdir(folder.path, { recursive: true })
  const build = await buildImage(folder.path, signal)
  assert.deepEqual(await readdir(folder.path, { recursive: true }), before, 'nothing is written into the folder')
  return build
}

function imageOf(build: Build) {
  assert.equal(build.kind, 'image', JSON.stringify(build))
  return fromBinary(FileDescriptorSetSchema, build.bytes).file
}

async function namesOf(files: Record<string, string>): Promise<string[]> {
  return imageOf(await buildOf(files)).map(({ name }) => name)
}

async function faultsOf(files: Record<string, string>) {
  const build = await buildOf(files)
  assert.equal(build.kind, 'faults')
  const partial = build.partial && fromBinary(FileDescriptorSetSchema, build.partial).file.map(({ name }) => name)
  return { faults: build.faults.map((f) => `${f.file}:${f.line}:${f.column}: ${f.cause}`), partial }
}

describe('buildImage', () => {
  it('builds a folder without a configuration, with the common imports and the comments', async () => {
    const files = imageOf(
      await buildOf({ 'acme/v1/money.proto': money, 'node_modules/x/bad.proto': 'bad', 'README.md': '' }),
    )
    const names = files.map(({ name }) => name)
    assert.ok(names.includes('google/type/money.proto'))
    assert.ok(names.includes('deed/v1/annotations.proto'))
    assert.ok(names.includes('google/longrunning/operations.proto'))
    assert.ok(!names.includes('google/type/date.proto'), 'only what is imported')
    assert.ok(!names.some((name) => name.includes('bad')))
    const own = files.find(({ name }) => name === 'acme/v1/money.proto')
    assert.ok(own?.sourceCodeInfo?.location.some(({ leadingComments }) => leadingComments === ' What it costs.\n'))
  })

  it('follows the modules and excludes of a configuration, and needs none of its dependencies', async () => {
    const names = await namesOf({
      'buf.yaml': `version: v2
modules:
  - path: proto
    excludes: [proto/broken]
  - path: vendor
deps:
  - buf.build/googleapis/googleapis
  - buf.build/bufbuild/protovalidate
`,
      'buf.lock':
        'version: v2\ndeps:\n  - name: buf.build/googleapis/googleapis\n    commit: 61b203b9a9164be9a834f58c37be6f62\n',
      'proto/acme/v1/money.proto': `${money}import "acme/vendor.proto";\n`,
      'proto/broken/x.proto': 'broken',
      'vendor/acme/vendor.proto': 'syntax = "proto3";\npackage acme;\nmessage Vendor {}\n',
    })
    assert.ok(names.includes('acme/v1/money.proto') && names.includes('acme/vendor.proto'), names.join())
  })

  it('follows configurations of version 1', async () => {
    const files = {
      'buf.work.yaml': 'version: v1\ndirectories: [one, two]\n',
      'one/buf.yaml': 'version: v1\ndeps:\n  - buf.build/googleapis/googleapis\n',
      'one/acme/v1/money.proto': money,
      'two/acme/two.proto':
        'syntax = "proto3";\nimport "acme/v1/money.proto";\nmessage Two { acme.v1.Price price = 1; }\n',
    }
    const names = await namesOf(files)
    assert.ok(names.includes('acme/two.proto') && names.includes('acme/v1/money.proto'), names.join())
  })

  it("uses the folder's own copies of common imports, as imports", async () => {
    const copy = 'syntax = "proto3";\npackage google.type;\nmessage Money { string own = 1; }\nservice Own {}\n'
    const files = imageOf(await buildOf({ 'acme/v1/money.proto': money, 'google/type/money.proto': copy }))
    const used = files.filter(({ name }) => name === 'google/type/money.proto')
    assert.deepEqual(
      used.map(({ messageType }) => messageType[0]?.field[0]?.name),
      ['own'],
    )
    // buf marks imports in an extension of its own: ImageFileExtension (8042), is_import (1).
    assert.deepEqual(
      used[0]?.$unknown?.map(({ no, data }) => [no, ...data.subarray(1, 3)]),
      [[8042, 8, 1]],
    )
    const wellKnown =
      'syntax = "proto3";\npackage google.protobuf;\nmessage Duration { int64 seconds = 1; int32 nanos = 2; }\n'
    await namesOf({ 'acme/v1/money.proto': money, 'google/protobuf/duration.proto': wellKnown })
  })

  it('lists every fault of every file, and builds what is left', async () => {
    const { faults, partial } = await faultsOf({
      'buf.yaml': 'version: v2\nmodules:\n  - path: proto\n',
      'proto/a.proto': 'syntax = "proto3";\nmessage A { Missing one = 1; string two = 1; }\n',
      'proto/b.proto': 'syntax = "proto3";\nimport "nowhere.proto";\n',
      'proto/c.proto': 'syntax = "proto3";\nmessage C { string = 1; }\n',
      'proto/d.proto':
        'syntax = "proto3";\nimport "e.proto";\nmessage D { E e = 1; }\nservice Ds { rpc Get(D) returns (D); }\n',
      'proto/e.proto': 'syntax = "proto3";\nimport "a.proto";\nmessage E { A a = 1; }\n',
      'proto/good.proto': money,
    })
    assert.deepEqual(
      faults.map((fault) => fault.split(': ')[0]),
      ['proto/a.proto:2:13', 'proto/a.proto:2:43', 'proto/b.proto:2:1', 'proto/c.proto:2:13'],
    )
    assert.match(faults[0] ?? '', /cannot find `Missing` in this scope/)
    assert.ok(partial?.includes('good.proto'))
    assert.ok(!partial?.includes('d.proto'), 'it imports a broken file through another')
  })

  it('has no rest when every service is broken', async () => {
    const broken = 'syntax = "proto3";\nservice S { rpc Get(Nothing) returns (Nothing); }\n'
    assert.equal((await faultsOf({ 'a.proto': broken })).partial, undefined)
    assert.equal((await faultsOf({ 'a.proto': broken, 'b.proto': 'syntax = "proto3";\n' })).partial, undefined)
  })

  it('names a broken copy of a common import by its path in the folder', async () => {
    const { faults, partial } = await faultsOf({
      'buf.yaml': 'version: v2\nmodules:\n  - path: proto\n',
      'proto/google/type/money.proto': 'syntax = "proto3";\npackage google.type;\nmessage Money { None none = 1; }\n',
      'proto/a.proto': money,
      'proto/b.proto': 'syntax = "proto3";\nmessage B {}\nservice Bs { rpc Get(B) returns (B); }\n',
    })
    assert.deepEqual(
      faults.map((fault) => fault.split(':')[0]),
      ['proto/google/type/money.proto'],
    )
    assert.deepEqual(partial, ['b.proto'])
  })

  it('reads an image, binary as it is and from JSON', async () => {
    const set = await compile({ 'plain.proto': 'syntax = "proto3";\npackage p;\nmessage P {}\n' })
    const bytes = toBinary(FileDescriptorSetSchema, set)
    await using folder = await folderOf({
      'image.binpb': bytes,
      image: bytes,
      'image.json': toJsonString(FileDescriptorSetSchema, set),
    })
    for (const name of ['image.binpb', 'image']) {
      const build = await buildImage(join(folder.path, name), signal)
      assert.deepEqual(build, { kind: 'image', bytes: await readFile(join(folder.path, name)) })
    }
    const [file] = imageOf(await buildImage(join(folder.path, 'image.json'), signal))
    assert.deepEqual([file?.name, file?.messageType[0]?.name], ['plain.proto', 'P'])
  })

  it('says in one line why there is nothing to build', async () => {
    await using folder = await folderOf({
      'empty/README.md': '',
      'image.binpb': 'not an image',
      'zero.binpb': '',
      'image.json': '{"file": 1}',
      'one.proto': money,
      'config/buf.yaml': 'version: v9\n',
      'config/a.proto': money,
      'twice/buf.yaml': 'version: v2\nmodules:\n  - path: a\n  - path: b\n',
      'twice/a/x.proto': money,
      'twice/b/x.proto': money,
      'shared/google/type/money.proto': 'syntax = "proto3";\n',
    })
    for (const [name, message] of Object.entries({
      missing: /^cannot read .*missing: it is not there$/,
      empty: /empty has no \.proto file$/,
      'image.binpb': /is not an image: make one with `buf build/,
      'zero.binpb': /is not an image/,
      'image.json': /is not an image/,
      'one.proto': /is a single file: give the folder/,
      config: /^buf cannot read .*: Failure: decode buf\.yaml: unknown file version: "v9"$/,
      twice: /^buf cannot read .*: Failure: x\.proto is contained in multiple modules/,
      shared: /has no \.proto file of its own$/,
    })) {
      await assert.rejects(buildImage(join(folder.path, name), signal), { message }, name)
    }
  })

  it('stops when its signal fires', async () => {
    await using folder = await folderOf({ 'a.proto': money })
    const reason = new Error('stopped')
    await assert.rejects(buildImage(folder.path, AbortSignal.abort(reason)), reason)
  })
})
