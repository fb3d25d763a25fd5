/**
 * What `work` makes of each input, in the order of the inputs, `atOnce` of them under way at the most: while there are so many, or the
 * result of one has not been taken, no further input is asked for. `work` must not reject. An error of the inputs comes after the results
 * of those before it.
 */
export async function* inOrder<I, O>(
  inputs: AsyncIterable<I>,
  atOnce: number,
  work: (input: I) => Promise<O>,
): AsyncGenerator<O> {
  const iterator = inputs[Symbol.asyncIterator]()
  const started: Promise<O>[] = []
  const ask = () =>
    iterator.next().then(
      (read) => ({ read }),
      (error: unknown) => ({ error }),
    )
  let asked: ReturnType<typeof ask> | undefined = ask()
  let failure: { error: unknown } | undefined
  while (asked || started.length > 0) {
    const [first] = started
    const reading = asked && started.length < atOnce ? [asked] : []
    const news = await Promise.race([...reading, ...(first ? [first.then((result) => ({ result }))] : [])])
    if ('result' in news) {
      started.shift()
      yield news.result
    } else if ('error' in news) {
      failure = news
      asked = undefined
    } else if (news.read.done) {
      asked = undefined
    } else {
      started.push(work(news.read.value))
      asked = ask()
    }
  }
  if (failure) throw failure.error
}
