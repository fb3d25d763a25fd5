import { chmod, cp, mkdir, readFile, realpath, rename } from 'node:fs/promises'
import { dirname, join, matchesGlob, resolve } from 'node:path'
import { filesOf, linkFiles, linkPackages, personEnvironment, run } from './package.ts'

// Follows a Dockerfile without an engine: its COPY and RUN steps are done in a folder per stage, without the base image's files.

type Step = { name: string; value: string }

/** What a stage has become. Paths in it start at `folder`. */
export type Image = {
  base: string
  folder: string
  workdir: string
  env: Record<string, string>
  labels: Record<string, string>
  user: string | undefined
  exposed: readonly string[]
  entrypoint: readonly string[]
  command: readonly string[]
  /** Its options and the command. */
  health: { options: string; command: readonly string[] } | undefined
  copies: readonly string[]
}

/** The steps of a Dockerfile: comments gone, continued lines joined. */
export function parseDockerfile(text: string): Step[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'))
  return lines
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, value] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
      if (name === undefined || value === undefined) throw new Error(`not a step: ${line}`)
      return { name, value }
    })
}

/** Builds all stages below a folder; returns the last. */
export async function buildImage(context: string, work: string): Promise<Image> {
  const included = await includedFiles(context)
  const args: Record<string, string> = {}
  const stages = new Map<string, Image>()
  let image: Image | undefined
  for (const { name, value } of parseDockerfile(await readFile(join(context, 'Dockerfile'), 'utf8'))) {
    if (name === 'ARG' && image === undefined) Object.assign(args, pairs(value))
    else if (name === 'FROM') {
      const [base = '', , alias = `${stages.size}`] = value.split(/\s+/)
      image = emptyImage(
        base.replace(/\$\{(\w+)\}/g, (_, key: string) => args[key] ?? ''),
        join(work, alias),
      )
      await mkdir(image.folder, { recursive: true })
      await chmod(image.folder, 0o755)
      stages.set(alias, image)
    } else if (image === undefined) throw new Error(`${name} before the first FROM`)
    else if (name === 'COPY') await copy(image, value, stages, { context, included })
    else if (name === 'RUN') for (const command of value.split(/\s+&&\s+/)) await runStep(image, command)
    else await configure(image, { name, value })
  }
  if (image === undefined) throw new Error('no stage')
  return image
}

/** The files of a context that its .dockerignore leaves. The last line that fits decides. */
export async function includedFiles(context: string): Promise<string[]> {
  const lines = (await readFile(join(context, '.dockerignore'), 'utf8')).split('\n')
  const rules = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const fits = (path: string, pattern: string): boolean =>
    matchesGlob(path, pattern) || (path.includes('/') && fits(dirname(path), pattern))
  return (await filesOf(context)).filter((path) => {
    const rule = rules.findLast((line) => fits(path, line.replace(/^!/, '')))
    return rule === undefined || rule.startsWith('!')
  })
}

function emptyImage(base: string, folder: string): Image {
  const lists = { exposed: [], entrypoint: [], command: [], copies: [] }
  return { base, folder, workdir: '/', env: {}, labels: {}, user: undefined, health: undefined, ...lists }
}

async function configure(image: Image, { name, value }: Step): Promise<void> {
  if (name === 'WORKDIR') {
    image.workdir = resolve(image.workdir, value)
    await mkdir(join(image.folder, image.workdir), { recursive: true })
  } else if (name === 'ENV') Object.assign(image.env, pairs(value))
  else if (name === 'LABEL') Object.assign(image.labels, pairs(value))
  else if (name === 'USER') image.user = value
  else if (name === 'EXPOSE') image.exposed = value.split(/\s+/)
  else if (name === 'ENTRYPOINT') image.entrypoint = JSON.parse(value)
  else if (name === 'CMD') image.command = JSON.parse(value)
  else if (name === 'HEALTHCHECK') {
    const [, options = '', command = ''] = /^(.*?)\s*CMD\s+(\[.*\])$/.exec(value) ?? []
    image.health = { options, command: JSON.parse(command) }
  } else if (name !== 'STOPSIGNAL') throw new Error(`${name} is not followed here`)
}

async function copy(
  image: Image,
  value: string,
  stages: ReadonlyMap<string, Image>,
  { context, included }: { context: string; included: readonly string[] },
): Promise<void> {
  image.copies = [...image.copies, value]
  const words = value.split(/\s+/)
  const from = words[0]?.startsWith('--from=') ? stages.get(words.shift()?.slice('--from='.length) ?? '') : undefined
  if (words.some((word) => word.startsWith('--'))) throw new Error(`COPY ${value} is not followed here`)
  const target = join(image.folder, resolve(image.workdir, words.pop() ?? ''))
  const isInto = words.length > 1 || value.endsWith('/')
  for (const source of words) {
    if (from) {
      await copyFromStage(join(from.folder, source), target)
      continue
    }
    const files = included.filter((path) => path === source || path.startsWith(`${source}/`))
    if (files.length === 0) throw new Error(`COPY ${source}: the context has no such file`)
    for (const path of files) {
      const end =
        path === source ? (isInto ? path.slice(path.lastIndexOf('/') + 1) : '') : path.slice(source.length + 1)
      await cp(join(context, path), join(target, end), { recursive: true })
    }
  }
}

/** A stage of which something is copied is of no more use: what has its place to itself is moved, which is faster by thousands of files. */
async function copyFromStage(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await rename(source, target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY') throw error
    linkFiles(source, target)
  })
}

/** Packages are linked from those that are installed here instead of being downloaded; all else is run. */
async function runStep(image: Image, command: string): Promise<void> {
  const cwd = join(image.folder, image.workdir)
  if (command.startsWith('npm ci ')) {
    if (command.includes('--omit=dev')) await linkPackages(cwd, 'production', 'files')
    else await linkPackages(cwd, 'all', 'folders')
    return
  }
  const own = command.replace(/(?<=\s)\/(?=\w)/g, () => `"${image.folder}"/`)
  const uid = process.getuid?.() ?? 0
  // The base image's Node.
  const env = personEnvironment({ PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin` })
  await run(await realpath(cwd), 'sh', ['-c', uid === 0 ? own : own.replace(/-o \d+ -g \d+/, '')], env)
}

/** `a=b c="d e"` */
function pairs(value: string): Record<string, string> {
  const found = value.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)
  return Object.fromEntries([...found].map(([, key, quoted, bare]) => [key, quoted ?? bare ?? '']))
}
