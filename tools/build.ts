import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

// Compiles what `npm pack` takes along into dist/: Node does not erase types below a node_modules.

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))

// Nothing of an earlier build may be packed.
await rm(join(root, 'dist'), { recursive: true, force: true })
try {
  await Promise.all(
    ['tsconfig.build.json', 'tsconfig.client.json'].map((project) =>
      promisify(execFile)(process.execPath, [tsc, '--project', project], { cwd: root, timeout: 300_000 }),
    ),
  )
} catch (error) {
  console.error(error instanceof Error && 'stdout' in error ? `${error.message}${error.stdout}` : error)
  process.exitCode = 1
}
