"""The exception that a traceback begins with: of a chain, the one that led to the others."""

import re
from collections.abc import Iterable

_FILE = re.compile(r'  File "(?!<frozen )(.+)", line (\d+)')  # not the import system's own
_HEAD = re.compile(r"Traceback \(most recent call last\):")


def root_exception(lines: Iterable[str]) -> str:
    """Its type and message, and where it was raised; "" where the lines hold no exception. CPython prints the cause
    before what it caused, and of an ExceptionGroup the group itself."""
    place = ""
    for line in lines:
        found = _FILE.match(line)
        if found:
            place = f" ({found[1]}:{found[2]})"
        elif line and not line.startswith((" ", "\t")) and not _HEAD.match(line):
            return line + place
    return ""
