import { openBoss } from './boss.ts'
import { openDeed } from './deed.ts'
import { openGraphile } from './graphile.ts'
import type { Subject } from './subject.ts'

const kinds: ReadonlyMap<string, (url: string) => Promise<Subject>> = new Map([
  ['deed', (url) => openDeed(url, { queued: false })],
  ['deed-queued', (url) => openDeed(url, { queued: true })],
  ['graphile', (url) => openGraphile(url, { local: false, stores: true })],
  ['graphile-local', (url) => openGraphile(url, { local: true, stores: true })],
  ['graphile-local-lean', (url) => openGraphile(url, { local: true, stores: false })],
  ['boss', (url) => openBoss(url, { stores: true, notify: true })],
  ['boss-polling', (url) => openBoss(url, { stores: true, notify: false })],
  ['boss-lean', (url) => openBoss(url, { stores: false, notify: true })],
])

/** Opens a queue on an empty database of its own. */
export function openSubject(kind: string, url: string): Promise<Subject> {
  const open = kinds.get(kind)
  if (!open) throw new Error(`there is no queue ${JSON.stringify(kind)}`)
  return open(url)
}
