"""Waiting: always for a condition, never for a time."""

import os
import time

SCALE = float(os.environ.get("BRINE_TEST_PATIENCE", "1"))


class DeadlineExceeded(AssertionError):
    """The condition did not come true in time."""


def until(condition, what, seconds=10.0):
    """Returns the first true value of `condition()`; fails after `seconds` (scaled for sanitizers)."""
    end = time.monotonic() + seconds * SCALE
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise DeadlineExceeded(f"not within {seconds * SCALE:g} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
