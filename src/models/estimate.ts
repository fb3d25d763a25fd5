import type { CompletionRequest, Usage } from './provider.ts'

/** Bytes of UTF-8 for a token: some four letters of English, or one character of Chinese. */
const bytesPerToken = 4

/**
 * The usage of a completion that was broken off after it had begun to answer: what the provider told until then, and where that is
 * less than the text, the text's size: four bytes of UTF-8 to a token, rounded up. Of the input most providers tell at once or at
 * the end: when none was told, it is estimated too. Without text nothing is known to have been written, and nothing is added.
 */
export function estimatedUsage(
  { system, turns }: Pick<CompletionRequest, 'system' | 'turns'>,
  told: Usage,
  parts: readonly string[],
): { usage: Usage; usageEstimated: boolean } {
  const written = tokensOf(parts)
  if (written === 0) return { usage: told, usageEstimated: false }
  const toldInput = told.inputTokens + told.cacheReadTokens + told.cacheWriteTokens
  const inputTokens = toldInput > 0 ? told.inputTokens : tokensOf([system, ...turns.map(({ text }) => text)])
  return { usage: { ...told, inputTokens, outputTokens: Math.max(told.outputTokens, written) }, usageEstimated: true }
}

function tokensOf(texts: readonly string[]): number {
  return Math.ceil(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / bytesPerToken)
}
