import assert from 'node:assert/strict'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { readImage } from '../../src/contracts/image.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { compile } from '../support/compile.ts'

const types = 'syntax = "proto3"; package acme.v1; message Ask { string text = 1; }'
const service =
  'syntax = "proto3"; package acme.v1; import "acme/v1/types.proto"; import "google/longrunning/operations.proto"; ' +
  'service AskService { rpc Say(Ask) returns (Ask); }'

function faultsOf(set: FileDescriptorSet | Uint8Array): string[] {
  try {
    readImage(set instanceof Uint8Array ? set : toBinary(FileDescriptorSetSchema, set))
  } catch (error) {
    assert.ok(error instanceof DeedError, String(error))
    assert.equal(error.reason, 'CONTRACT_INVALID')
    return (error.details.fieldViolations ?? []).map(({ description }) => description)
  }
  return []
}

function fileOf(set: FileDescriptorSet, name: string): FileDescriptorProto {
  const file = set.file.find((candidate) => candidate.name === name)
  assert.ok(file)
  return file
}

describe('readImage', () => {
  let bytes: Uint8Array
  const copy = () => fromBinary(FileDescriptorSetSchema, bytes)

  before(async () => {
    const set = await compile({ 'acme/v1/types.proto': types, 'acme/v1/ask.proto': service })
    bytes = toBinary(FileDescriptorSetSchema, set)
  })

  it('publishes the services of its own files, in any order of files', () => {
    const set = copy()
    for (const file of [set.file, set.file.toReversed()]) {
      const image = readImage(toBinary(FileDescriptorSetSchema, { ...set, file }))
      assert.deepEqual(image.services.map(String), ['service acme.v1.AskService'])
    }
  })

  it('does not publish what buf marks as an import', () => {
    const set = copy()
    const mark = new BinaryWriter().uint32(2).tag(1, 0).bool(true).finish()
    fileOf(set, 'acme/v1/ask.proto').$unknown = [{ no: 8042, wireType: 2, data: mark }]
    assert.deepEqual(readImage(toBinary(FileDescriptorSetSchema, set)).services, [])
  })

  it('refuses bytes that are no image', () => {
    assert.match(faultsOf(Uint8Array.of(1, 2, 3)).join(), /not a google.protobuf.FileDescriptorSet/)
    assert.match(faultsOf(new Uint8Array()).join(), /no file/)
    assert.match(faultsOf(new Uint8Array(4 * 1024 * 1024 + 1)).join(), /larger/)
    assert.match(
      faultsOf(create(FileDescriptorSetSchema, { file: Array(1_001).fill({ name: 'a' }) })).join(),
      /1000 files/,
    )
  })

  it('lists everything that keeps it from linking', () => {
    const set = copy()
    const ask = fileOf(set, 'acme/v1/ask.proto')
    ask.dependency.push('missing.proto')
    const method = ask.service[0]?.method[0]
    assert.ok(method)
    method.inputType = '.acme.v1.Gone'
    const message = fileOf(set, 'acme/v1/types.proto').messageType[0]
    const field = message?.field[0]
    assert.ok(message && field)
    message.field.push({ ...field, name: 'other' }, { ...field, number: 0 })
    fileOf(set, 'acme/v1/types.proto').messageType.push(message)
    assert.deepEqual(faultsOf(set).sort(), [
      'acme/v1/ask.proto: acme.v1.AskService.Say: refers to .acme.v1.Gone, which the image lacks',
      'acme/v1/ask.proto: imports missing.proto, which the image lacks',
      'acme/v1/types.proto: acme.v1.Ask.other: the number 1 is used twice',
      'acme/v1/types.proto: acme.v1.Ask.other: the number 1 is used twice',
      'acme/v1/types.proto: acme.v1.Ask.text: 0 is no field number',
      'acme/v1/types.proto: acme.v1.Ask.text: 0 is no field number',
      'acme/v1/types.proto: acme.v1.Ask.text: is declared twice',
      'acme/v1/types.proto: acme.v1.Ask.text: is declared twice',
      'acme/v1/types.proto: acme.v1.Ask: is declared twice',
    ])
  })

  it('refuses files that import each other, files given twice and unknown editions', () => {
    const cycle = copy()
    fileOf(cycle, 'acme/v1/types.proto').dependency.push('acme/v1/ask.proto')
    assert.match(faultsOf(cycle).join(), /acme\/v1\/types.proto: imports itself through other files/)
    const twice = copy()
    twice.file.push(create(FileDescriptorProtoSchema, { name: 'acme/v1/ask.proto' }))
    assert.deepEqual(faultsOf(twice), ['acme/v1/ask.proto: the file is in the image twice'])
    const syntax = copy()
    fileOf(syntax, 'acme/v1/ask.proto').syntax = 'proto9'
    assert.match(faultsOf(syntax).join(), /does not link: .*proto9/)
  })

  it('refuses every truncation without another error, and takes none for the whole', () => {
    for (let length = 1; length < bytes.length; length += 1_009) faultsOf(bytes.subarray(0, length))
  })
})
