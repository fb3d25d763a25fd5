import { addAbortSignal } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { DescMessage, Registry } from '@bufbuild/protobuf'
import { readText } from './read-file.ts'
import { encodeJson } from './request-json.ts'

/** A request as it was given. */
export type RequestData = { text: string; format: 'json' | 'yaml' | 'either' }

/** Reads what `--data` names: the request itself, `@` and the path of a file with it, or `-` for stdin. */
export async function readData(data: string, signal: AbortSignal): Promise<RequestData> {
  if (data === '-') {
    addAbortSignal(signal, process.stdin)
    return { text: withoutMark(await text(process.stdin)), format: 'either' }
  }
  if (!data.startsWith('@')) return { text: data, format: 'either' }
  const path = data.slice(1)
  const [, ending = ''] = /\.([^./\\]+)$/.exec(path) ?? []
  const format = /^ya?ml$/i.test(ending) ? 'yaml' : /^json$/i.test(ending) ? 'json' : 'either'
  return { text: await readText(path, signal), format }
}

/** The bytes of a message. Throws a Failure (wrong usage) that says where the text is wrong, or each field. */
export async function encodeRequest(desc: DescMessage, data: RequestData, registry: Registry): Promise<Buffer> {
  if (data.format === 'json' || (data.format === 'either' && looksLikeJson(data.text))) {
    return encodeJson(desc, data.text, registry)
  }
  const { yamlToJson } = await import('./request-yaml.ts')
  return encodeJson(desc, yamlToJson(data.text, desc), registry)
}

/**
 * Much that is wrong as JSON is something as YAML, but not what was meant: `{"text": }` would be a null. So text that begins
 * as JSON does is JSON.
 */
function looksLikeJson(data: string): boolean {
  const start = data.trimStart()
  if (start === '' || /^[["]/.test(start) || /^\{\s*(["}]|$)/.test(start)) return true
  if (start.startsWith('{')) return !/^\{\s*(['A-Za-z_$][^{}[\],"]*)\s*:/.test(start)
  // A mapping has a colon somewhere.
  return !/:(\s|$)/.test(start)
}

function withoutMark(data: string): string {
  return data.startsWith('\ufeff') ? data.slice(1) : data
}
