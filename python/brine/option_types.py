"""What values of options may be: argparse types, each of which says what is expected."""

import argparse
import re

from brine.configuration.sites import size as bytes_of

_MOST_BYTES = 2**62


class Range:
    """A whole number within limits."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> int:
        if not text.isascii() or not text.isdigit() or not self._low <= int(text) <= self._high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {self._low} to {self._high}")
        return int(text)


class Span:
    """A whole number within limits, or two with a dash between them, the first of which is not the greater."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> tuple[int, int]:
        words = text.split("-")
        numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
        if (not len(words) == len(numbers) <= 2 or numbers != sorted(numbers)
                or not self._low <= numbers[0] <= numbers[-1] <= self._high):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a number from {self._low} to {self._high}, nor two such as 2-8")
        return numbers[0], numbers[-1]


def duration(text: str) -> str:
    """A time as WSGIDaemonProcess takes it."""
    if not re.fullmatch(r"(\d+(\.\d*)?|\.\d+)(ms|s|m|mi|h)?", text, re.ASCII | re.IGNORECASE):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 30s, 500ms, 5m or 1h")
    return text


def size(text: str) -> str:
    """A number of bytes as WSGIDaemonProcess takes it."""
    if not re.fullmatch(r"\d+([kmg]b?)?", text, re.ASCII | re.IGNORECASE):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 300M, 64K or 1G")
    return text


def byte_count(text: str) -> int:
    """Such a size, as the number of bytes that httpd's own directives take."""
    count = bytes_of(size(text))
    if count > _MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {_MOST_BYTES} bytes")
    return count


def url_paths(text: str) -> str:
    """URL paths with commas between them, as WSGIDaemonProcess takes them."""
    if not re.fullmatch(r"/[^\x00-\x20\x7f#,\"']*(,/[^\x00-\x20\x7f#,\"']*)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL path such as /login/, nor several with commas")
    return text


def account(text: str) -> str:
    """A user or a group: a name, or # and a number."""
    if not re.fullmatch(r"#\d+|[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name, nor # and a number")
    return text


def name(text: str) -> str:
    """A name in Python, or several with dots between them."""
    if not all(part.isidentifier() for part in text.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name in Python such as app")
    return text


def host_name(text: str) -> str:
    """A name as URLs have it."""
    if not re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host's name such as shop.example.org")
    return text
