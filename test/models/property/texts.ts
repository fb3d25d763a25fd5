import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import type { Draw } from './draw.ts'
import type { Element, Rules } from './elements.ts'

const samples: Readonly<Record<string, readonly string[]>> = {
  email: ['ada@example.com', 'a.b+c@mail.example.org'],
  uuid: ['018f4d2e-7b1a-7c3d-9e4f-5a6b7c8d9e0f'],
  ipv4: ['192.0.2.1', '0.0.0.0'],
  ipv6: ['2001:db8::1', '::'],
  hostname: ['example.com', 'a-b.example'],
  uri: ['https://example.com/a?b=c#d', 'mailto:ada@example.com'],
}

export function drawString(draw: Draw): Element {
  const type = Type.STRING
  const ruled = (value: object) => ({ case: 'string', value }) as Rules
  const least = draw.whole(1, 3)
  const most = least + draw.whole(0, 5)
  switch (draw.whole(0, 9)) {
    case 0: {
      const bounds = { minLen: BigInt(least), maxLen: BigInt(most) }
      return { type, rules: ruled(bounds), neverZero: true, value: (d) => d.text(least, most) }
    }
    case 1:
      return { type, rules: ruled({ len: BigInt(least) }), neverZero: true, value: (d) => d.text(least, least) }
    case 2:
      return {
        type,
        rules: ruled({ in: ['S', 'M', 'ü "x"'] }),
        neverZero: true,
        value: (d) => d.pick(['S', 'M', 'ü "x"']),
      }
    case 3:
      return { type, rules: ruled({ const: 'only' }), neverZero: true, zero: '', value: () => 'only' }
    case 4:
      return {
        type,
        rules: ruled({ prefix: 'a-', suffix: '-z' }),
        neverZero: true,
        value: (d) => `a-${d.text(0, 5)}-z`,
      }
    case 5: {
      const value = (d: Draw) => 'abcdefgh'.slice(d.whole(0, 3), d.whole(5, 8))
      return { type, rules: ruled({ pattern: '^[a-z]{2,8}$' }), neverZero: true, value }
    }
    case 6: {
      const kind = draw.pick(Object.keys(samples))
      const values = samples[kind] ?? []
      return {
        type,
        rules: ruled({ wellKnown: { case: kind, value: true } }),
        neverZero: true,
        zero: '',
        value: (d) => d.pick(values),
      }
    }
    case 7: {
      const cel = [{ id: 'short', message: 'must be short', expression: 'size(this) < 9' }]
      return { type, cel, value: (d) => d.text(0, 8) }
    }
    default:
      return { type, value: (d) => (d.chance(15) ? d.pick(['', '__proto__', 'null', '12', '{}']) : d.text(0, 12)) }
  }
}

export function drawBytes(draw: Draw): Element {
  const type = Type.BYTES
  const ruled = (value: object) => ({ case: 'bytes', value }) as Rules
  switch (draw.whole(0, 3)) {
    case 0:
      return { type, rules: ruled({ minLen: 1n, maxLen: 5n }), neverZero: true, value: (d) => d.bytes(1, 5) }
    case 1:
      return { type, rules: ruled({ len: 16n }), neverZero: true, value: (d) => d.bytes(16, 16) }
    default:
      return { type, value: (d) => d.bytes(0, 7) }
  }
}

export function drawBool(draw: Draw): Element {
  const type = Type.BOOL
  if (draw.chance(20))
    return { type, rules: { case: 'bool', value: { const: true } }, neverZero: true, value: () => true }
  return { type, value: (d) => d.chance(50) }
}
