"""What an error says beside its code: the google.rpc.Status in its trailers, decoded."""

from typing import Optional

import grpc
from google.rpc import error_details_pb2, status_pb2


class Refusal(Exception):
    """A call that ended in an error."""

    def __init__(self, error: grpc.RpcError):
        super().__init__(error.details())
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        status = status_pb2.Status()
        for name, value in error.trailing_metadata() or ():
            if name == "grpc-status-details-bin":
                status.ParseFromString(value)

        def detail(kind):
            found = kind()
            # Each is there once at the most; a message that is not there stays empty.
            any(packed.Is(found.DESCRIPTOR) and packed.Unpack(found) for packed in status.details)
            return found

        # A value of deed.v1.ErrorReason, such as REQUEST_INVALID. None when it was not Deed that made the error.
        self.reason: Optional[str] = detail(error_details_pb2.ErrorInfo).reason or None
        # Seconds of the RetryInfo.
        self.retry_delay: Optional[float] = None
        retry = detail(error_details_pb2.RetryInfo)
        if retry.HasField("retry_delay"):
            self.retry_delay = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        # Violations of fields, preconditions and quotas, a line for each.
        self.violations = [
            *(f"field {v.field}: {v.description}" for v in detail(error_details_pb2.BadRequest).field_violations),
            *(
                f"precondition {v.subject}: {v.description}"
                for v in detail(error_details_pb2.PreconditionFailure).violations
            ),
            *(f"quota {v.subject}: {v.description}" for v in detail(error_details_pb2.QuotaFailure).violations),
        ]

    @property
    def may_be_repeated(self) -> bool:
        """Whether the same call, under the same key, may end otherwise.

        Deed sends RetryInfo with what it did not accept and with what goes on under its key; a server that cannot be
        reached sends nothing. A stored result has neither: it is final.
        """
        return self.retry_delay is not None or self.code is grpc.StatusCode.UNAVAILABLE

    @property
    def may_go_on(self) -> bool:
        """Whether the work may go on: the call may be repeated, or it was only the caller's own wait that ended."""
        return self.may_be_repeated or (self.code is grpc.StatusCode.DEADLINE_EXCEEDED and self.reason is None)

    @property
    def title(self) -> str:
        """INVALID_ARGUMENT (REQUEST_INVALID)"""
        return self.code.name if self.reason is None else f"{self.code.name} ({self.reason})"
