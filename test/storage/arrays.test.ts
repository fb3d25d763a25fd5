import assert from 'node:assert/strict'
import { Client } from 'pg'
import {
  byteaArray,
  dateArray,
  float8Array,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  uuidArray,
} from '../../src/storage/statements/arrays.ts'
import { testDatabase } from '../support/postgres.ts'

const uuid = '0191F0E4-9a3c-7def-8000-0123456789ab'
const cases: [type: string, array: Buffer, text: (string | null)[]][] = [
  ['uuid', uuidArray([uuid, null, uuid.toLowerCase()]), [uuid.toLowerCase(), null, uuid.toLowerCase()]],
  ['text', textArray(['', null, 'NULL', '{"a\\",}', 'žluťoučký 🐎']), ['', null, 'NULL', '{"a\\",}', 'žluťoučký 🐎']],
  ['bytea', byteaArray([Buffer.alloc(0), null, Uint8Array.of(0, 92, 34, 255)]), ['\\x', null, '\\x005c22ff']],
  ['int2', int2Array([-32768, 32767, null]), ['-32768', '32767', null]],
  ['int4', int4Array([-2147483648, 2147483647]), ['-2147483648', '2147483647']],
  ['int8', int8Array([-(2n ** 63n), null, 2n ** 63n - 1n]), ['-9223372036854775808', null, '9223372036854775807']],
  ['float8', float8Array([0.1, -1e300, Infinity]), ['0.1', '-1e+300', 'Infinity']],
  [
    'date',
    dateArray(['1999-12-31', '2000-01-01', null, '2024-02-29']),
    ['1999-12-31', '2000-01-01', null, '2024-02-29'],
  ],
  ['uuid', uuidArray([]), []],
  ['text', textArray([null]), [null]],
]

describe('array parameters', () => {
  it('arrive in PostgreSQL as they were', async () => {
    await using database = await testDatabase()
    const client = new Client({ connectionString: database.url })
    await client.connect()
    try {
      for (const [type, array, expected] of cases) {
        const text = `select array(select u.v::text from unnest($1::${type}[]) with ordinality as u(v, n) order by n) as values`
        const { rows } = await client.query<{ values: (string | null)[] }>(text, [array])
        assert.deepEqual(rows[0]?.values, expected, type)
      }
    } finally {
      await client.end()
    }
  })
})
