"""The ways in which one test is run: how httpd forks, which Python, where the application lives."""

from dataclasses import dataclass
from functools import cache

MPMS = ("event", "worker", "prefork")
MODES = ("embedded",)
MAIN, SUB = "%{GLOBAL}", "%{RESOURCE}"


@dataclass(frozen=True)
class Variant:
    """One way; `group` is the application group: the main interpreter or one for each script."""

    mode: str
    mpm: str
    python: str
    group: str = MAIN

    def __str__(self):
        kind = "main" if self.group == MAIN else "sub"
        return f"{self.mode}-{self.mpm}-{self.python}-{kind}"


@cache  # pytest compares parameters by identity: equal ones must be the same object
def variants(build, thorough):
    """The default way alone, or every MPM, every Python and both kinds of interpreter.

    The axes are independent of each other in the code under test, so each of their values is met
    once, not each combination.
    """
    result = []
    for mode in MODES:
        result.append(Variant(mode, "event", build.default_python))
        if thorough:
            result += [Variant(mode, mpm, build.default_python) for mpm in MPMS[1:]]
            result += [Variant(mode, "event", python) for python in build.pythons[1:]]
            result += [Variant(mode, "event", python, SUB) for python in build.pythons]
    return result
