import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { status } from '@grpc/grpc-js'
import { MailServiceService, ReadMailResponse, Wish } from '../../examples/clients/typescript/gen/shop/v1/mail.ts'
import { ContractServiceService } from '../../gen/deed/v1/contract_service.ts'
import { buildImage } from '../../src/cli/build-image.ts'
import { writeCommonImports } from '../../src/contracts/imports.ts'
import { DeedError } from '../../src/errors/deed-error.ts'
import { folderOf } from '../support/compile.ts'
import { freePort } from '../support/deed-process.ts'
import { fakeDeed } from '../support/fake-deed.ts'
import { gate, scripted } from '../support/scripted.ts'
import { startDeed, type TestDeed } from '../support/server.ts'

const examples = fileURLToPath(new URL('../../examples/clients', import.meta.url))
const { path } = MailServiceService.readMail
const answer = JSON.stringify({ wish: 'WISH_REFUND', orderNumber: '48213' })

/** How a client is run: what it takes to generate its code in a copy of the checkout's folder, and its command there. */
type Program = { prepare(root: string): Promise<void>; command: readonly [string, ...string[]] }
type Language = Program & { name: string; operations?: Program }

const typescript: Language = {
  name: 'TypeScript',
  prepare: async () => {},
  command: [process.execPath, join(examples, 'typescript/client.ts')],
}

