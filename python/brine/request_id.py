"""The id of the request that a thread serves, and a filter that gives it to the records of `logging`.

It is the one in httpd's logs (%L), in environ["brine.request_id"] and in Brine's own lines. Needs nothing of a server:
where there is none, no thread serves a request.
"""

import logging
from typing import Callable, Optional

_current: Callable[[], Optional[str]] = lambda: None


def provide(current: Callable[[], Optional[str]]) -> None:
    """For the server, which knows what its threads serve."""
    global _current
    _current = current


def current() -> Optional[str]:
    """The id of the request that the calling thread serves; None: it serves none."""
    return _current()


class RequestIdFilter(logging.Filter):
    """Gives each record the attribute `request_id`, for `%(request_id)s`; `default` where there is no request.

    It belongs to handlers: filters of a logger are not asked about the records of its descendants. A record that has
    the attribute already, from `extra=`, keeps it.
    """

    def __init__(self, default: str = "-") -> None:
        super().__init__()
        self.default = default

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = current() or self.default
        return True
