"""Files that are written whole, or not at all, and never through a link that somebody else has laid."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from brine.refusal import Refusal


def write_new(file: Path, content: bytes) -> None:
    """Puts the file in the place of what is there. All may read it."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as output:
            os.fchmod(descriptor, 0o644)
            output.write(content)
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from None


@contextmanager
def together(files: Iterable[Path]) -> Iterator[None]:
    """Around the writing of these files, and of what else belongs to them: where not all of it can be done, those that
    were not there before are taken away again."""
    fresh = [file for file in files if not os.path.lexists(file)]
    try:
        yield
    except OSError:
        for file in fresh:
            file.unlink(missing_ok=True)
        raise


def demand_root_s(folder: Path) -> None:
    """Refuses a folder in which, or in whose place, anybody but root could put files: root's httpd is to read them."""
    real = folder.resolve()
    for each in dict.fromkeys((folder, real, *folder.parents, *real.parents)):
        status = each.stat()
        writers = stat.S_IWOTH | (stat.S_IWGRP if status.st_gid else 0)
        # Where the sticky bit is set, root's files are safe from those who may write.
        if status.st_uid or status.st_mode & writers and not status.st_mode & stat.S_ISVTX:
            raise Refusal(f"{each} can be written by others than root, and so would be what root's httpd reads: choose "
                          "another folder for -o, such as /etc/brine.")
