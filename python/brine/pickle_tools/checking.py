"""`brine pickle check`: the round trip of what a file holds, or of an object that a module makes."""

import importlib
import io
import os
import pickletools
import sys
from dataclasses import asdict
from types import FunctionType
from typing import Any

from brine.pickle_tools.apart import Ended, apart
from brine.pickle_tools.files import system
from brine.pickle_tools.finding import Finding
from brine.pickle_tools.result import Failure, Result

LARGEST_FILE = 256 << 20
_SLACK = 30.0
"""Seconds to import a module, beside the time to load a pickle."""


class Check:
    """How the round trips are made."""

    def __init__(self, setup: str, seconds: float, memory: int) -> None:
        self._limits: dict[str, Any] = {"setup": setup, "seconds": seconds, "memory": memory}

    def target(self, target: str) -> Result:
        """The result for FILE, or for MODULE:NAME where there is no such file."""
        from brine.pickle import CheckError  # not before it is needed: lint works without the extension module
        try:
            if os.path.exists(target) or ":" not in target:
                return Result(target, self._file(target))
            return self._object(target)
        except OSError as error:
            return Result(target, failures=[system(error)])
        except CheckError as error:
            return Result(target, failures=[Failure(f"cannot be checked: {error}")])
        except _Unusable as error:
            return Result(target, failures=[Failure(str(error))])

    def _file(self, path: str) -> list[Finding]:
        from brine.pickle import scan
        from brine.pickle._round_trip import check_pickle
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise _Unusable(f"is longer than {LARGEST_FILE >> 20} MiB")
        findings: list[Finding] = []
        for start, stream in _pickles(data):
            report = scan(stream)
            if report.grade == "runs-code":
                raise _Unusable("names what runs code, and is not loaded: see `brine pickle scan`")
            findings += [self._finding(path, hazard, start) for hazard in check_pickle(stream, **self._limits)]
        return findings

    def _object(self, target: str) -> Result:
        """Its code runs here too, when it is made and pickled."""
        try:
            findings, failure = apart(lambda: self._look_at(target), 3 * self._limits["seconds"] + _SLACK)
        except Ended as ended:
            return Result(target, failures=[Failure(str(ended))])
        return Result(target, [Finding(**found) for found in findings], [Failure(failure)] if failure else [])

    def _look_at(self, target: str) -> tuple[list[dict[str, Any]], str]:
        """(findings, why there are none) of an object, as values."""
        from brine.pickle import CheckError, check
        try:
            obj = _made(target)
            return [asdict(self._finding(target, hazard)) for hazard in check(obj, **self._limits)], ""
        except CheckError as error:
            return [], f"cannot be checked: {error}"
        except _Unusable as error:
            return [], str(error)
        except Exception as error:  # of the object's own, while it is pickled
            return [], f"cannot be pickled: {type(error).__name__}: {error}"

    def _finding(self, target: str, hazard: Any, start: int | None = None) -> Finding:
        details = {name: value for name, value in asdict(hazard).items()
                   if value is not None and name not in ("id", "severity", "message", "remedy")}
        says = f" {hazard.pickle_error}." if hazard.pickle_error else ""
        return Finding(hazard.id, hazard.severity, hazard.message + says, hazard.remedy, target, offset=start,
                       details=details)


class _Unusable(Exception):
    """Why nothing can be checked: a clause about the target."""


def _pickles(data: bytes) -> list[tuple[int, bytes]]:
    """The pickles of a file, with their places."""
    file, found = io.BytesIO(data), []
    while file.tell() < len(data):
        start = file.tell()
        try:
            for _ in pickletools.genops(file):
                pass
        except ValueError as error:
            raise _Unusable(f"is no sound pickle: {error}") from error
        found.append((start, data[start:file.tell()]))
    if not found:
        raise _Unusable("is empty")
    return found


def _made(target: str) -> Any:
    """MODULE:NAME; of a function or class what it returns without arguments."""
    module, _, name = target.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found() if isinstance(found, (FunctionType, type)) else found
    except Exception as error:
        raise _Unusable(f"cannot be made: {type(error).__name__}: {error}") from error
