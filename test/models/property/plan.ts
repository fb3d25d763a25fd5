import type { Element } from './elements.ts'

/** What the values of a field have to be. */
export type FieldPlan = {
  element: Element
  shape: 'implicit' | 'explicit' | 'list' | 'map'
  /** Of a list or a map. */
  size: { min: number; max: number }
  unique: boolean
  key: Element | undefined
  required: boolean
  /** Whether the zero value need not keep the rules. */
  spared: boolean
}

/** What a message has to be: `groups` are fields of which at most one may be set, or exactly one. */
export type MessagePlan = {
  fields: Map<string, FieldPlan>
  groups: { fields: string[]; required: boolean }[]
}

/** The types of the contract that is drawn, by their names with a dot in front. */
export type Types = { syntax: Syntax; messages: string[]; enums: DrawnEnum[] }

export type Syntax = 'proto2' | 'proto3' | 'editions'

/** `numbers` are those of its values, the first of them first. */
export type DrawnEnum = { name: string; numbers: number[]; closed: boolean }