describe('examples/clients', () => {
  const stack = new AsyncDisposableStack()
  let slow = gate()
  const model = scripted(async ({ turns, method }) => {
    if (JSON.stringify(turns).includes('slowly')) await slow.promise
    return method.name === 'SortMail' ? JSON.stringify({ shelf: 'SHELF_REFUNDS', orderNumber: '48213' }) : answer
  })
  let deed: TestDeed

  before(async () => {
    deed = stack.use(await startDeed(model.providers))
    for (const folder of ['proto', 'long-running']) {
      const image = await buildImage(join(examples, folder), AbortSignal.timeout(20_000))
      assert.ok(image.kind === 'image')
      const request = { image: Buffer.from(image.bytes), allowBreaking: false, validateOnly: false }
      await deed.call(ContractServiceService.publishContract, request)
    }
  })

  after(() => stack.disposeAsync())

  for (const language of [typescript, ...pythons()]) {
    describe(`the ${language.name} client`, () => {
      let root: string

      before(async () => {
        ;({ path: root } = stack.use(await folderOf({})))
        await language.prepare(root)
        slow = gate()
      })

      it('prints a typed answer and the trailers; the same for the same key, which no other request may have', async () => {
        const key = keyOf('mail-1')
        const mail = ['--key', key, 'Please refund order 48213.']
        const first = await run(mail).ended
        assert.equal(first.stderr, '')
        assert.match(
          first.stdout,
          /^wish: WISH_REFUND\norder number: 48213\noperation: operations\/[0-9a-f-]{36}\ncontract version: contracts\/shop\.v1\.MailService\/versions\/1\nmodel: test\/one\nreplayed: false\n$/,
        )
        const [second, other] = await Promise.all([run(mail).ended, run(['--key', key, 'Another mail.']).ended])
        assert.equal(second.stdout, first.stdout.replace('replayed: false', 'replayed: true'))
        assert.deepEqual([first.code, second.code, other.code], [0, 0, 1])
        assert.match(
          other.stderr,
          /^FAILED_PRECONDITION \(IDEMPOTENCY_KEY_REUSED\): .*\n {2}precondition operations\/[0-9a-f-]{36}: .*\n$/,
        )
      })

      it('says which field is wrong, and does not try again', async () => {
        assert.deepEqual(await run(['']).ended, {
          code: 1,
          stdout: '',
          stderr:
            'INVALID_ARGUMENT (REQUEST_INVALID): the shop.v1.ReadMailRequest breaks a rule of its contract\n' +
            '  field text: must be at least 1 characters\n',
        })
      })

      it('says that a key is wrong, and does not try again', async () => {
        assert.deepEqual(await run(['a mail'], { DEED_KEY: 'deed_wrong' }).ended, {
          code: 1,
          stdout: '',
          stderr: 'UNAUTHENTICATED (CREDENTIALS_INVALID): the key is unknown, malformed or revoked\n',
        })
      })

      it('tries again until a server that was away is back', async () => {
        const port = await freePort()
        const client = run(['Please refund order 48213.'], { DEED_ADDRESS: `127.0.0.1:${port}` })
        await client.firstLine
        const [host, target] = deed.address.split(':')
        const back = createServer((socket) => {
          const through = connect(Number(target), host)
          for (const each of [socket, through])
            each
              .on('error', () => {})
              .on('close', () => {
                socket.destroy()
                through.destroy()
              })
          socket.pipe(through).pipe(socket)
        })
        back.listen(port, '127.0.0.1')
        const { code, stdout, stderr } = await client.ended
        back.close()
        assert.equal(code, 0)
        assert.match(stdout, /^wish: WISH_REFUND\n/)
        assert.match(stderr, /^(attempt \d+: UNAVAILABLE; again in \d+ ms\n)+$/)
      })

      it('waits as RetryInfo says, keeps its key, and takes a stored result as final', async () => {
        const times: number[] = []
        const refusals = [
          new DeedError(status.RESOURCE_EXHAUSTED, 'OVERLOADED', 'too many calls', {
            retryDelayMs: 400,
            quotas: [{ subject: 'replica', description: 'calls in flight' }],
          }),
          new DeedError(status.ABORTED, 'MODELS_EXHAUSTED', 'every model failed'),
        ]
        await using fake = await fakeDeed({
          [path]: () => {
            times.push(performance.now())
            throw refusals.shift() ?? new Error('a call too many')
          },
        })
        const { code, stderr } = await run(['a mail'], { DEED_ADDRESS: fake.address }).ended
        assert.equal(code, 1)
        assert.match(
          stderr,
          /^attempt 1: RESOURCE_EXHAUSTED \(OVERLOADED\); again in [45]\d\d ms\nABORTED \(MODELS_EXHAUSTED\): every model failed\n$/,
        )
        const keys = fake.received.map(({ metadata }) => String(metadata.get('idempotency-key')[0]))
        assert.equal(keys.length, 2)
        assert.match(keys[0] ?? '', /^[0-9a-f-]{32,36}$/)
        assert.equal(keys[0], keys[1])
        assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 400)
      })

      it('gives up before its deadline when RetryInfo says later, and says what to do', async () => {
        const quotas = [{ subject: 'replica', description: 'calls in flight' }]
        await using fake = await fakeDeed({
          [path]: () => {
            throw new DeedError(status.RESOURCE_EXHAUSTED, 'OVERLOADED', 'too many', { retryDelayMs: 60_000, quotas })
          },
        })
        assert.deepEqual(await run(['--key', 'mail-3', 'a mail'], { DEED_ADDRESS: fake.address }).ended, {
          code: 1,
          stdout: '',
          stderr:
            'RESOURCE_EXHAUSTED (OVERLOADED): too many\n  quota replica: calls in flight\n' +
            '  may be sent again after 60000 ms\n' +
            '  if it was accepted, it goes on: the same call with --key mail-3 gets its result\n',
        })
      })

      it('has its channel retry with a service config', async () => {
        let away = 2
        await using fake = await fakeDeed({
          [path]: () => {
            if (away-- > 0) throw new DeedError(status.UNAVAILABLE, 'SHUTTING_DOWN', 'shutting down')
            const response = { wish: Wish.WISH_INVOICE, orderNumber: undefined }
            return Buffer.from(ReadMailResponse.encode(response).finish())
          },
        })
        const { code, stdout, stderr } = await run(['--channel-retries', 'a mail'], { DEED_ADDRESS: fake.address })
          .ended
        assert.deepEqual([code, stderr, fake.received.length], [0, '', 3])
        assert.match(stdout, /^wish: WISH_INVOICE\norder number: none\n/)
      })

      it('joins the work under its key when its deadline has passed', async () => {
        const key = keyOf('mail-2')
        const mail = ['--key', key, 'slowly: refund order 48213']
        const { code, stdout, stderr } = await run(['--deadline', '1.5', ...mail]).ended
        assert.deepEqual([code, stdout], [1, ''])
        assert.match(
          stderr,
          /^DEADLINE_EXCEEDED: .*\n {2}if it was accepted, it goes on: the same call with --key mail-2-/,
        )
        const calls = model.calls()
        slow.resolve()
        const joined = await run(mail).ended
        assert.match(joined.stdout, /^wish: WISH_REFUND\n[\s\S]*replayed: true\n$/)
        assert.equal(model.calls(), calls)
      })

      it('says in a line what is wrong with its arguments', async () => {
        const ends = await Promise.all([
          run(['--key', '', 'a mail']).ended,
          run(['--deadline', 'soon', 'a mail']).ended,
          run(['a mail'], { DEED_KEY: '' }).ended,
        ])
        assert.deepEqual(ends, [
          { code: 2, stdout: '', stderr: '--key must be 1 to 255 printable ASCII characters\n' },
          { code: 2, stdout: '', stderr: '--deadline must be a number of seconds, up to a day\n' },
          {
            code: 2,
            stdout: '',
            stderr: 'no API key: set DEED_KEY, or run this where the server has made .deed/admin.key\n',
          },
        ])
      })

      /** The languages share a project, and so its keys. */
      function keyOf(name: string): string {
        return `${name}-${language.name}`
      }

      function run(args: readonly string[], env: Record<string, string> = {}) {
        return runIn(root, language.command, args, env)
      }
    })
  }

  for (const { name, operations } of pythons()) {
    if (!operations) continue
    it(`the ${name} client of long-running methods starts, waits, lists, cancels and deletes`, async () => {
      const { path: root } = stack.use(await folderOf({}))
      await operations.prepare(root)
      slow = gate()
      const run = (...args: string[]) => runIn(root, operations.command, args, {}).ended
      const started = await run('start', '--key', 'archive-1', 'Please refund order 48213.')
      const [, done = ''] = /^operation: (operations\/[0-9a-f-]{36}) (READY|RUNNING)\n$/.exec(started.stdout) ?? []
      assert.deepEqual([started.code, done !== ''], [0, true], started.stdout + started.stderr)
      const ended = `operation: ${done} SUCCEEDED\nshelf: SHELF_REFUNDS\norder number: 48213\n`
      assert.deepEqual(await run('wait', done), { code: 0, stdout: ended, stderr: '' })
      assert.equal((await run('start', '--key', 'archive-1', 'Please refund order 48213.')).stdout, ended)

      const [, late = ''] = /^operation: (\S+) /.exec((await run('start', 'slowly: a mail')).stdout) ?? []
      const waited = await run('--deadline', '3', 'wait', late)
      assert.deepEqual([waited.code, waited.stdout], [1, `operation: ${late} RUNNING\n`])
      const kept = await run('delete', late)
      assert.deepEqual([kept.code, kept.stdout], [1, ''])
      assert.match(kept.stderr, /^FAILED_PRECONDITION \(OPERATION_NOT_ENDED\): /)
      assert.equal((await run('cancel', late)).stdout.split('\n')[0], `operation: ${late} CANCELLED`)
      assert.match((await run('list', 'state = CANCELLED')).stdout, new RegExp(`^operation: ${late} CANCELLED\n`))
      const failed = await run('wait', late)
      assert.deepEqual([failed.code, failed.stdout.split('\n')[1]?.startsWith('error: CANCELLED: ')], [1, true])

      assert.deepEqual(await run('delete', late), { code: 0, stdout: `deleted ${late}\n`, stderr: '' })
      assert.equal((await run('list', 'state = CANCELLED')).stdout, '')
      assert.match((await run('wait', late)).stderr, /^NOT_FOUND \(OPERATION_NOT_FOUND\): /)
    }).timeout(60_000)
  }

  function runIn(
    root: string,
    [file, ...before]: Program['command'],
    args: readonly string[],
    env: Record<string, string>,
  ) {
    const child = spawn(file, [...before, ...args], {
      cwd: root,
      env: {
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? root,
        PATH: process.env['PATH'] ?? '',
        DEED_ADDRESS: deed.address,
        DEED_KEY: deed.project.adminKey,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: AbortSignal.timeout(20_000),
    })
    const firstLine = once(child.stderr, 'data')
    const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
      ([[code], stdout, stderr]) => ({ code: Number(code), stdout, stderr: stderr.replace(threadNoise, '') }),
    )
    return { firstLine, ended }
  }
})

