import assert from 'node:assert/strict'
import { toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { commentOf } from '../../src/contracts/comments.ts'
import { readImage } from '../../src/contracts/image.ts'
import { loadContracts } from '../../src/contracts/method.ts'
import { compile } from '../support/compile.ts'

const source = `
syntax = "proto3";
package acme.v1;
import "deed/v1/annotations.proto";

// Answers what is asked.
// Politely.
//
// buf:lint:ignore SERVICE_SUFFIX
service Asking {
  option (deed.v1.service) = { models: ["a/b", "c/d"], timeout: { seconds: 30 }, max_repairs: 5, instructions: "Be brief.",
    queue_timeout: { seconds: 60 }, priority: PRIORITY_BULK, effort: EFFORT_LOW };
  // Says it.
  rpc Say(Ask) returns (Ask); // Aloud.
  rpc Sing(Ask) returns (Ask) {
    option (deed.v1.method) = {
      models: "e/f", timeout: { seconds: 1, nanos: 500000000 }, attempt_timeout: { nanos: 250000000 },
      max_failures: 1, max_repairs: 0, max_output_tokens: 100, instructions: "In tune.",
      queue_timeout: { seconds: 1 }, priority: PRIORITY_INTERACTIVE, effort: EFFORT_HIGH, cache_ttl: { seconds: 60 }
    };
  }
}
service Plain { rpc Do(Ask) returns (Ask); }

// A question.
message Ask {
  string text = 1; // Its words.
  /* One of them. */
  oneof kind {
    // First.
    int32 one = 2;
  }
  // Inside.
  enum Mood {
    // None.
    MOOD_UNSPECIFIED = 0;
  }
  // Nested.
  message Part { int32 size = 1; }
}
// Colours.
enum Color { COLOR_UNSPECIFIED = 0; }
`

describe('loadContracts', () => {
  const load = async () => {
    const set = await compile({ 'acme/v1/ask.proto': source })
    return loadContracts(readImage(toBinary(FileDescriptorSetSchema, set)), (name) =>
      name === 'acme.v1.Plain' ? 7 : 3,
    )
  }

  it('makes a contract of each service, with its methods and paths', async () => {
    const contracts = await load()
    assert.deepEqual(
      contracts.map(({ name, version }) => [name, version]),
      [
        ['acme.v1.Asking', 3],
        ['acme.v1.Plain', 7],
      ],
    )
    const paths = contracts.flatMap(({ methods }) => [...methods.values()].map(({ path }) => path))
    assert.deepEqual(paths, ['/acme.v1.Asking/Say', '/acme.v1.Asking/Sing', '/acme.v1.Plain/Do'])
  })

  it('takes a policy from the method, then the service, then the defaults', async () => {
    const [asking, plain] = await load()
    assert.deepEqual(plain?.methods.get('Do')?.policy, {
      instructions: '',
      models: [],
      timeoutMs: 600_000,
      attemptTimeoutMs: 120_000,
      maxFailures: 3,
      maxRepairs: 2,
      maxOutputTokens: 8_192,
      queueTimeoutMs: undefined,
      priority: 2,
      effort: undefined,
      cacheTtlMs: undefined,
      examples: [],
    })
    assert.deepEqual(asking?.methods.get('Say')?.policy, {
      instructions: 'Be brief.',
      models: ['a/b', 'c/d'],
      timeoutMs: 30_000,
      attemptTimeoutMs: 30_000,
      maxFailures: 3,
      maxRepairs: 5,
      maxOutputTokens: 8_192,
      queueTimeoutMs: 30_000,
      priority: 3,
      effort: 'low',
      cacheTtlMs: undefined,
      examples: [],
    })
    assert.deepEqual(asking?.methods.get('Sing')?.policy, {
      instructions: 'In tune.',
      models: ['e/f'],
      timeoutMs: 1_500,
      attemptTimeoutMs: 250,
      maxFailures: 1,
      maxRepairs: 0,
      maxOutputTokens: 100,
      queueTimeoutMs: 1_000,
      priority: 1,
      effort: 'high',
      cacheTtlMs: 60_000,
      examples: [],
    })
  })

  it('instructs with the comments and the options', async () => {
    const [asking] = await load()
    assert.equal(
      asking?.methods.get('Say')?.instructions,
      'Answers what is asked.\nPolitely.\n\nSays it.\nAloud.\n\nBe brief.',
    )
  })

  it('finds the comment of every kind of element', async () => {
    const [asking] = await load()
    const ask = asking?.methods.get('Say')?.input
    const [mood] = ask?.nestedEnums ?? []
    const [color] = ask?.file.enums ?? []
    const [part] = ask?.nestedMessages ?? []
    assert.ok(ask && mood?.values[0] && color && part?.fields[0] && ask.oneofs[0])
    assert.equal(commentOf(ask), 'A question.')
    assert.deepEqual(ask.fields.map(commentOf), ['Its words.', 'First.'])
    assert.equal(commentOf(ask.oneofs[0]), 'One of them.')
    assert.equal(commentOf(mood), 'Inside.')
    assert.equal(commentOf(mood.values[0]), 'None.')
    assert.equal(commentOf(color), 'Colours.')
    assert.equal(commentOf(part), 'Nested.')
    assert.equal(commentOf(part.fields[0]), '')
  })
})
