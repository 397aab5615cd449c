"""What `brine pickle scan` and `brine pickle lint` find: one kind of object, whichever of them found it."""

from dataclasses import dataclass, field
from typing import Any

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that somebody should know about one place of one file."""

    id: str
    """Which rule it breaks (`brine.pickle_tools.rules`)."""
    severity: str
    """error: it fails in every configuration. warning: whether it does is decided elsewhere. note: good to know."""
    message: str
    remedy: str
    file: str
    line: int | None = None
    """From 1, for a file of text."""
    column: int | None = None
    """From 1, in characters."""
    offset: int | None = None
    """Bytes from the start, for a pickle."""
    member: str = ""
    """What of the file it is in, where that is a container: "archive/data.pkl"."""
    details: dict[str, Any] = field(default_factory=dict)
    """Facts for programs, as JSON can hold them."""

    @property
    def counts(self) -> bool:
        """Whether it makes the exit code 1."""
        return self.severity != "note"
