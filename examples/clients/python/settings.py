"""The command line and the environment, where an empty variable counts as not set."""

import argparse
import os
import re
import sys
import uuid
from dataclasses import dataclass, field
from typing import NoReturn

SECRET_FILE = ".deed/admin.key"


@dataclass(frozen=True)
class Settings:
    # host:port
    address: str
    # The API key.
    secret: str = field(repr=False)
    text: str
    # The idempotency key.
    key: str
    deadline_seconds: float
    channel_retries: bool


def read_settings() -> Settings:
    """Ends the process with a line on stderr and code 2 when something is wrong."""
    parser = argparse.ArgumentParser(description="Has a mail read by shop.v1.MailService.")
    parser.add_argument("text", metavar="TEXT", help="what the customer wrote")
    # A key for each logical call. Where the work has a name of its own, such as the id of the mail, take that.
    parser.add_argument("--key", default=str(uuid.uuid4()), help="the idempotency key; else a new one")
    parser.add_argument("--deadline", default="30", metavar="SECONDS", help="how long to wait; else 30")
    parser.add_argument("--channel-retries", action="store_true", help="let the channel retry")
    options = parser.parse_args()
    if not re.fullmatch(r"[\x20-\x7e]{1,255}", options.key):
        wrong("--key must be 1 to 255 printable ASCII characters")
    seconds = float(options.deadline) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", options.deadline) else 0
    if not 0 < seconds <= 86_400:
        wrong("--deadline must be a number of seconds, up to a day")
    try:
        options.text.encode()
    except UnicodeEncodeError:
        wrong("the text must be UTF-8")
    secret = os.environ.get("DEED_KEY") or read_secret()
    if not re.fullmatch(r"[\x21-\x7e]+", secret):
        wrong("the API key must be printable ASCII characters")
    return Settings(
        address=os.environ.get("DEED_ADDRESS") or "127.0.0.1:50051",
        secret=secret,
        text=options.text,
        key=options.key,
        deadline_seconds=seconds,
        channel_retries=options.channel_retries,
    )


def read_secret() -> str:
    try:
        with open(SECRET_FILE, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        wrong(f"no API key: set DEED_KEY, or run this where the server has made {SECRET_FILE}")


def wrong(line: str) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(2)
