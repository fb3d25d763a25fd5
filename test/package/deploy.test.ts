import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse, parseAllDocuments } from 'yaml'
import { folderOf } from '../support/compile.ts'
import { parseDockerfile } from '../support/dockerfile.ts'
import { root } from '../support/package.ts'

const deploy = join(root, 'deploy')
const read = (path: string) => readFile(join(deploy, path), 'utf8')

/** The settings that src/config.ts knows. */
const settings = new Set(
  [...(await readFile(join(root, 'src/config.ts'), 'utf8')).matchAll(/'((?:DEED|DATABASE|ANTHROPIC)_[A-Z_]+)'/g)].map(
    ([, name]) => name,
  ),
)
const health = await readFile(join(root, 'src/rpc/health.ts'), 'utf8')

function assertKnown(names: readonly string[]): void {
  assert.ok(names.length > 0)
  assert.deepEqual(
    names.filter((name) => !settings.has(name)),
    [],
  )
}

async function valuesOfImage(): Promise<Map<string, string>> {
  const steps = parseDockerfile(await readFile(join(root, 'Dockerfile'), 'utf8'))
  return new Map(steps.map(({ name, value }) => [name, value]))
}

describe('deploy/kubernetes', () => {
  type Probe = { grpc: { port: number; service: string } }
  type Variable = { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }

  async function manifests() {
    const names = (await readdir(join(deploy, 'kubernetes'))).filter((name) => name.endsWith('.yaml'))
    const documents = (await Promise.all(names.map((name) => read(`kubernetes/${name}`)))).flatMap((text) =>
      [...parseAllDocuments(text)].map((document) => {
        assert.deepEqual(document.errors, [])
        return document.toJS()
      }),
    )
    const kind = (name: string) => documents.find((document) => document.kind === name)
    const deployment = kind('Deployment')
    const pod = deployment.spec.template.spec
    return { kind, deployment, pod, container: pod.containers[0], secret: kind('Secret') }
  }

  it('sets what the configuration knows, and lets secrets be secrets', async () => {
    const { container, secret } = await manifests()
    const env: Variable[] = container.env
    assertKnown(env.map(({ name }) => name))
    const references = env.flatMap(({ valueFrom }) => (valueFrom ? [valueFrom.secretKeyRef] : []))
    for (const { name, key } of references) {
      assert.equal(name, secret.metadata.name)
      assert.ok(key in secret.stringData, key)
    }
    const plain = env.filter(({ value }) => value !== undefined).map(({ name }) => name)
    assert.deepEqual(
      plain.filter((name) => /URL|API_KEY$/.test(name)),
      [],
    )
  })

  it('probes services that Deed serves, on the port that it listens on', async () => {
    const { container, kind } = await manifests()
    const env = new Map((container.env as Variable[]).map(({ name, value }) => [name, value]))
    const port = Number(env.get('DEED_PORT'))
    for (const name of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const { grpc }: Probe = container[name]
      assert.equal(grpc.port, port)
      assert.match(health, new RegExp(`['{ ]${grpc.service}['":]`), grpc.service)
    }
    assert.equal(container.readinessProbe.grpc.service, 'readiness')
    assert.equal(container.livenessProbe.grpc.service, 'liveness')
    assert.equal(container.ports[0].containerPort, port)
    assert.equal(kind('Service').spec.ports[0].targetPort, container.ports[0].name)
    assert.equal(env.get('DEED_HOST'), '0.0.0.0')
  })

  it('gives a pod longer to end than Deed takes to drain, and keeps one of them', async () => {
    const { container, pod, deployment, kind } = await manifests()
    const drain = (container.env as Variable[]).find(({ name }) => name === 'DEED_DRAIN_SECONDS')?.value
    // The last replies may take another two seconds.
    assert.ok(pod.terminationGracePeriodSeconds >= Number(drain) + 5)
    const budget = kind('PodDisruptionBudget').spec
    assert.ok(budget.minAvailable < deployment.spec.replicas)
    const labels = deployment.spec.template.metadata.labels
    for (const selector of [
      budget.selector.matchLabels,
      deployment.spec.selector.matchLabels,
      kind('Service').spec.selector,
    ])
      assert.deepEqual(selector, labels)
  })

  it('runs as the user of the image, who may write to nothing but /tmp', async () => {
    const { container, pod } = await manifests()
    const { runAsUser, runAsGroup, runAsNonRoot } = pod.securityContext
    assert.equal(`${runAsUser}:${runAsGroup}`, (await valuesOfImage()).get('USER'))
    assert.equal(runAsNonRoot, true)
    const { readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = container.securityContext
    assert.deepEqual([readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities.drop], [true, false, ['ALL']])
    type Mount = { name: string; mountPath: string; readOnly?: boolean }
    const mounts: Mount[] = container.volumeMounts
    assert.deepEqual(
      mounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath),
      ['/tmp'],
    )
    const volumes: { name: string }[] = pod.volumes
    assert.deepEqual(mounts.map(({ name }) => name).toSorted(), volumes.map(({ name }) => name).toSorted())
    const file = (container.env as Variable[]).find(({ name }) => name === 'DEED_ADMIN_KEY_FILE')?.value
    assert.equal(file, '/run/secrets/deed/admin-key')
  })
})

