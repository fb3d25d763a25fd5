/** A text and what it is. */
export type Labelled = { text: string; label: string }

type Vector = ReadonlyMap<string, number>

/**
 * The plainest way to learn from examples: a text is of the class whose mean tf-idf vector has the least angle to its own.
 * Returns what tells the class of a text; undefined when the text has no word that was seen.
 */
export function trainCentroids(examples: readonly Labelled[]): (text: string) => string | undefined {
  const frequency = new Map<string, number>()
  for (const { text } of examples) {
    for (const word of new Set(words(text))) frequency.set(word, (frequency.get(word) ?? 0) + 1)
  }
  const vectorOf = (text: string): Vector => {
    const counts = new Map<string, number>()
    for (const word of words(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
    const seen = [...counts].filter(([word]) => frequency.has(word))
    const weigh = (word: string, count: number): number =>
      (1 + Math.log(count)) * Math.log((1 + examples.length) / (1 + (frequency.get(word) ?? 0)))
    return unit(new Map(seen.map(([word, count]) => [word, weigh(word, count)])))
  }
  const sums = new Map<string, Map<string, number>>()
  for (const { text, label } of examples) {
    const sum = sums.get(label) ?? new Map<string, number>()
    for (const [word, weight] of vectorOf(text)) sum.set(word, (sum.get(word) ?? 0) + weight)
    sums.set(label, sum)
  }
  const centroids = [...sums].map(([label, sum]) => ({ label, vector: unit(sum) }))
  return (text) => {
    const vector = vectorOf(text)
    const near = centroids.map(({ label, vector: centroid }) => ({ label, cosine: dot(vector, centroid) }))
    const [best] = near.toSorted((a, b) => b.cosine - a.cosine)
    return best && best.cosine > 0 ? best.label : undefined
  }
}

function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]{2,}/gu) ?? []
}

function unit(vector: Vector): Vector {
  const length = Math.hypot(...vector.values())
  return length === 0 ? vector : new Map([...vector].map(([word, weight]) => [word, weight / length]))
}

function dot(a: Vector, b: Vector): number {
  let sum = 0
  for (const [word, weight] of a) sum += weight * (b.get(word) ?? 0)
  return sum
}
