import type { Registry } from '@bufbuild/protobuf'

/** Packages are not nested deeper; in one that is, what is further out needs its full name. */
const maxScopes = 32

/**
 * What a name that stands in an option means inside a scope, a full name: as protobuf resolves the names of types, what is nearest.
 * With a leading dot it is a full name. Undefined when there is nothing of that name.
 */
export function resolveType(registry: Registry, name: string, scope: string): ReturnType<Registry['get']> {
  if (name.startsWith('.')) return registry.get(name.slice(1))
  let at = scope
  for (let scopes = 0; scopes < maxScopes && at !== ''; scopes++) {
    const found = registry.get(`${at}.${name}`)
    if (found) return found
    at = at.slice(0, Math.max(at.lastIndexOf('.'), 0))
  }
  return registry.get(name)
}

const indexes = new WeakMap<Registry, ReadonlyMap<string, readonly string[]>>()

/** The full name of the one message that is called like this, in whichever package; undefined when there are several. */
export function messageCalled(registry: Registry, name: string): string | undefined {
  let index = indexes.get(registry)
  if (!index) {
    const messages = [...registry].filter(({ kind }) => kind === 'message').map(({ typeName }) => typeName)
    index = Map.groupBy(messages, simpleName)
    indexes.set(registry, index)
  }
  const [only, other] = index.get(simpleName(name)) ?? []
  return other === undefined ? only : undefined
}

function simpleName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1)
}
