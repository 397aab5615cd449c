"""The folder in which a run of `brine serve` keeps its configuration, log and pid file."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from brine.refusal import Refusal


def _is_private(folder: Path) -> bool:
    """Whether the folder is a real directory that nobody but the caller can enter."""
    status = os.lstat(folder)
    return (stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
            and stat.S_IMODE(status.st_mode) & 0o077 == 0)


def _parent() -> Path:
    """Where to make the folder: XDG_RUNTIME_DIR if it is ours, as its specification demands it to
    be (after `sudo` it may be another user's), else the directory for temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime) and _is_private(Path(runtime)):
        return Path(runtime)
    parent = Path(tempfile.gettempdir()).resolve()
    mode = os.stat(parent).st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise Refusal(f"{parent} can be written by everybody and has no sticky bit, so anybody could put "
                      f"a folder of theirs in the place of ours: set TMPDIR to another directory.")
    return parent


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder with an unpredictable name and mode 0700; removed at the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="brine-", dir=_parent()))
    except OSError as error:
        raise Refusal(f"No private folder could be made: {error}.") from None
    try:
        if not _is_private(folder):
            raise Refusal(f"{folder} was just made and is not private: something changes owners or modes there.")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
