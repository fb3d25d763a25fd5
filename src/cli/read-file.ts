import { readFile } from 'node:fs/promises'
import { Failure } from './failure.ts'

const causes: Readonly<Record<string, string>> = {
  EACCES: 'you are not permitted to',
  EPERM: 'you are not permitted to',
  ENOENT: 'it is not there',
  ENOTDIR: 'what it should be in is not a folder',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
}

const hints: Readonly<Record<string, string>> = {
  EACCES: 'have its owner let you, or be another user',
  EPERM: 'have its owner let you, or be another user',
  EISDIR: 'give a file',
}

/** What the system says about a path, as a Failure; undefined when the error is no such thing. */
export function pathFailure(error: unknown, path: string, verb = 'read'): Failure | undefined {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return undefined
  const code = String(error.code)
  const at = 'path' in error && typeof error.path === 'string' ? error.path : path
  const hint = hints[code] ?? 'check the path'
  return new Failure(`cannot ${verb} ${at}: ${causes[code] ?? code}`, { hint, json: { cause: code } }, error)
}

/** A file's text, without the mark that some editors put in front of it. Throws a Failure when it cannot be read. */
export async function readText(path: string, signal: AbortSignal): Promise<string> {
  try {
    const bytes = await readFile(path, { signal })
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) {
      throw new Failure(`cannot read ${path}: it is not text in UTF-8`, { hint: 'save it as UTF-8' }, error)
    }
    throw pathFailure(error, path) ?? error
  }
}
