import type { DescFile, FileRegistry } from '@bufbuild/protobuf'

/** The file that declares a symbol: a type, or what is inside one: a method, a field, a oneof, an enum's value. */
export function fileOfSymbol(registry: FileRegistry, symbol: string): DescFile | undefined {
  const type = registry.get(symbol)
  if (type) return type.file
  const scope = scopeOf(symbol)
  const hasName = (desc: { name: string }) => symbol === (scope === '' ? desc.name : `${scope}.${desc.name}`)
  const parent = registry.get(scope)
  if (parent?.kind === 'service') return parent.methods.some(hasName) ? parent.file : undefined
  if (parent?.kind === 'message') {
    const members = [...parent.fields, ...parent.oneofs, ...parent.nestedEnums.flatMap(({ values }) => values)]
    return members.some(hasName) ? parent.file : undefined
  }
  // The values of an enum are named like its siblings.
  return [...registry.files].find(
    (file) => file.proto.package === scope && file.enums.some(({ values }) => values.some(hasName)),
  )
}

/** The symbol that another one is declared in: `a.B` of `a.B.c`, and '' of `c`. */
export function scopeOf(symbol: string): string {
  return symbol.slice(0, Math.max(symbol.lastIndexOf('.'), 0))
}

/** The file that declares the extension of a message with a number. */
export function fileOfExtension(registry: FileRegistry, message: string, number: number): DescFile | undefined {
  const extendee = registry.getMessage(message)
  return extendee && registry.getExtensionFor(extendee, number)?.file
}

/** The numbers of all known extensions of a message. */
export function extensionNumbers(registry: FileRegistry, message: string): number[] {
  return [...registry].flatMap((type) =>
    type.kind === 'extension' && type.extendee.typeName === message ? [type.number] : [],
  )
}

/** A file and all that it imports, directly or not; itself first. */
export function withImports(file: DescFile): DescFile[] {
  const files = new Set([file])
  // A set's iteration goes on over what is added meanwhile.
  for (const { dependencies } of files) for (const dependency of dependencies) files.add(dependency)
  return [...files]
}
