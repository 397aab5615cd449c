"""The operating system's word that something under a folder has changed: inotify, by python3-watchdog."""

import threading
from pathlib import Path
from typing import Any

# Reading, and what a change of its entries does to a folder itself, are no changes.
_CHANGES = {"created", "deleted", "moved", "modified", "closed"}
_CHANGES_OF_FOLDERS = {"created", "deleted", "moved"}


def _matters(event: Any) -> bool:
    if event.is_directory:
        return event.event_type in _CHANGES_OF_FOLDERS
    paths = (event.src_path, getattr(event, "dest_path", ""))
    return event.event_type in _CHANGES and any(str(path).endswith(".py") for path in paths)


class FileEvents:
    """Listens to a folder and everything below it. OSError: the system's limits do not allow it."""

    def __init__(self, observer: Any, folder: Path) -> None:
        self._come = threading.Event()
        self._observer = observer
        observer.schedule(self, str(folder), recursive=True)
        observer.start()

    def dispatch(self, event: Any) -> None:
        """Called by watchdog's thread."""
        if _matters(event):
            self._come.set()

    def came(self) -> bool:
        """Whether any came since the last call."""
        come = self._come.is_set()
        self._come.clear()
        return come

    def close(self) -> None:
        """Listens no more."""
        self._observer.stop()
        self._observer.join()


def file_events(folder: Path) -> FileEvents | None:
    """None where there is no watchdog, or no room for one more."""
    try:
        from watchdog.observers import Observer
        return FileEvents(Observer(), folder)
    except (ImportError, OSError):
        return None
