"""A WSGI application that is to be served, and the script by which httpd has it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Application:
    """One script and the URL path that it answers at. The script is an absolute path."""

    script: Path
    mount: str = "/"
    callable: str = "application"
    """What the script calls its application."""
    source: str = ""
    """The text of a script that is yet to be made, where nobody has written one; empty: it is there."""
    warm_up: str = ""
    """The end of that text in production: it does what the first request would do, so that a mistake shows before."""
    root: Path | None = None
    """From where its modules are imported; None: as the script's place says."""
    name: str = ""
    """What it is called in messages; empty: by its script."""

    @property
    def subject(self) -> str:
        """What is served, in messages."""
        return self.name or str(self.script)

    @property
    def import_root(self) -> Path:
        """The folder from which the script's neighbours are imported: the script's own, or the one
        above the package that the script is part of (a Django project's wsgi.py)."""
        return self.root or package_root(self.script)


def package_root(script: Path) -> Path:
    """The first folder above a file that is no package."""
    folder = script.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        folder = folder.parent
    return folder
