import { cp, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { protoPath as healthProto } from 'grpc-health-check'
import { runBuf } from '../src/contracts/buf.ts'
import { writeCommonImports } from '../src/contracts/imports.ts'

// Writes .imports/ and the folders of generated code, or with --check says whether those are what would be written. Needs no
// network.

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })

/** Runs buf in the root. Throws with all that it complains about. */
async function buf(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await runBuf(args, root, AbortSignal.timeout(120_000))
  if (code !== 0) throw new Error(`buf ${args[0]} failed: ${stdout}${stderr}`)
}

/** Writes the services that gRPC itself defines and Deed serves beside its own: reflection and health. */
async function writeGrpcImports(dir: string): Promise<void> {
  const reflection = fileURLToPath(new URL('../proto/grpc/reflection', import.meta.resolve('@grpc/reflection')))
  await cp(reflection, join(dir, 'reflection'), { recursive: true })
  await cp(healthProto, join(dir, 'health/v1/health.proto'))
}

/** The first file, in order of its path, that only one of two folders has or that differs between them. */
async function firstDifference(a: string, b: string): Promise<string | undefined> {
  const [inA, inB] = await Promise.all([filesOf(a), filesOf(b)])
  for (const name of [...new Set([...inA, ...inB])].toSorted()) {
    if (!inA.has(name) || !inB.has(name)) return name
    const [contentA, contentB] = await Promise.all([readFile(join(a, name)), readFile(join(b, name))])
    if (!contentA.equals(contentB)) return name
  }
  return undefined
}

async function filesOf(dir: string): Promise<Set<string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const files = entries.filter((entry) => entry.isFile())
  return new Set(files.map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1)))
}

/** Puts a finished folder in the place of another, unless they are the same. */
async function replace(target: string, finished: string): Promise<void> {
  if ((await firstDifference(target, finished)) === undefined) return
  await rm(target, { recursive: true, force: true })
  await rename(finished, target)
}

// Inside the root and git-ignored: what is finished is renamed into its place.
const work = await mkdtemp(join(root, 'node_modules/.generate-'))
try {
  const [imports, gen] = [join(work, 'imports'), join(work, 'gen')]
  await writeCommonImports(imports)
  await writeGrpcImports(join(imports, 'grpc'))
  await replace(join(root, '.imports'), imports)
  await buf('generate', '--output', gen)
  // With the error details, so that whoever reflects can read those of a status.
  const paths = ['proto/deed', '.imports/grpc', '.imports/google/rpc/error_details.proto']
  await buf('build', ...paths.flatMap((path) => ['--path', path]), '--output', join(gen, 'deed.binpb'))
  const generated: [target: string, finished: string][] = [['gen', gen]]
  for (const owner of ['examples/support', 'examples/clients/typescript', 'bench']) {
    const finished = join(work, owner.replaceAll('/', '-'))
    await buf('generate', '--template', `${owner}/buf.gen.yaml`, '--output', finished)
    generated.push([`${owner}/gen`, finished])
  }
  for (const [target, finished] of generated) {
    if (!values.check) {
      await replace(join(root, target), finished)
      continue
    }
    const stale = await firstDifference(join(root, target), finished)
    if (stale !== undefined) throw new Error(`${target}/${stale} is not what \`npm run generate\` makes`)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(work, { recursive: true, force: true })
}
