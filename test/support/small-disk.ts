import { execFile } from 'node:child_process'
import { mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const sizeMb = 200

/** A disk that can be filled. */
export type SmallDisk = AsyncDisposable & { path: string; fill(): Promise<void>; free(): Promise<void> }

/** Mounts one; a string says why that cannot be done here. */
export async function smallDisk(): Promise<SmallDisk | string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a small disk'
  const path = await mkdtemp(join(tmpdir(), 'deed-disk-'))
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=711`, 'tmpfs', path])
  } catch (error) {
    await rmdir(path)
    return `no small disk can be mounted here (${error instanceof Error ? error.message.trim() : error})`
  }
  const filler = join(path, 'filler')
  return {
    path,
    async fill() {
      // The last blocks too.
      for (const [name, bytes] of [
        ['', 8 * 1024 * 1024],
        ['.rest', 4096],
      ] as const) {
        const piece = Buffer.alloc(bytes, 1)
        for (let full = false; !full; ) {
          full = await writeFile(`${filler}${name}`, piece, { flag: 'a' }).then(
            () => false,
            (error: NodeJS.ErrnoException) => {
              if (error.code === 'ENOSPC') return true
              throw error
            },
          )
        }
      }
    },
    async free() {
      for (const name of ['', '.rest']) await rm(`${filler}${name}`, { force: true })
    },
    async [Symbol.asyncDispose]() {
      await run('umount', ['--lazy', path])
      await rmdir(path)
    },
  }
}
