"""Waiting for what another thread does."""

import time


def until(condition, seconds=60):
    """Returns when the condition holds. Raises AssertionError if it does not come to hold."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
