"""A function that runs code of somebody else's: in a process of its own, which may print, hang and end as it likes."""

import os
import sys
from collections.abc import Callable
from typing import Any


class Ended(Exception):
    """The function has not returned; a clause says why."""


def apart(function: Callable[[], Any], seconds: float) -> Any:
    """What a function returns, which has to be a value of `marshal`. Raises Ended.

    What it prints goes to standard error, so that it is in no report.
    """
    from brine.pickle import _fresh  # which reads and writes such values
    sys.stdout.flush()
    sys.stderr.flush()
    kind, *told = _fresh.in_child(lambda: _outcome(function), seconds)
    if kind == "value":
        return told[0]
    if kind == "time":
        raise Ended(f"takes more than {seconds:g} s")
    if kind == "memory":
        raise Ended("takes more memory than there is")
    if kind == "ended":
        by, status = told
        raise Ended(f"ends the process, with {f'signal {by}' if by else f'exit status {status}'}")
    raise Ended(told[0])


def _outcome(function: Callable[[], Any]) -> tuple[str, Any]:
    """("value", what it returns) or ("raises", why it does not)."""
    os.dup2(2, 1)
    try:
        return "value", function()
    except MemoryError:
        raise
    except BaseException as error:
        return "raises", f"ends the program: {type(error).__name__}: {error}"
    finally:
        sys.stdout.flush()
