import { type Message, toJson } from '@bufbuild/protobuf'
import type { CompletionRequest } from '../../src/models/provider.ts'

/** A contract that is called with a text and gives it back, when the model `test/one` answers as {@link echo} does. */
export const echoProto = {
  'test/echo/v1/echo.proto': `
syntax = "proto3";
package test.echo.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
// Echoes.
service EchoService {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 1};
  // Repeat the text.
  rpc Echo(EchoRequest) returns (EchoResponse);
}
message EchoRequest {
  string text = 1 [(buf.validate.field).string.max_len = 100];
  repeated Item items = 2;
  map<string, int32> counts = 3 [(buf.validate.field).map.values.int32.lte = 10];
  Nest nest = 4;
  bytes blob = 5;
}
message Item { int32 price = 1 [(buf.validate.field).int32.gte = 0]; }
message Nest { Nest inner = 1; }
message EchoResponse { string text = 1 [(buf.validate.field).string.min_len = 1]; }
`,
}

/** The answer of a model that repeats the request's text. */
export function echo({ method, request }: CompletionRequest): string {
  return JSON.stringify({ text: textOf(method.input, request) })
}

function textOf(...[desc, message]: [Parameters<typeof toJson>[0], Message]): string {
  const json = toJson(desc, message)
  return typeof json === 'object' && json !== null && 'text' in json ? String(json['text']) : ''
}
