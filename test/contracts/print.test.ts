import assert from 'node:assert/strict'
import { clone, createFileRegistry, createRegistry, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema, type FileDescriptorSet } from '@bufbuild/protobuf/wkt'
import { file_buf_validate_validate as validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'
import { printFile } from '../../src/contracts/print.ts'
import { compile } from '../support/compile.ts'

function fileOf(set: FileDescriptorSet, name: string): FileDescriptorProto {
  const file = set.file.find((each) => each.name === name)
  assert.ok(file, `${name} in the image`)
  return file
}

function withoutSourceInfo(file: FileDescriptorProto): Buffer {
  const bare = clone(FileDescriptorProtoSchema, file)
  delete bare.sourceCodeInfo
  return Buffer.from(toBinary(FileDescriptorProtoSchema, bare))
}

/** Comments by the path of what they belong to. */
function comments(file: FileDescriptorProto): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const { path, leadingComments, trailingComments, leadingDetachedComments } of file.sourceCodeInfo?.location ??
    []) {
    if (leadingComments === '' && trailingComments === '' && leadingDetachedComments.length === 0) continue
    const texts = [leadingComments, trailingComments, ...leadingDetachedComments]
    found.set(
      path.join(),
      // A block comment becomes one of lines, each of which ends where its text ends.
      texts.map((text) => text.replaceAll(/\s*$/gm, '')),
    )
  }
  return found
}

/** Compiles, prints and compiles again. Without source info the printer must find the order of declarations by itself. */
async function printTwice(sources: Record<string, string>, name = 'test.proto') {
  const first = await compile(sources)
  const original = fileOf(first, name)
  const print = (set: FileDescriptorSet) => {
    const registry = createFileRegistry(set)
    const file = registry.getFile(name)
    assert.ok(file)
    return printFile(file, registry)
  }
  const printed = print(first)
  const again = fileOf(await compile({ ...sources, [name]: printed }), name)
  delete original.sourceCodeInfo
  const printedBare = print(first)
  const againBare = fileOf(await compile({ ...sources, [name]: printedBare }), name)
  return { original, printed, again, printedBare, againBare }
}

async function assertRoundTrip(sources: Record<string, string>, name?: string): Promise<string> {
  const { original, printed, again, printedBare, againBare } = await printTwice(sources, name)
  assert.ok(withoutSourceInfo(again).equals(withoutSourceInfo(original)), `with source info:\n${printed}`)
  assert.ok(withoutSourceInfo(againBare).equals(withoutSourceInfo(original)), `without source info:\n${printedBare}`)
  return printed
}

