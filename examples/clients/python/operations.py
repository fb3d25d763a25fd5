"""Has a mail sorted by a long-running method. Exit codes: 0 done as asked, 1 refused or failed, 2 wrong usage.

All but the contract's own stub is googleapis': any method that returns a google.longrunning.Operation is driven so.
"""

import argparse
import os
import sys
import time
import uuid
from pathlib import Path

import grpc

# Where the README has protoc write.
sys.path.insert(0, str(Path(__file__).parent / "gen"))

from google.longrunning import operations_pb2, operations_pb2_grpc  # noqa: E402
from google.protobuf import duration_pb2  # noqa: E402
from refusal import Refusal  # noqa: E402
from retry import RECONNECTS, with_retries  # noqa: E402
from settings import read_secret  # noqa: E402
from shop.archive.v1 import archive_pb2, archive_pb2_grpc  # noqa: E402

# A wait is asked for in parts, so that what lies between does not take the connection for dead.
LONGEST_WAIT_SECONDS = 60
CALL_SECONDS = 10


class Client:
    """Makes calls with the key, and repeats those that may end otherwise until the deadline."""

    def __init__(self, channel: grpc.Channel, secret: str, deadline: float):
        self.archive = archive_pb2_grpc.ArchiveServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsStub(channel)
        self.deadline = deadline
        self.authorization = ("authorization", f"Bearer {secret}")

    def call(self, method, request, *metadata, seconds: float = CALL_SECONDS):
        def attempt():
            timeout = max(0, min(seconds, self.deadline - time.monotonic()))
            try:
                return method(request, timeout=timeout, metadata=(self.authorization, *metadata))
            except grpc.RpcError as error:
                raise Refusal(error) from None

        return with_retries(attempt, self.deadline, lambda line: print(line, file=sys.stderr))

    def start(self, text: str, key: str) -> operations_pb2.Operation:
        """Returns as soon as the operation is committed. The same key returns the same operation."""
        return self.call(self.archive.SortMail, archive_pb2.SortMailRequest(text=text), ("idempotency-key", key))

    def wait(self, name: str) -> operations_pb2.Operation:
        """Returns the operation when it has ended, or as it stands when the deadline has passed."""
        while True:
            left = max(0.0, self.deadline - time.monotonic() - 1)
            part = min(left, LONGEST_WAIT_SECONDS)
            timeout = duration_pb2.Duration(seconds=int(part), nanos=int(part % 1 * 1e9))
            request = operations_pb2.WaitOperationRequest(name=name, timeout=timeout)
            operation = self.call(self.operations.WaitOperation, request, seconds=part + CALL_SECONDS)
            if operation.done or left <= part:
                return operation

    def list(self, filter: str):
        page_token = ""
        while True:
            request = operations_pb2.ListOperationsRequest(
                name="operations", filter=filter, page_size=100, page_token=page_token
            )
            page = self.call(self.operations.ListOperations, request)
            yield from page.operations
            page_token = page.next_page_token
            if not page_token:
                return

    def cancel(self, name: str) -> operations_pb2.Operation:
        self.call(self.operations.CancelOperation, operations_pb2.CancelOperationRequest(name=name))
        return self.call(self.operations.GetOperation, operations_pb2.GetOperationRequest(name=name))

    def delete(self, name: str) -> None:
        self.call(self.operations.DeleteOperation, operations_pb2.DeleteOperationRequest(name=name))


def print_operation(operation: operations_pb2.Operation) -> int:
    metadata = archive_pb2.SortMailMetadata()
    # Operations of other methods have metadata of their own.
    operation.metadata.Unpack(metadata)
    print(f"operation: {operation.name} {metadata.state.replace('OPERATION_STATE_', '')}".rstrip())
    if operation.HasField("error"):
        print(f"error: {grpc_name(operation.error.code)}: {operation.error.message}")
        return 1
    response = archive_pb2.SortMailResponse()
    if operation.HasField("response") and operation.response.Unpack(response):
        names = archive_pb2.Shelf.DESCRIPTOR.values_by_number
        print(f"shelf: {names[response.shelf].name if response.shelf in names else response.shelf}")
        print(f"order number: {response.order_number if response.HasField('order_number') else 'none'}")
    return 0


def grpc_name(code: int) -> str:
    return next((each.name for each in grpc.StatusCode if each.value[0] == code), str(code))


def main() -> int:
    parser = argparse.ArgumentParser(description="Has a mail sorted by shop.archive.v1.ArchiveService.")
    parser.add_argument("--deadline", type=float, default=30, metavar="SECONDS", help="how long to wait; else 30")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start it, and print the operation")
    start.add_argument("text", metavar="TEXT", help="what the customer wrote")
    start.add_argument("--key", default=str(uuid.uuid4()), help="the idempotency key; else a new one")
    for command, what in (("wait", "wait for its end"), ("cancel", "cancel it"), ("delete", "delete it when it ended")):
        commands.add_parser(command, help=what).add_argument("name", metavar="NAME", help="operations/ID")
    listing = commands.add_parser("list", help="list operations, newest first")
    listing.add_argument("filter", metavar="FILTER", nargs="?", default="", help="such as: state = FAILED")
    options = parser.parse_args()

    secret = os.environ.get("DEED_KEY") or read_secret()
    address = os.environ.get("DEED_ADDRESS") or "127.0.0.1:50051"
    with grpc.insecure_channel(address, RECONNECTS) as channel:
        client = Client(channel, secret, time.monotonic() + options.deadline)
        try:
            if options.command == "start":
                return print_operation(client.start(options.text, options.key))
            if options.command == "wait":
                operation = client.wait(options.name)
                code = print_operation(operation)
                return code if operation.done else 1
            if options.command == "cancel":
                print_operation(client.cancel(options.name))
            elif options.command == "list":
                for operation in client.list(options.filter):
                    print_operation(operation)
            else:
                client.delete(options.name)
                print(f"deleted {options.name}")
        except Refusal as refusal:
            print("\n  ".join([f"{refusal.title}: {refusal.message}", *refusal.violations]), file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
