import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Contract, ContractVersion } from '../../gen/deed/v1/contract.ts'
import { Operation } from '../../gen/deed/v1/operation.ts'
import { Project } from '../../gen/deed/v1/project.ts'
import { folderOf } from '../support/compile.ts'
import { type FakeDeed, fakeDeed } from '../support/fake-deed.ts'
import { runCommandHere, runDeed } from '../support/run-deed.ts'
import { openTerminal, quoted } from '../support/terminal.ts'

const run = promisify(execFile)
const names = ['acme.v1.Tickets', 'acme.v1.Mail', 'shop.v1.Shop']

function server(all = names): Promise<FakeDeed> {
  return fakeDeed({
    ListContracts: () => ({
      contracts: all.map((name) => Contract.fromPartial({ name: `contracts/${name}` })),
      nextPageToken: '',
    }),
    GetContract: ({ name }: { name: string }) => {
      const service = name.replace('contracts/', '')
      const methods = ['Read', 'Sort'].map((method) => ({
        method: `${service}/${method}`,
        requestType: 'M',
        models: [],
      }))
      return {
        version: ContractVersion.fromPartial({ name: `${name}/versions/1`, version: 1, methods }),
        image: Buffer.of(),
      }
    },
  })
}

let bashScript: Promise<string> | undefined

/** What `deed completion bash` prints: once for all tests. */
async function printed(): Promise<string> {
  return (await runDeed(['completion', 'bash'])).stdout
}

