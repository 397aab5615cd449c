"""Waiting: always for a condition, never for a time."""

import os
import time

from late import DeadlineExceeded

SCALE = float(os.environ.get("BRINE_TEST_PATIENCE", "1"))


def in_time(took, seconds, what):
    """Fails as a wait does where something took `seconds` (scaled) or more: on a busy machine that is no fault."""
    if took >= seconds * SCALE:
        raise DeadlineExceeded(f"not within {seconds * SCALE:g} s, but after {took:.1f} s: {what}")


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
