"""One in so many dumps is checked by a round trip, beside the request: one at a time, and the others are let go."""

import threading
from typing import Any

from brine._guard import LARGEST_SAMPLE
from brine.pickle import _judge, _react
from brine.pickle._hazards import Report
from brine.pickle._react import deliver, logger
from brine.pickle._restore import modern_name
from brine.pickle._round_trip import CheckError, Helper, check_pickle
from brine.pickle._scan import scan

SECONDS = 5.0

_helper = Helper()
_free = threading.Semaphore(1)
_ending = threading.Event()
_complained: list[CheckError] = []


def may_be_loaded(stream: bytes, pickler: Any) -> bool:
    """Whether another process can load what this Pickler has made, and takes nothing away by it.

    What a hook has kept out, or has put in another way, is for the program's own Unpickler. By its dispatch table
    multiprocessing hands over connections, locks and shared memory, which are there to be taken once: such a pickle
    may name classes that are none of its own, and what makes values whatever it is called with.
    """
    if _react.has_hooks(pickler):
        return False
    if getattr(pickler, "dispatch_table", None) is None:
        return True
    return all(found.grade == "safe" or _is_ordinary_class(found.module, found.name) for found in scan(stream).globals)


def _is_ordinary_class(module: str, name: str) -> bool:
    cls = _judge.found(*modern_name(module, name))
    return _judge.is_class(cls) and "multiprocessing" not in module.split(".")


def offer(stream: bytes) -> None:
    """Takes a pickle to check, unless another one is being checked. Returns at once."""
    if len(stream) > LARGEST_SAMPLE or _ending.is_set() or not _free.acquire(blocking=False):
        return
    try:
        threading.Thread(target=_check, args=(stream,), name="brine.pickle").start()
    except RuntimeError:  # no more threads, or the interpreter ends
        _free.release()


def _check(stream: bytes) -> None:
    try:
        report = check_pickle(stream, "the object", seconds=SECONDS, by=_helper)
        if report:
            deliver(Report(report.hazards))
    except CheckError as error:  # which says nothing about the pickle
        _complain(error)
    finally:
        _free.release()


def _complain(error: CheckError) -> None:
    """Says once that samples are not checked: who asks for them is to know, and the log is not to be flooded."""
    if not _complained and not _ending.is_set():
        _complained.append(error)
        logger.warning("a pickle whose turn it was (sample=) could not be checked, nor may others be: %s", error)


def _end() -> None:
    """The interpreter ends, and waits for its threads: the one that waits for an answer gets none."""
    _ending.set()
    _helper.close()


threading._register_atexit(_end)  # type: ignore[attr-defined]
