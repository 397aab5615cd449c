"""The ways in which one test is run: how httpd forks, which Python, where the application lives."""

from dataclasses import dataclass
from functools import cache

MPMS = ("event", "worker", "prefork")
MODES = ("embedded", "daemon")
MAIN, SUB = "%{GLOBAL}", "%{RESOURCE}"


@dataclass(frozen=True)
class Variant:
    """One way; `group` is the application group: the main interpreter or one for each script."""

    mode: str
    mpm: str
    python: str
    group: str = MAIN

    @property
    def one_process(self):
        """Whether one process at a time runs the applications (a group of the tests has one)."""
        return self.mode == "daemon" or self.mpm != "prefork"

    def __str__(self):
        kind = "main" if self.group == MAIN else "sub"
        return f"{self.mode}-{self.mpm}-{self.python}-{kind}"


@cache  # pytest compares parameters by identity: equal ones must be the same object
def variants(build, axes=frozenset(), modes=MODES):
    """The default way alone, or a way for each MPM, each Python and, with "interpreters", both kinds of interpreter.

    The axes are independent of each other in the code under test, so each of their values is met
    once, not each combination; only Pythons differ in how they make sub-interpreters. What goes over
    HTTP is the same in any interpreter: one way shows it. In daemon mode the engine is the same, and
    httpd's part is small: the one MPM that differs most, the newest Python, and sub-interpreters,
    which every new process has to find again.
    """
    result = []
    for mode in modes:
        result.append(Variant(mode, "event", build.default_python))
        if not axes:
            continue
        if mode != "embedded":
            result.append(Variant(mode, "prefork", build.default_python))
            result += [Variant(mode, "event", python) for python in build.pythons[-1:]
                       if python != build.default_python]
            if "interpreters" in axes:
                result.append(Variant(mode, "event", build.default_python, SUB))
            continue
        result += [Variant(mode, mpm, build.default_python) for mpm in MPMS[1:]]
        result += [Variant(mode, "event", python) for python in build.pythons[1:]]
        with_sub = build.pythons if "interpreters" in axes else build.pythons[:1]
        result += [Variant(mode, "event", python, SUB) for python in with_sub]
    return result
