/** A contract with long-running methods, one with metadata of its own, and a unary one with a `request_id`. */
export const longProto = {
  'test/long/v1/long.proto': `
syntax = "proto3";
package test.long.v1;
import "buf/validate/validate.proto";
import "deed/v1/annotations.proto";
import "google/longrunning/operations.proto";
// Works for long.
service LongService {
  option (deed.v1.service) = {models: ["test/one"], max_failures: 1, max_repairs: 0};
  rpc Work(WorkRequest) returns (google.longrunning.Operation) {
    option (google.longrunning.operation_info) = {response_type: "WorkResponse" metadata_type: "WorkMetadata"};
  }
  rpc Plain(WorkRequest) returns (google.longrunning.Operation) {
    option (google.longrunning.operation_info) = {response_type: "WorkResponse" metadata_type: "google.protobuf.Struct"};
  }
  rpc Ask(WorkRequest) returns (WorkResponse);
}
message WorkRequest {
  string text = 1 [(buf.validate.field).string.max_len = 20];
  string request_id = 2;
  int64 big = 3;
}
message WorkResponse { string text = 1; }
message WorkMetadata { string method = 1; uint32 attempts = 2; }
`,
}

export const long = 'test.long.v1.LongService'
