import type { DescMessage, JsonValue } from '@bufbuild/protobuf'
import { type ParsedAnswer, parseAnswer } from '../contracts/codec.ts'
import type { Method } from '../contracts/method.ts'
import { toProtoJson } from './proto-json.ts'
