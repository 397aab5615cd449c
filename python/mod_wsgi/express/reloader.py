"""Modules that are watched, so that a change of one gives the group new processes (`--reload-on-changes`)."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType

import mod_wsgi

# The kernel's clock for files may be behind by that much.
_GRAIN = 20_000_000

_begin = time.time_ns()
_watched: set[str] = set()
_callbacks: list[Callable[[], None]] = []
_started = threading.Lock()


def _source(module: ModuleType) -> str | None:
    path = getattr(module, "__file__", None)
    if not isinstance(path, str):
        return None
    return path[:-1] if path.endswith(".pyc") else path


def _time(path: str) -> int:
    """When a file was changed; 0 where it cannot be seen."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _seen() -> dict[str, int]:
    """When each source that has ever been imported was changed. A script leaves sys.modules, and stays here."""
    _watched.update(filter(None, map(_source, list(sys.modules.values()))))
    return {path: _time(path) for path in list(_watched)}


def _changed(known: dict[str, int], now: dict[str, int], looked: int) -> list[str]:
    """What is not as it was at the last look, or was written between that look and its import or this one."""
    present = time.time_ns()
    return sorted(path for path, written in now.items()
                  if (known[path] != written if path in known else looked - _GRAIN <= written <= present))


def _watch(interval: float) -> None:
    known: dict[str, int] = {}
    looked = _begin
    never = threading.Event()
    while not never.wait(interval):
        before, looked = looked, time.time_ns()
        now = _seen()
        changed = _changed(known, now, before)
        known = now
        if changed:
            print(f"Changed: {changed[0]}. The group gets new processes.", file=sys.stderr)
            for callback in list(_callbacks):
                callback()
            # This process serves until its successor has loaded the code, and on where that is broken.
            os.kill(os.getpid(), signal.SIGUSR1)


def track_changes(path: str) -> None:
    """Has a further file watched, such as a configuration that is read once."""
    _watched.add(path)


def before_reload(callback: Callable[[], None]) -> Callable[[], None]:
    """Has a function called before the processes are replaced."""
    _callbacks.append(callback)
    return callback


def start_reloader(interval: float = 1.0) -> None:
    """Watches from now on, once in each process. Only daemon processes can be replaced."""
    if mod_wsgi.process_group and _started.acquire(blocking=False):
        threading.Thread(target=_watch, args=(interval,), name="mod_wsgi.reloader", daemon=True).start()