describe('printFile', () => {
  it('prints protovalidate so that it compiles to the descriptor it came from', async () => {
    const printed = printFile(validate, createRegistry(validate))
    // compile() has this print among the common imports.
    const set = await compile({ 'test.proto': 'syntax = "proto3";\nimport "buf/validate/validate.proto";\n' })
    assert.match(printed, /^syntax = "proto2";\n\npackage buf\.validate;\n/)
    assert.ok(withoutSourceInfo(fileOf(set, validate.proto.name)).equals(withoutSourceInfo(validate.proto)))
  })

  it('keeps proto2: groups, defaults, extensions, ranges, required and message sets', async () => {
    await assertRoundTrip({
      'test.proto': `
        syntax = "proto2";
        package acme.old;
        import public "google/protobuf/any.proto";
        import weak "google/protobuf/empty.proto";
        import "google/protobuf/descriptor.proto";
        option optimize_for = SPEED;
        message Old {
          option deprecated = true;
          message First { optional int32 a = 1; }
          repeated group Result = 1 {
            option no_standard_descriptor_accessor = true;
            required string url = 2 [ctype = CORD];
            optional group Inner = 3 { optional bool ok = 1; }
          }
          message Second { map<string, First> firsts = 1; }
          map<int32, Second> seconds = 4 [deprecated = true];
          message Third {}
          enum Color { RED = 0; GREEN = -5 [deprecated = true]; reserved 10, 12 to 20, 100 to max; reserved "BLUE", "PINK"; }
          required Color color = 5 [default = GREEN];
          optional string text = 6 [default = "a \\"quoted\\" \\\\ line\\nwith \\001 and ü", json_name = "tEXT"];
          optional bytes raw = 7 [default = "\\x00\\xff\\"'\\\\"];
          optional double inf = 8 [default = -inf];
          optional float nan = 9 [default = nan];
          optional double ratio = 10 [default = 1.5e-10];
          optional uint64 big = 11 [default = 18446744073709551615];
          optional bool yes = 12 [default = true];
          repeated sint32 packed = 13 [packed = true];
          oneof choice { string a = 14; group Chosen = 15 { optional int32 x = 1; } }
          optional string empty = 16 [default = ""];
          reserved 50, 60 to 70;
          reserved "gone", "lost";
          extensions 100 to 199 [verification = UNVERIFIED];
          extensions 500, 600 to 700;
          extensions 1000 to max;
          extend Old { optional Third nested_extension = 100; repeated int64 numbers = 101 [packed = true]; }
          extend google.protobuf.EnumOptions { optional string note = 50000; }
        }
        message Set { option message_set_wire_format = true; extensions 4 to max; }
        extend Old { repeated group Late = 102 { optional string z = 1; } }
        enum Aliased { option allow_alias = true; option (acme.old.Old.note) = "it's"; ZERO = 0; NONE = 0; }
      `,
    })
  })

  it('keeps proto3: custom options, oneofs, optional, maps and services of every shape', async () => {
    const printed = await assertRoundTrip({
      'test.proto': `
        syntax = "proto3";
        package acme.v1;
        import "buf/validate/validate.proto";
        import "deed/v1/annotations.proto";
        import "google/api/annotations.proto";
        import "google/longrunning/operations.proto";
        import "google/protobuf/descriptor.proto";
        import "google/protobuf/timestamp.proto";
        import "other.proto";
        option (acme.v1.weight) = -inf;
        extend google.protobuf.FileOptions { double weight = 50001; }
        extend google.protobuf.OneofOptions { optional Extra extra = 50001; }
        extend google.protobuf.EnumValueOptions { repeated string aliases = 50001; bytes raw = 50002; }
        message Extra { map<string, int64> counts = 1; repeated Extra children = 2; optional bool on = 3; }
        message Ticket {
          option (buf.validate.message).cel = {
            id: "subject", message: "say \\"why\\"", expression: "this.subject != ''\\n && size(this.subject) < 100"
          };
          string subject = 1 [(buf.validate.field).string = { min_len: 1, max_len: 100 }, deprecated = true, debug_redact = true];
          optional int64 amount = 2 [jstype = JS_STRING, json_name = "@amount", (deed.v1.field).instructions = "in cents"];
          oneof who {
            option (buf.validate.oneof).required = true;
            option (extra) = { counts: { key: "a", value: 1 }, counts: { key: "b", value: -2 }, children: [{ on: true }, {}] };
            string email = 3;
            Ticket parent = 4;
          }
          map<string, google.protobuf.Timestamp> times = 5 [(buf.validate.field).map.keys.string.pattern = "^[a-z]\\\\d+$"];
          repeated .acme.v1.other.Ticket others = 6;
          Kind kind = 7;
          enum Kind { KIND_UNSPECIFIED = 0; KIND_BUG = 1 [(aliases) = "defect", (aliases) = "fault", (raw) = "\\xff\\x00"]; }
          reserved 9 to 11;
          reserved "old";
        }
        service Tickets {
          option (deed.v1.service) = { models: ["local/keywords"], timeout: { seconds: 30 } };
          rpc Triage(Ticket) returns (Ticket) {
            option (deed.v1.method) = { models: ["a/b", "c/d"], max_failures: 0 };
            option (google.api.http) = { post: "/v1/{subject=tickets/*}", body: "*" };
            option idempotency_level = IDEMPOTENT;
          }
          rpc Watch(Ticket) returns (stream Ticket);
          rpc Upload(stream Ticket) returns (Ticket) {}
          rpc Talk(stream Ticket) returns (stream Ticket);
          rpc Long(Ticket) returns (google.longrunning.Operation) {
            option (google.longrunning.operation_info) = { response_type: "Ticket" metadata_type: "Ticket" };
          }
        }
      `,
      'other.proto': 'syntax = "proto3";\npackage acme.v1.other;\nmessage Ticket {}\n',
    })
    assert.match(printed, /rpc Triage\(Ticket\) returns \(Ticket\) \{/)
    assert.match(printed, /repeated other\.Ticket others = 6;/)
  })

  it('keeps editions: features at every level, delimited and required fields, reserved identifiers', async () => {
    await assertRoundTrip({
      'test.proto': `
        edition = "2023";
        package acme.edition;
        option features.field_presence = IMPLICIT;
        option features.enum_type = CLOSED;
        message Node {
          option features.json_format = LEGACY_BEST_EFFORT;
          int32 id = 1 [features.field_presence = LEGACY_REQUIRED];
          Node next = 2 [features.message_encoding = DELIMITED];
          repeated int32 sizes = 3 [features.repeated_field_encoding = EXPANDED];
          string name = 4 [features = { field_presence: EXPLICIT, utf8_validation: NONE }, default = "x"];
          map<string, Node> children = 5;
          reserved gone, lost;
          reserved 7;
          extensions 100 to max [declaration = { number: 100, full_name: ".acme.edition.tag", type: "string" }];
        }
        enum Level { option features.enum_type = OPEN; LEVEL_NONE = 0; reserved OLD; }
        extend Node { string tag = 100; }
      `,
    })
    await assertRoundTrip({
      'test.proto': `
        edition = "2024";
        package acme.edition;
        import option "options.proto";
        export message Shown { local enum Hidden { HIDDEN_NONE = 0; } Hidden hidden = 1 [(acme.edition.opt) = 3]; }
        local message Own {}
      `,
      'options.proto': `
        edition = "2023";
        package acme.edition;
        import "google/protobuf/descriptor.proto";
        extend google.protobuf.FieldOptions { int32 opt = 50001; }
      `,
    })
  })

  it('writes names so that they mean the same where scopes shadow each other', async () => {
    const printed = await assertRoundTrip({
      'test.proto': `
        syntax = "proto3";
        package acme.google.deed.v1;
        import "deed/v1/annotations.proto";
        import "google/protobuf/timestamp.proto";
        message Thing {
          message Thing { .acme.google.deed.v1.Thing outer = 1; Thing inner = 2; }
          Thing nested = 1;
          .google.protobuf.Timestamp time = 2 [(.deed.v1.field).instructions = "x"];
        }
        service Things { rpc Get(Thing) returns (.acme.google.deed.v1.Thing.Thing) { option (.deed.v1.method) = {}; } }
      `,
    })
    assert.match(printed, /\.google\.protobuf\.Timestamp time = 2 \[\(\.deed\.v1\.field\)/)
    await assertRoundTrip({ 'test.proto': 'message NoPackage { optional NoPackage self = 1; }' })
  })

  it('keeps the comments and the order of the source', async () => {
    const source = `// Licence.

// About the file.
syntax = "proto3";

// About the package.
package acme.v1; // After the package.

// About the import.
import "google/protobuf/descriptor.proto";

// Apart.

// Apart, too.

// The service,
//   in two lines.
service Tickets {
  // After the brace.

  // Triage it.
  rpc Triage(Ticket) returns (Ticket); // Done.
  /* A block
   * of lines. */
  rpc Close(Ticket) returns (Ticket) {
    option deprecated = true;
  }
}

// A ticket.
message Ticket {
  // First the field.
  string id = 1;
  // What follows
  // in two lines.

  // Then the enum.
  enum Kind {
    // Nothing.
    KIND_UNSPECIFIED = 0; // Zero.
  }

  // Detached.

  oneof choice { // Choose.
    // One.
    string one = 2;
  }
  // By name.
  map<string, string> names = 4;
  // Gone.
  reserved 5;
}

// Options.
extend google.protobuf.FieldOptions {
  // A note.
  string note = 50001;
}
`
    const original = comments(fileOf(await compile({ 'test.proto': source }), 'test.proto'))
    const { printed, again } = await printTwice({ 'test.proto': source })
    assert.deepEqual(comments(again), original, printed)
    assert.equal(original.size, 16)
    assert.ok(printed.indexOf('service Tickets') < printed.indexOf('message Ticket'), printed)
    assert.ok(printed.indexOf('string id') < printed.indexOf('enum Kind'), printed)
  })
})
