"""Looking at a path that somebody has named: what is there, or one sentence that tells why that cannot be seen."""

import errno
import os
import stat
from pathlib import Path

from brine.refusal import Refusal

_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def absolute(argument: str) -> Path:
    """The absolute path; symbolic links stay, so that a deployment may switch one."""
    try:
        return Path(os.path.abspath(argument))
    except FileNotFoundError:
        raise Refusal(f"The current folder has been removed, so {argument} cannot be found in it: go to another "
                      "folder, or name the path from / on.") from None


def is_nothing_there(error: OSError) -> bool:
    """Whether the error says that there is no such file, and not that the caller cannot know."""
    return error.errno in _NOTHING_THERE


def why_unseen(path: Path, error: OSError) -> str:
    """What keeps the caller from looking at a path, as the end of a sentence."""
    if error.errno == errno.EACCES:
        for folder in reversed(path.parents):
            if not os.access(folder, os.X_OK):
                return f"the folder {folder} does not let you pass (see its mode and owner)"
    return str(error.strerror)


def status(what: str, path: Path) -> os.stat_result | None:
    """Of what a path leads to; None if there is no such thing."""
    try:
        return path.stat()
    except OSError as error:
        if is_nothing_there(error):
            return None
        raise Refusal(f"{what} {path} cannot be looked at: {why_unseen(path, error)}.") from None


def content_of(path: str | Path, most: int) -> bytes:
    """The first bytes of a file that may be a stranger's. OSError where it is no regular file: nobody waits for a
    FIFO's writer, and a device may never come to its end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "is no regular file")
        return stream.read(most)
