"""Retries by hand, which follow RetryInfo, and those that a channel makes by itself."""

import json
import random
import time
from typing import Callable, TypeVar

from refusal import Refusal

T = TypeVar("T")

BASE_SECONDS = 0.1
CAP_SECONDS = 5.0


def with_retries(attempt: Callable[[], T], deadline: float, remark: Callable[[str], None]) -> T:
    """Repeats what may end otherwise when it is repeated, until the deadline (time.monotonic()).

    All attempts must send one key, so that they are one operation. Raises the last Refusal.
    """
    failures = 0
    while True:
        try:
            return attempt()
        except Refusal as refusal:
            failures += 1
            delay = delay_after(refusal, failures)
            if not refusal.may_be_repeated or time.monotonic() + delay >= deadline:
                raise
            remark(f"attempt {failures}: {refusal.title}; again in {delay * 1000:.0f} ms")
        time.sleep(delay)


def delay_after(refusal: Refusal, failures: int) -> float:
    """Full jitter under a doubling ceiling, and not before the time that the server asks for."""
    # 2.0 ** 1024 would overflow; the ceiling is reached long before.
    ceiling = min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(failures - 1, 20))
    return (refusal.retry_delay or 0) + random.uniform(0, ceiling)


# Has the channel try to connect again soon. Left to itself it comes to wait two minutes between two tries, and until the
# next one every call fails at once, however often it is repeated.
RECONNECTS = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    # How long one try may take.
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_reconnect_backoff_ms", 2000),
]

# Retries that the channel itself makes, for programs that want no loop: at most five attempts, chosen by code alone. It
# does not read RetryInfo, so it may come back sooner than the server asks, and leaves RESOURCE_EXHAUSTED alone.
CHANNEL_RETRIES = [
    (
        "grpc.service_config",
        json.dumps(
            {
                "methodConfig": [
                    {
                        "name": [{"service": "shop.v1.MailService"}],
                        "retryPolicy": {
                            "maxAttempts": 5,
                            "initialBackoff": "0.2s",
                            "maxBackoff": "5s",
                            "backoffMultiplier": 2,
                            "retryableStatusCodes": ["UNAVAILABLE"],
                        },
                    }
                ]
            }
        ),
    )
]
