import type { ChatBody } from './fake-openai.ts'
import { strictRefusalOf } from './fake-openai-schema.ts'
import { isObject, type Refusal } from './fake-vendor.ts'

const FIELDS = new Set(
  'model messages stream stream_options max_completion_tokens max_tokens response_format reasoning_effort metadata store'
    .split(' ')
    .concat('temperature top_p seed user safety_identifier prompt_cache_key service_tier n'.split(' ')),
)
const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh']
const ROLES = ['system', 'developer', 'user', 'assistant']

/** A body that the Chat Completions API takes, or why it refuses it. */
export function refusalOfChat(body: unknown): { body: ChatBody } | Refusal {
  const fault = faultOf(body)
  return fault === undefined && isChat(body) ? { body } : { status: 400, message: fault ?? 'invalid body' }
}

function faultOf(body: unknown): string | undefined {
  if (!isObject(body)) return 'We could not parse the JSON body of your request.'
  const unknown = Object.keys(body).find((name) => !FIELDS.has(name))
  if (unknown) return `Unrecognized request argument supplied: ${unknown}`
  const { model, messages, stream, stream_options, response_format: format, reasoning_effort: effort } = body
  if (typeof model !== 'string' || model === '') return 'you must provide a model parameter'
  if (!Array.isArray(messages) || messages.length === 0) return "Invalid 'messages': empty array."
  for (const [index, message] of messages.entries()) {
    if (!isObject(message) || !ROLES.includes(String(message['role'])))
      return `Invalid value: 'messages[${index}].role'.`
    if (typeof message['content'] !== 'string') return `Invalid value for 'content': messages.[${index}].content`
  }
  if (stream_options !== undefined && stream !== true)
    return "The 'stream_options' parameter is only allowed when 'stream' is enabled."
  for (const name of ['max_completion_tokens', 'max_tokens']) {
    if (body[name] !== undefined && !(Number.isInteger(body[name]) && Number(body[name]) > 0))
      return `Invalid '${name}': expected a value >= 1.`
  }
  if (body['max_tokens'] !== undefined && body['max_completion_tokens'] !== undefined)
    return 'Setting max_tokens and max_completion_tokens at the same time is not supported.'
  if (effort !== undefined && !EFFORTS.includes(String(effort))) return "Invalid value: 'reasoning_effort'."
  return format === undefined ? undefined : faultOfFormat(format, JSON.stringify(messages))
}

function faultOfFormat(format: unknown, said: string): string | undefined {
  if (!isObject(format)) return "Invalid type for 'response_format'."
  switch (format['type']) {
    case 'text':
      return undefined
    case 'json_object':
      return /json/i.test(said) ? undefined : "'messages' must contain the word 'json' in some form."
    case 'json_schema': {
      const { json_schema: named } = format
      if (!isObject(named)) return "Missing required parameter: 'response_format.json_schema'."
      const { name, schema, strict } = named
      if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name))
        return "Invalid 'response_format.json_schema.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."
      if (!isObject(schema)) return "Missing required parameter: 'response_format.json_schema.schema'."
      const fault = strict === true ? strictRefusalOf(schema) : undefined
      return fault && `Invalid schema for response_format '${name}': ${fault}`
    }
    default:
      return "Invalid value for 'response_format.type'."
  }
}

function isChat(body: unknown): body is ChatBody {
  return isObject(body) && typeof body['model'] === 'string' && Array.isArray(body['messages'])
}
