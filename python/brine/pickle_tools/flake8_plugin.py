"""The rules of `brine pickle lint` for flake8, which finds these classes by the entry points of the package.

flake8 looks at all files of a project, of which few are WSGI scripts. What a module defines may be pickled, so of files
that are no scripts only what pickle refuses everywhere is told: lambdas and what is defined inside functions.
"""

import argparse
import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import PurePath
from typing import Any, ClassVar

from brine.installation import version
from brine.pickle_tools.finding import Finding
from brine.pickle_tools.lint import Unreadable, lint_tree

CODES = {"naming-script": "BRN101", "naming-local": "BRN102", "pickle-user": "BRN201"}
"""By the ids of findings. A code once given keeps its meaning."""
SCRIPTS = ["*.wsgi", "wsgi.py"]

_WHY = {"naming-script": "the module of a WSGI script has a name in its own process only",
        "naming-local": "pickle cannot find it by its name"}


class Hazards:
    """BRN1..: what reaches a pickle and does not load."""

    name = "brine"
    version = version()
    scripts: ClassVar[list[str]] = SCRIPTS

    def __init__(self, tree: ast.Module, filename: str, lines: list[str]) -> None:
        self._tree, self._file = tree, filename
        self._lines = [line.rstrip("\r\n") for line in lines]

    @staticmethod
    def add_options(parser: Any) -> None:
        parser.add_option("--wsgi-scripts", default=",".join(SCRIPTS), comma_separated_list=True,
                          parse_from_config=True, metavar="PATTERNS",
                          help="names of files that are WSGI scripts (default: %(default)s)")

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        Hazards.scripts = options.wsgi_scripts

    def run(self) -> Iterator[tuple[int, int, str, type]]:
        """(line, column from 0, text, class) of each finding."""
        try:
            findings = lint_tree(self._tree, self._lines, self._file)
        except Unreadable:  # too involved for it: flake8 has no word for that
            return
        for finding in findings:
            if self._tells(finding):
                yield finding.line or 1, (finding.column or 1) - 1, f"{CODES[finding.id]} {_words(finding)}", type(self)

    def _tells(self, finding: Finding) -> bool:
        return finding.counts and (finding.id == "naming-local" or self._is_script())

    def _is_script(self) -> bool:
        path = PurePath(self._file)
        return any(fnmatch(path.name, pattern) or path.match(pattern) for pattern in Hazards.scripts)


class Users(Hazards):
    """BRN2..: which modules that pickle a script imports. Off unless it is asked for, since that is no hazard."""

    off_by_default = True

    @staticmethod
    def add_options(parser: Any) -> None:
        """The option is added once."""

    def _tells(self, finding: Finding) -> bool:
        return finding.id == "pickle-user" and self._is_script()


def _words(finding: Finding) -> str:
    """A line, as flake8 shows one."""
    if finding.id == "pickle-user":
        return finding.message
    name, line = finding.details["name"], finding.details["reaches_line"]
    what = "a lambda" if name.endswith("<lambda>") else f"{finding.details['kind']} {name}"
    return f"{what} reaches {finding.details['reaches']} in line {line}: {_WHY[finding.id]}"
