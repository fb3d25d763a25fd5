import { join } from 'node:path'
import type { NewNames } from './new-names.ts'
import { shellWord } from './text.ts'

/** The files of a new contract, by their path in its folder. `folder` is where that is, for the commands in the README. */
export function newFiles(names: NewNames, folder: string): Readonly<Record<string, string>> {
  return {
    'buf.yaml': bufYaml,
    [`${names.path}/${fileName(names)}`]: proto(names),
    'request.yaml': requestYaml,
    'examples/first.yaml': examplesYaml(names, folder),
    'README.md': readme(names, folder),
  }
}

/** The last part of the package, as buf's lint has it. */
function fileName({ package: full }: NewNames): string {
  return `${full.split('.').at(-2)}.proto`
}

const bufYaml = `# For editors and buf's own commands; Deed brings along what is imported and needs none of it.
version: v2
deps:
  - buf.build/bufbuild/protovalidate
lint:
  use: [STANDARD]
breaking:
  use: [WIRE_JSON]
`

const requestYaml = `# A request to try: the fields of the request in the contract.
text: >-
  The parcel with order 48213 has arrived broken. I want my money back, and
  I need an answer today because I leave tomorrow.
`

function examplesYaml({ method }: NewNames, folder: string): string {
  return `# What is expected of answers. This has them given, and says which are not as expected:
#   npx deed test ${shellWord(folder)}
- name: broken goods, money back, today
  method: ${method.slice(method.lastIndexOf('/') + 1)}
  request:
    text: >-
      The parcel with order 48213 has arrived broken. I want my money back, and
      I need an answer today because I leave tomorrow.
  expect:
    response:
      topic: {in: [TOPIC_REFUND, TOPIC_DELIVERY]}
      urgency: URGENCY_HIGH
      orderNumber: "48213"
    cel: size(response.summary) >= 20
`
}

function proto({ package: full, subject, service }: NewNames): string {
  return `syntax = "proto3";

package ${full};

import "buf/validate/validate.proto";

// The comments below are what the model is told, together with the messages and their rules.

// Reads the messages that customers write.
service ${service} {
  // Say what the customer wants and how urgent it is, and sum the message up in one sentence.
  rpc Read${subject}(Read${subject}Request) returns (Read${subject}Response);
}

// What a customer wants.
enum Topic {
  TOPIC_UNSPECIFIED = 0;
  // Money back, a refund, a wrong charge, an invoice.
  TOPIC_REFUND = 1;
  // Something is late, broken, lost or wrong in the parcel or delivery.
  TOPIC_DELIVERY = 2;
  // A question about a product before it is bought: size, price, colour.
  TOPIC_PRODUCT = 3;
  // Everything else.
  TOPIC_OTHER = 4;
}

// How soon it has to be answered.
enum Urgency {
  URGENCY_UNSPECIFIED = 0;
  // It can wait, there is no hurry.
  URGENCY_LOW = 1;
  // Today, urgent, as soon as possible.
  URGENCY_HIGH = 2;
}

message Read${subject}Request {
  // The message as the customer wrote it.
  string text = 1 [(buf.validate.field).string = {
    min_len: 1
    max_len: 10000
  }];
}

message Read${subject}Response {
  Topic topic = 1 [(buf.validate.field).enum = {
    defined_only: true
    not_in: [0]
  }];
  Urgency urgency = 2 [(buf.validate.field).enum = {
    defined_only: true
    not_in: [0]
  }];
  // The message in one sentence.
  string summary = 3 [(buf.validate.field).string = {
    min_len: 1
    max_len: 300
  }];
  // The number of the order, when the message has one.
  optional string order_number = 4;
}
`
}

function readme(names: NewNames, folder: string): string {
  const { package: full, service, method, path } = names
  const shown = shellWord(folder)
  return `# ${full}

A contract for Deed: [${path}/${fileName(names)}](${path}/${fileName(names)}). Its comments are what the model is told, its messages
the form of the answer, and its rules (protovalidate) what an answer has to keep.

With a server running (\`npx deed serve\`), publish it, and call it with [request.yaml](request.yaml):

\`\`\`sh
npx deed publish ${shown}
npx deed call ${method} -d @${join(shown, 'request.yaml')}
\`\`\`

Have the examples in [examples](examples) answered, without a server, and see which answers are not as expected:

\`\`\`sh
npx deed test ${shown}
\`\`\`

What a model gets of it, and what was asked and answered:

\`\`\`sh
npx deed contract show ${full}.${service} --prompt
npx deed contract show ${full}.${service} --schema
npx deed operation list
\`\`\`

Change the contract and publish it again: that makes the next version. What would break callers is refused.
`
}
