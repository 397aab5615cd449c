"""The files of scripts that a configuration names. Nobody waits for one, whatever it is."""

import os
import stat
from pathlib import Path

from brine.configuration.sites import Script
from brine.pickle_tools.lint import LARGEST_SCRIPT

_MOST_IN_A_FOLDER = 500


def files_of(script: Script) -> list[Path]:
    """The script, or the scripts of a folder."""
    path = Path(script.path)
    if path.is_dir():
        files = [each for each in sorted(path.iterdir()) if each.is_file() and not each.name.startswith(".")]
        return [each for each in files if each.suffix in (".py", ".wsgi", "")][:_MOST_IN_A_FOLDER]
    return [path]


def source_of(path: Path) -> bytes:
    """At most one byte more than the largest script; OSError where it is no regular file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # whatever it is: nobody waits for a FIFO's writer
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "is no regular file")
        return stream.read(LARGEST_SCRIPT + 1)