/** What bash offers for the last of these words, by the script that `deed completion bash` prints. */
async function offered(
  words: readonly string[],
  env: Record<string, string>,
  cwd?: string,
  breaks = '@=:',
): Promise<string[]> {
  bashScript ??= printed()
  const line = ['deed', ...words]
  const asked = `${await bashScript}
COMP_WORDBREAKS=$' \\t\\n'${quoted(breaks)}; COMP_WORDS=(${line.map(quoted).join(' ')}); COMP_CWORD=${line.length - 1}
_deed 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout } = await run('bash', ['--norc', '-c', asked], { env: { ...process.env, ...env }, cwd })
  return stdout.split('\n').filter((each) => each !== '')
}

describe('the completion of a shell', () => {
  const nowhere = { DEED_ADDRESS: '127.0.0.1:1', DEED_KEY: 'x' }

  it('knows commands, options and their values', async () => {
    assert.deepEqual(await offered(['c'], nowhere), ['call', 'contract', 'completion'])
    assert.deepEqual(await offered(['contract', 'v'], nowhere), ['versions'])
    assert.deepEqual(await offered(['publish', '--a'], nowhere), ['--allow-breaking'])
    assert.deepEqual(await offered(['key', 'create', '--role', 'p'], nowhere), ['publisher'])
    // bash takes --role=p apart.
    assert.deepEqual(await offered(['key', 'create', '--role', '=', 'p'], nowhere), ['publisher'])
    assert.deepEqual(await offered(['key', 'create', '--role', '='], nowhere), [
      'admin',
      'publisher',
      'caller',
      'viewer',
    ])
  })

  it('asks the server for contracts and methods', async () => {
    await using fake = await server()
    const env = { DEED_ADDRESS: fake.address, DEED_KEY: 'x' }
    assert.deepEqual(await offered(['contract', 'show', 'acme'], env), ['acme.v1.Tickets', 'acme.v1.Mail'])
    assert.deepEqual(await offered(['call', 'acme.v1.T'], env), ['acme.v1.Tickets/Read', 'acme.v1.Tickets/Sort'])
    assert.deepEqual(await offered(['call', 'shop.v1.Shop/S'], env), ['shop.v1.Shop/Sort'])
    assert.deepEqual(await offered(['contract', 'show', 'shop.v1.Shop', '--schema', 'R'], env), ['Read'])
  })

  it('asks the server for operations, those to wait for or cancel only while they have not ended, and projects', async () => {
    const [running, ended] = ['01981f6e-8a60-7c3f-9d24-5a1b2c3d4e5e', '01981f6e-8a60-7c3f-9d24-5a1b2c3d4e5f']
    await using fake = await fakeDeed({
      ListOperations: () => ({
        operations: [
          Operation.fromPartial({ name: `operations/${running}` }),
          Operation.fromPartial({ name: `operations/${ended}`, settleTime: new Date() }),
        ],
      }),
      ListProjects: () => ({ projects: [Project.fromPartial({ name: 'projects/default' })] }),
    })
    const values = async (...words: string[]) => {
      const env = { DEED_ADDRESS: fake.address, DEED_KEY: 'x' }
      const { stdout } = await runCommandHere(['__complete', 'bash', '--', ...words], env)
      return stdout.match(/^(?!values)[0-9a-z]\S+/gm)
    }
    assert.deepEqual(await values('operation', 'get', ''), [running, ended])
    assert.deepEqual(await values('operation', 'cancel', ''), [running])
    assert.deepEqual(await values('operation', 'delete', running, '0198'), [running, ended])
    assert.deepEqual(await values('project', 'set', 'd'), ['default'])
  })

  it('completes the service first when there are many', async () => {
    const many = Array.from({ length: 30 }, (_, index) => `acme.v1.Service${index}`)
    await using fake = await server(many)
    const env = { DEED_ADDRESS: fake.address, DEED_KEY: 'x' }
    assert.deepEqual(
      await offered(['call', 'acme'], env),
      many.map((name) => `${name}/`),
    )
  })

  it('takes no name that a shell could take for something else', async () => {
    await using fake = await server(['a.B', 'a.$(touch x)', 'a.`id`', 'a b', "a';id", '-x'])
    const env = { DEED_ADDRESS: fake.address, DEED_KEY: 'x' }
    assert.deepEqual(await offered(['contract', 'show', ''], env), ['a.B'])
  })

  it('is silent without a server, and about what it does not know', async () => {
    for (const words of [
      ['call', 'a'],
      ['nope', ''],
      ['contract', 'show', 'x', 'y', 'z', ''],
      ['call', 'a.B/C', '-d', '{'],
    ]) {
      assert.deepEqual(await offered(words, nowhere), [], words.join(' '))
      const { code, stderr } = await runCommandHere(['__complete', 'bash', '--', ...words], nowhere)
      assert.deepEqual([code, stderr], [0, ''])
    }
  })

  it('leaves files to the shell, whatever their names', async () => {
    await using folder = await folderOf({ "it's a $file.yaml": '', 'plain.json': '' })
    assert.deepEqual(await offered(['publish', 'it'], nowhere, folder.path), ["it's a $file.yaml"])
    // @ is a word break of bash.
    assert.deepEqual(await offered(['call', 'a.B/C', '-d', '@', 'pl'], nowhere, folder.path), ['plain.json'])
    assert.deepEqual(await offered(['call', 'a.B/C', '-d', '@pl'], nowhere, folder.path, '='), ['@plain.json'])
  })

  it('completes what is typed in bash', async () => {
    await using fake = await server()
    await using folder = await folderOf({ 'deed.bash': await printed() })
    const env = { DEED_ADDRESS: fake.address, DEED_KEY: 'x', PS1: '$ ' }
    await using bash = openTerminal('exec bash --norc --noprofile -i', { columns: 120, env })
    bash.type(`source ${folder.path}/deed.bash; deed() { printf '<%s>' "$@"; }; echo rea''dy\r`)
    await bash.shows('\rready')
    bash.type('deed call shop\t')
    await bash.shows('.v1.Shop/')
    bash.type('So\t-\r')
    await bash.shows('<call><shop.v1.Shop/Sort><->')
    bash.type('exit\r')
    assert.equal((await bash.ended).code, 0)
  })

  it('has scripts that zsh and fish can read', async () => {
    for (const shell of ['zsh', 'fish'] as const) {
      const { code, stdout } = await runDeed(['completion', shell])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`__complete ${shell} -- `))
      await using folder = await folderOf({ script: stdout })
      // Without that shell on this machine, bash at least has to find the quotes of the command in order.
      const [, command = ''] = /\(?('.*?') __complete/.exec(stdout) ?? []
      assert.deepEqual((await run('bash', ['-c', `printf '%s\\n' ${command}`])).stdout.split('\n').length, 3)
      const missing = (error: NodeJS.ErrnoException) => assert.equal(error.code, 'ENOENT', error.message)
      await run(shell, ['-n', `${folder.path}/script`]).catch(missing)
    }
    const { code, stderr } = await runCommandHere(['completion', 'tcsh'])
    assert.equal(code, 2)
    assert.match(stderr, /^error: .*'tcsh'.*bash, zsh, fish.* — .*\n$/)
  })
})
