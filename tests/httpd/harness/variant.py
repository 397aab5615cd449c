"""The ways in which one test is run: how httpd forks, which Python, where the application lives."""

from dataclasses import dataclass
from functools import cache

MPMS = ("event", "worker", "prefork")
MODES = ("embedded", "daemon")
AXES = frozenset({"mpm", "python", "interpreter"})
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
    """The default way of each mode, and a way for each further value on the axes that a test depends on.

    The axes are independent of each other in the code under test, so each of their values is met
    once, not each combination; only Pythons differ in how they make sub-interpreters. In daemon mode the
    engine is the same, and httpd's part is small: the one MPM that differs most, the newest Python with a GIL
    and without, and sub-interpreters, which every new process has to find again.
    """
    if not axes <= AXES:
        raise ValueError(f"no axis of the tests: {', '.join(sorted(axes - AXES))}")
    result = []
    for mode in modes:
        embedded = mode == "embedded"
        pythons = [python for python in (build.pythons if embedded else build.newest_pythons)
                   if "python" in axes and python != build.default_python]
        mpms = MPMS[1:] if embedded else MPMS[-1:]
        result.append(Variant(mode, "event", build.default_python))
        result += [Variant(mode, mpm, build.default_python) for mpm in mpms if "mpm" in axes]
        result += [Variant(mode, "event", python) for python in pythons]
        if "interpreter" in axes:
            result += [Variant(mode, "event", python, SUB)
                       for python in [build.default_python, *(pythons if embedded else ())]]
    return result
