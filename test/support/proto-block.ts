/** What any of these may import; what a file does not use, buf only warns of. */
const imports = [
  'buf/validate/validate.proto',
  'deed/v1/annotations.proto',
  ...['duration', 'field_mask', 'struct', 'timestamp', 'wrappers'].map((name) => `google/protobuf/${name}.proto`),
]

/**
 * A `proto` block as a file that can be published. One that begins with `syntax` is a file as it stands. Another is a part of
 * one: it gets a package, imports, messages for the types that its methods name and it leaves out, and, where it has no
 * service, one that answers with each of its messages.
 */
export function protoFile(text: string, packageName: string): string {
  if (/^\s*(\/\/.*\n)*syntax\s*=/.test(text)) return text
  const declared = new Set([...text.matchAll(/^message (\w+)/gm)].map(([, name = '']) => name))
  const named = [...text.matchAll(/\brpc \w+\((\w+)\) returns \((\w+)\)/g)].flatMap(([, ...names]) => names.slice(0, 2))
  const missing = [...new Set(named)].filter((name) => !declared.has(name))
  const answers = [...declared].map((name) => `  rpc Get${name}(Any${name}) returns (${name});`)
  return [
    'syntax = "proto3";',
    `package ${packageName};`,
    ...imports.map((name) => `import "${name}";`),
    text,
    ...missing.map((name) => `message ${name} { string text = 1; }`),
    ...(/^service /m.test(text)
      ? []
      : [
          ...[...declared].map((name) => `message Any${name} { string text = 1; }`),
          `service Answers {\n${answers.join('\n')}\n}`,
        ]),
  ].join('\n')
}
