import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Reads the admin key that the deployment supplies. Throws an Error of one line. */
export async function readAdminKey(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`DEED_ADMIN_KEY_FILE: cannot read ${file} (${error.code ?? error.message})`)
  })
  const key = text.trim()
  if (/^[!-~]{32,512}$/.test(key)) return key
  throw new Error(
    `DEED_ADMIN_KEY_FILE: ${file} must hold one key of 32 to 512 printable ASCII characters without spaces`,
  )
}

/** Writes the first admin key where the commands find it, readable by its owner only. Returns the path. */
export async function writeAdminKey(dataDir: string, secret: string): Promise<string> {
  await mkdir(dataDir, { recursive: true })
  const file = join(dataDir, 'admin.key')
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${secret}\n`, { mode: 0o600 })
  await chmod(draft, 0o600)
  await rename(draft, file)
  return file
}
