"""A clock, or a time zone, that is wrong: scripts count as changed, certificates and sessions as not yet valid."""

import time
from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import Runner, State

_TOLERATED_SECONDS = 60
_A_DAY = 86400


def _shown(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))
    except (OverflowError, ValueError, OSError):
        return f"{moment:g}"


def findings(state: State) -> Iterator[Finding]:
    """Of the machine, and of scripts that come from its future."""
    machine = state.machine
    places = tuple(runner.place for runner in state.runners)
    if machine.now < machine.oldest_now - _A_DAY:
        yield Finding("clock-behind", "machine", "error", f"the clock says {_shown(machine.now)}, and Brine was "
                      f"installed {_shown(machine.oldest_now)}", places, "Set it, and have it kept (timedatectl "
                      "set-ntp true): certificates, sessions and cookies go by it.")
    for runner in state.runners:
        yield from _of_scripts(runner, state)
    if not machine.known_zone:
        yield Finding("time-zone", "machine", "warning", f"TZ is {machine.time_zone!r} in httpd's environment, which "
                      "this system does not know: local times are UTC", places,
                      "Name a file below /usr/share/zoneinfo (Debian: apt-get install tzdata).")


def _of_scripts(runner: Runner, state: State) -> Iterator[Finding]:
    for script in runner.scripts:
        modified = state.machine.modified.get(script.path, 0)
        if modified > state.machine.now + _TOLERATED_SECONDS:
            yield Finding("from-the-future", "machine", "warning", f"{script.path} was modified at {_shown(modified)}, "
                          f"and it is {_shown(state.machine.now)}", (script.place,), "Set the clock of whichever "
                          "machine is wrong, and touch the file.")
