"""Has a mail read. Exit codes: 0 answered, 1 refused or failed, 2 wrong usage."""

import sys
import time
from pathlib import Path

import grpc

# Where the README has protoc write.
sys.path.insert(0, str(Path(__file__).parent / "gen"))

from refusal import Refusal  # noqa: E402
from retry import CHANNEL_RETRIES, RECONNECTS, with_retries  # noqa: E402
from settings import Settings, read_settings  # noqa: E402
from shop.v1 import mail_pb2, mail_pb2_grpc  # noqa: E402


def main() -> int:
    settings = read_settings()
    options = RECONNECTS + (CHANNEL_RETRIES if settings.channel_retries else [])
    # One deadline for all attempts: it bounds the wait, whatever happens.
    deadline = time.monotonic() + settings.deadline_seconds
    with grpc.insecure_channel(settings.address, options) as channel:
        # Older grpcio, such as Debian 12's, connects only while someone waits for it: here also between two attempts.
        channel.subscribe(lambda _: None, try_to_connect=True)
        stub = mail_pb2_grpc.MailServiceStub(channel)
        try:
            if settings.channel_retries:
                response, trailers = read_mail(stub, settings, deadline)
            else:
                response, trailers = with_retries(lambda: read_mail(stub, settings, deadline), deadline, complain)
        except Refusal as refusal:
            print_refusal(refusal, settings.key)
            return 1
    print_answer(response, trailers)
    return 0


def read_mail(stub: mail_pb2_grpc.MailServiceStub, settings: Settings, deadline: float):
    """One attempt at the call, with the metadata that Deed reads. Returns the response and the trailers; raises Refusal."""
    try:
        response, call = stub.ReadMail.with_call(
            mail_pb2.ReadMailRequest(text=settings.text),
            timeout=deadline - time.monotonic(),
            metadata=(("authorization", f"Bearer {settings.secret}"), ("idempotency-key", settings.key)),
        )
    except grpc.RpcError as error:
        raise Refusal(error) from None
    return response, dict(call.trailing_metadata() or ())


def print_answer(response: mail_pb2.ReadMailResponse, trailers: dict) -> None:
    # A later version of the contract may have values that this client does not know.
    names = mail_pb2.Wish.DESCRIPTOR.values_by_number
    print(f"wish: {names[response.wish].name if response.wish in names else response.wish}")
    print(f"order number: {response.order_number if response.HasField('order_number') else 'none'}")
    print(f"operation: {trailers.get('deed-operation')}")
    print(f"contract version: {trailers.get('deed-contract-version')}")
    print(f"model: {trailers.get('deed-model')}")
    print(f"replayed: {trailers.get('deed-replayed', 'false')}")


def print_refusal(refusal: Refusal, key: str) -> None:
    complain(f"{refusal.title}: {refusal.message}")
    for line in refusal.violations:
        complain(f"  {line}")
    if refusal.retry_delay is not None:
        complain(f"  may be sent again after {refusal.retry_delay * 1000:.0f} ms")
    if refusal.may_go_on:
        complain(f"  if it was accepted, it goes on: the same call with --key {key} gets its result")


def complain(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
