/** Where completions of `NAME/…` are asked for, and how one proves who asks. */
export type ProviderConfig =
  | { kind: 'anthropic'; apiKey: string; baseUrl: string | undefined }
  | {
      kind: 'openai'
      /** Undefined for servers that need none. */
      apiKey: string | undefined
      /** Undefined for OpenAI's own. */
      baseUrl: string | undefined
      /** Of Azure's dated API, whose paths differ; undefined for everything else. */
      azureApiVersion: string | undefined
      /** By which name the server knows the limit of what is written. */
      outputLimit: 'max_completion_tokens' | 'max_tokens'
    }

/** What is set for one model. What is not there has a default. */
export type ModelSettings = {
  /** Micro-dollars per million tokens, from 00:00 UTC of a day on, in milliseconds since 1970 (-Infinity for ever before). */
  prices?: readonly { from: number; input: number; output: number; cacheRead: number; cacheWrite: number }[]
  /** On all replicas together; null for no limit. */
  limits?: { requestsPerMinute: number | null; tokensPerMinute: number | null; concurrency: number | null }
  /** The longest wait until the model begins to write, and for the whole completion. */
  firstTokenMs?: number
  completionMs?: number
  dialect?: { structuredOutput?: 'json_schema' | 'json_object' | 'none'; effort?: boolean }
}
