/** A contract whose one message, request and response, has fields of every kind that a contract may use. */
export const kinds = `
syntax = "proto3";
package test.kinds.v1;
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

service KindService { rpc Echo(Kinds) returns (Kinds); }

enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; COLOR_BLUE = 2; }

message Kinds {
  double double_value = 1;
  float float_value = 2;
  int32 int32_value = 3;
  int64 int64_value = 4;
  uint32 uint32_value = 5;
  uint64 uint64_value = 6;
  sint32 sint32_value = 7;
  sint64 sint64_value = 8;
  fixed32 fixed32_value = 9;
  fixed64 fixed64_value = 10;
  sfixed32 sfixed32_value = 11;
  sfixed64 sfixed64_value = 12;
  bool bool_value = 13;
  string string_value = 14;
  bytes bytes_value = 15;
  Color color = 16;
  Kinds child = 17;
  repeated int32 numbers = 18;
  repeated string texts = 19;
  repeated Color colors = 20;
  repeated Kinds children = 21;
  map<string, string> labels = 22;
  map<int32, Kinds> by_number = 23;
  map<bool, Color> by_bool = 24;
  map<string, int64> counts = 25;
  oneof choice { string one = 26; int64 two = 27; Kinds three = 28; }
  optional int32 maybe = 29;
  google.protobuf.Timestamp time = 30;
  google.protobuf.Duration duration = 31;
  google.protobuf.FieldMask mask = 32;
  google.protobuf.Struct struct = 33;
  google.protobuf.Value value = 34;
  google.protobuf.ListValue list = 35;
  google.protobuf.Int64Value wrapped = 36;
  google.protobuf.StringValue wrapped_text = 37;
  repeated google.protobuf.Timestamp times = 38;
}
`

/** One value of it with every field set, in protobuf's JSON mapping. */
export const kindsJson = {
  doubleValue: 1.5,
  floatValue: 0.25,
  int32Value: -5,
  int64Value: '-9223372036854775808',
  uint32Value: 4294967295,
  uint64Value: '18446744073709551615',
  sint32Value: -7,
  sint64Value: '-8',
  fixed32Value: 9,
  fixed64Value: '10',
  sfixed32Value: -11,
  sfixed64Value: '-12',
  boolValue: true,
  stringValue: 'grüß 👋',
  bytesValue: 'AAEC/w==',
  color: 'COLOR_BLUE',
  child: { stringValue: 'inner', child: { boolValue: true } },
  numbers: [3, 1, 2],
  texts: ['a', ''],
  colors: ['COLOR_RED', 'COLOR_BLUE'],
  children: [{ int32Value: 1 }, {}],
  labels: { b: '2', a: '1', __proto: 'x' },
  byNumber: { '-1': { stringValue: 'm' }, '2': {} },
  byBool: { true: 'COLOR_RED' },
  counts: { x: '5' },
  two: '42',
  maybe: 0,
  time: '2026-02-28T23:59:59.5Z',
  duration: '-1.5s',
  mask: 'stringValue,child.boolValue',
  struct: { z: [1, { y: null }], a: 'b' },
  value: null,
  list: [true, 'x', { k: 2 }],
  wrapped: '0',
  wrappedText: '',
  times: ['0001-01-01T00:00:00Z'],
}
