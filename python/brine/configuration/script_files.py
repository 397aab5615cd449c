"""The files of scripts that a configuration names. Nobody waits for one, whatever it is."""

import os
from pathlib import Path

from brine.configuration.sites import Script
from brine.looking import content_of
from brine.pickle_tools.lint import LARGEST_SCRIPT

_MOST_IN_A_FOLDER = 500


def file_of(target: str) -> str:
    """The file on the way to what an alias leads to: what follows it in the path, httpd takes for PATH_INFO."""
    try:
        os.stat(target)
    except (OSError, ValueError):
        return next((str(each) for each in Path(target).parents if os.path.isfile(each)), target)
    return target


def files_of(script: Script) -> list[Path]:
    """The script, or the scripts of a folder."""
    path = Path(script.path)
    if path.is_dir():
        files = [each for each in sorted(path.iterdir()) if each.is_file() and not each.name.startswith(".")]
        return [each for each in files if each.suffix in (".py", ".wsgi", "")][:_MOST_IN_A_FOLDER]
    return [path]


def source_of(path: Path) -> bytes:
    """At most one byte more than the largest script; OSError where it is no regular file."""
    return content_of(path, LARGEST_SCRIPT + 1)
