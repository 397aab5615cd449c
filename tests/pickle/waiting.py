"""Waiting for what another thread does."""

import time

from late import DeadlineExceeded


def until(condition, seconds=60):
    """Returns when the condition holds. Raises DeadlineExceeded if it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise DeadlineExceeded("it did not come about")
        time.sleep(0.01)
