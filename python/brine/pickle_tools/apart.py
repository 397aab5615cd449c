"""A function that runs code of somebody else's: in a process of its own, which may print, hang and end as it likes."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any


class Ended(Exception):
    """The function has not returned; a clause says why."""


def apart(function: Callable[[], Any], seconds: float) -> Any:
    """What a function returns, which has to be a value of `marshal`. Raises Ended.

    What it prints goes to standard error, so that it is in no report.
    """
    from brine.pickle import _fresh  # which reads and writes such values
    answer, given = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        try:
            os.close(answer)
            os.dup2(2, 1)
            _fresh.write(given, _outcome(function))
        finally:
            os._exit(0)
    os.close(given)
    try:
        failed, value = _fresh.read(answer, time.monotonic() + seconds)
    except TimeoutError:
        raise Ended(f"takes more than {seconds:g} s") from None
    except EOFError:
        status, child = os.waitpid(child, 0)[1], 0
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit status {os.WEXITSTATUS(status)}"
        raise Ended(f"ends the process, with {how}") from None
    finally:
        os.close(answer)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if failed:
        raise Ended(value)
    return value


def _outcome(function: Callable[[], Any]) -> tuple[bool, Any]:
    """(whether it has failed, its value or why)."""
    try:
        return False, function()
    except BaseException as error:
        return True, f"ends the program: {type(error).__name__}: {error}"
    finally:
        sys.stdout.flush()
