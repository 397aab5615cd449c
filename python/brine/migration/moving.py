"""The move itself: one line is changed, and the old one stays beside it."""

import os
import shlex
import tempfile
from pathlib import Path

from brine.configuration.lines import Place, logical_lines
from brine.configuration.shadow import read_text
from brine.quoting import quoted


def write(path: Path, text: str) -> None:
    """In one step, with the owner and mode that the file had."""
    before = path.stat()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
            os.fchmod(stream.fileno(), before.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.fchown(stream.fileno(), before.st_uid, before.st_gid)
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def moved(text: str, line: int, module: Path) -> str:
    """The file's text with another LoadModule line, below the old one as a comment."""
    physical = text.split("\n")
    logical = next(each for each in logical_lines(text) if each.first == line)
    old = physical[logical.first - 1:logical.last]
    blanks = old[0][:len(old[0]) - len(old[0].lstrip())]
    ending = "\r" if old[-1].endswith("\r") else ""
    kept = [f"{blanks}# {logical.text}{ending}"]
    new = f"{blanks}LoadModule wsgi_module {quoted(module)}{ending}"
    return "\n".join([*physical[:logical.first - 1], *kept, new, *physical[logical.last:]])


def apply(place: Place, module: Path) -> str:
    """Changes the line; gives what the file said before. A link is followed: what it leads to is changed."""
    path = Path(place.file).resolve()
    before = read_text(path)
    write(path, moved(before, place.line, module))
    return before


def way_back(place: Place) -> str:
    """How to undo it, as a command."""
    file = shlex.quote(str(Path(place.file).resolve()))
    return f"sed -i '{place.line}s/# *//; {place.line + 1}d' {file}"
