"""What one of the commands has to say about one file."""

from dataclasses import dataclass, field
from typing import Any

from brine.pickle_tools.finding import Finding

CLEAN, FINDINGS, ERROR = 0, 1, 2
"""Exit codes, and so the order of verdicts: the worst of any file is that of the command."""


@dataclass(frozen=True)
class Failure:
    """Why a file could not be read or understood."""

    reason: str
    """A clause about the file: "ends in the middle of a pickle"."""
    line: int | None = None
    column: int | None = None
    offset: int | None = None


@dataclass(frozen=True)
class Result:
    """Findings, and a failure if there is one: what was found before it counts too."""

    file: str
    findings: list[Finding] = field(default_factory=list)
    failure: Failure | None = None
    pickles: int | None = None
    """How many pickles it holds; None for a script."""
    globals: list[dict[str, Any]] | None = None
    """All that the pickles name, as dicts with the keys of ScannedGlobal."""

    @property
    def code(self) -> int:
        if self.failure:
            return ERROR
        return FINDINGS if any(finding.counts for finding in self.findings) else CLEAN

    @property
    def verdict(self) -> str:
        return ("clean", "findings", "error")[self.code]
