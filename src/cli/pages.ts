type Page<T> = { items: readonly T[]; nextPageToken: string }

/** All items of a list, page after page, and no more than `limit`. */
export async function* pages<T>(
  fetch: (pageSize: number, pageToken: string) => Promise<Page<T>>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<T> {
  let left = limit
  let pageToken = ''
  do {
    const page = await fetch(Math.min(left, pageSize), pageToken)
    yield* page.items
    left -= page.items.length
    pageToken = page.nextPageToken
  } while (pageToken !== '' && left > 0)
}

/** Small, because operations come with all that was asked and answered. */
const pageSize = 50