/** A thread of Debian 12's grpcio may be in its loop while the interpreter ends, which then complains of it. */
const threadNoise = /Exception in thread Thread-\d+ \(_run\):\n.*$/s

/** Python, with Debian's grpcio or pip's, where it and a generator are there. */
function pythons(): Language[] {
  const works = (file: string, ...args: string[]) => spawnSync(file, args, { stdio: 'ignore' }).status === 0
  const debian =
    works('/usr/bin/python3', '-c', 'import grpc') &&
    works('protoc', '--version') &&
    works('which', 'grpc_python_plugin')
  // Older ones than that of Debian 12 do not know proto3's optional.
  const pip = works('python3', '-c', 'import grpc, grpc_tools; assert int(grpc.__version__.split(".")[1]) >= 51')
  if (!debian && !pip) return []
  const generator = debian ? /^protoc / : /^python -m grpc_tools/
  const python = debian ? '/usr/bin/python3' : 'python3'
  return [
    {
      name: 'Python',
      prepare: (root) => followReadme(root, '## Python', generator),
      command: [python, 'examples/clients/python/client.py'],
      operations: {
        prepare: (root) => followReadme(root, '### Long-running methods', generator),
        command: [python, 'examples/clients/python/operations.py'],
      },
    },
  ]
}

/** Runs the commands under a heading of the README around the one that starts so, in a folder that is like the checkout. */
async function followReadme(root: string, heading: string, generator: RegExp): Promise<void> {
  for (const part of ['proto', 'long-running', 'python']) {
    const filter = (from: string) => !/python\/(gen|__pycache__)$/.test(from)
    await cp(join(examples, part), join(root, 'examples/clients', part), { recursive: true, filter })
  }
  await writeCommonImports(join(root, '.imports'))
  const [, readme = ''] = (await readFile(join(examples, 'README.md'), 'utf8')).split(`\n${heading}\n`)
  const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block.replaceAll('\\\n', ''))
  const lines = blocks.map((block) => block.split('\n')).find((each) => each.some((line) => generator.test(line))) ?? []
  const script = lines.filter((line) => generator.test(line) || line.startsWith('mkdir ')).join('\n')
  const { status: code, stderr } = spawnSync('sh', ['-ec', script.replace(/^python /gm, 'python3 ')], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(code, 0, stderr)
}
