"""What `brine doctor` looks for: each file is one check, a pure function from what was gathered to what is wrong."""

from collections.abc import Callable, Iterable

from brine.configuration.finding import Finding
from brine.doctor.checks import (aliases, clock, environment, extensions, limits, locales, memory, paths, scripts,
                                 services, users)
from brine.doctor.state import State

CHECKS: tuple[Callable[[State], Iterable[Finding]], ...] = (
    users.findings, paths.findings, scripts.findings, environment.findings, aliases.findings, extensions.findings,
    limits.findings, memory.findings, clock.findings, locales.findings, services.findings)


def findings(state: State) -> list[Finding]:
    """All that they find."""
    return [finding for check in CHECKS for finding in check(state)]
