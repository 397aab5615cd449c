"""What one of the commands has to say about one file."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from brine.pickle_tools.finding import Finding

CLEAN, FINDINGS, ERROR = 0, 1, 2
"""Exit codes. `scan` has further ones, by the grade of what it found (`brine.pickle._grades`)."""

STATUS = {"runs-code": 1, "unknown": 3, "script": 4, "missing": 5, "safe": CLEAN}


def worst(codes: Iterable[int]) -> int:
    """The code of several files, or of several things in one: what is sure to be bad first, then what is not known."""
    return min((code for code in codes if code != CLEAN), default=CLEAN)


@dataclass(frozen=True)
class Failure:
    """Why a file could not be read or understood."""

    reason: str
    """A clause about the file: "ends in the middle of a pickle"."""
    line: int | None = None
    column: int | None = None
    offset: int | None = None
    member: str = ""
    """What of the file it is about, where that is a container."""


@dataclass(frozen=True)
class Result:
    """Findings, and failures if there are some: what was found before counts too."""

    file: str
    findings: list[Finding] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    pickles: int | None = None
    """How many pickles it holds; None for a script."""
    globals: list[dict[str, Any]] | None = None
    """All that the pickles name, as dicts with the keys of ScannedGlobal and `member`."""

    @property
    def code(self) -> int:
        if self.pickles is not None:
            return worst([ERROR if self.failures else CLEAN, STATUS[self.grade]])
        if self.failures:
            return ERROR
        return FINDINGS if any(finding.counts for finding in self.findings) else CLEAN

    @property
    def grade(self) -> str:
        """The worst grade of what its pickles name."""
        grades = {finding.details.get("grade") for finding in self.findings}
        return next((grade for grade in STATUS if grade in grades), "safe")

    @property
    def verdict(self) -> str:
        if self.failures:
            return "error"
        return "clean" if self.code == CLEAN else "findings"


@dataclass
class Totals:
    """What was seen in all."""

    files: int = 0
    pickles: int = 0
    others: int = 0
    """Files without a pickle."""
    hazards: int = 0
    errors: int = 0
    """Files of which something could not be read."""

    def count(self, result: Result) -> None:
        self.files += 1
        self.pickles += result.pickles or 0
        self.others += not result.pickles
        self.hazards += sum(finding.counts for finding in result.findings)
        self.errors += bool(result.failures)


@dataclass(frozen=True)
class Outcome:
    """What a command has to say of all its files: what every format is made of."""

    command: str
    """scan, lint or check."""
    results: list[Result]
    code: int
    """The command's exit code."""
    totals: Totals | None = None
    """What was seen in folders, where some were named."""


def within(file: str, member: str) -> str:
    """A member of a container, as it is told to people."""
    return f"{file}!{member}" if member else file