describe('deploy/compose.yaml', () => {
  it('starts Deed when PostgreSQL is there, as little allowed as can be', async () => {
    const { services, secrets, volumes } = parse(await read('compose.yaml'))
    const { deed, postgres } = services
    assertKnown(Object.keys(deed.environment))
    assert.equal(deed.depends_on.postgres.condition, 'service_healthy')
    assert.match(postgres.image, /^postgres:\d+\.\d+$/)
    for (const service of [deed, postgres]) {
      assert.equal(service.read_only, true)
      assert.ok(service.security_opt.includes('no-new-privileges:true'))
      assert.ok(service.healthcheck.test.length > 1)
      for (const name of service.secrets) assert.match(secrets[name].file, /^\.\/secrets\//)
    }
    assert.ok(postgres.volumes[0].startsWith(`${Object.keys(volumes)[0]}:`))
    const image = await valuesOfImage()
    assert.equal(deed.ports[0], `127.0.0.1:${image.get('EXPOSE')}:${image.get('EXPOSE')}`)
    assert.deepEqual(deed.tmpfs, ['/tmp'])
    assert.ok(Number.parseInt(deed.stop_grace_period, 10) >= Number(deed.environment.DEED_DRAIN_SECONDS) + 5)
    assert.match(image.get('HEALTHCHECK') ?? '', /\["node", "\/app\/bin\/deed\.js", "health"\]$/)
    assert.deepEqual(deed.healthcheck.test.slice(1), ['node', '/app/bin/deed.js', 'health'])
  })

  it('hands the secrets to Deed from their files, and starts nothing when one is missing', async () => {
    const { deed } = parse(await read('compose.yaml')).services
    await using folder = await folderOf({ 'bin/node': '#!/bin/sh\nenv; echo "$@"\n' })
    await promisify(execFile)('chmod', ['755', join(folder.path, 'bin/node')])
    const [shell, flags, script] = deed.entrypoint
    const own = script.replaceAll('$$', '$').replaceAll('/run/secrets', join(folder.path, 'secrets'))
    const start = () =>
      promisify(execFile)(shell, [flags, own], { env: { PATH: `${join(folder.path, 'bin')}:/usr/bin:/bin` } })
    await mkdir(join(folder.path, 'secrets'))
    await writeFile(join(folder.path, 'secrets/postgres_password'), 'p4ss\n')
    await assert.rejects(start, (error: Error & { stdout?: string }) => error.stdout === '')
    await writeFile(join(folder.path, 'secrets/anthropic_api_key'), 'k3y\n')
    const lines = (await start()).stdout.split('\n')
    assert.ok(lines.includes('DATABASE_URL=postgresql://deed:p4ss@postgres:5432/deed'))
    assert.ok(lines.includes('ANTHROPIC_API_KEY=k3y'))
    assert.ok(lines.includes('/app/bin/deed.js serve'))
  })
})

describe('deploy/systemd/deed.service', () => {
  it('sets what the configuration knows, and waits for the drain', async () => {
    const text = await read('systemd/deed.service')
    const env = new Map(
      [...text.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    )
    assertKnown([...env.keys()])
    const stop = /^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]
    assert.ok(Number(stop) >= Number(env.get('DEED_DRAIN_SECONDS')) + 5)
    assert.match(text, /^LoadCredential=admin\.key:/m)
    assert.equal(env.get('DEED_ADMIN_KEY_FILE'), '%d/admin.key')
  })
})
