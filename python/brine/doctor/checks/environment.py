"""Pythons that cannot be run for a group, and engines that cannot be loaded."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import State


def findings(state: State) -> Iterator[Finding]:
    """Where a script could not even be tried, or would be tried in vain."""
    for runner in state.runners:
        failure = state.broken_engines.get(runner.python)
        if failure:
            yield Finding("engine-broken", "environment", "error", f"the engine for Python {runner.python}, which "
                          f"{runner.called} needs, cannot be loaded: {failure}", (runner.place,),
                          f"Install that Python's library (Debian: apt-get install libpython{runner.python}).")
    for load in state.loads:
        if load.ending == "no-python":
            yield Finding("no-python", "environment", "warning", f"the Python of {load.runner.called} cannot be run by "
                          f"{load.runner.user}: {load.output}", (load.runner.place,),
                          "Make the environment anew for that user, or name another by python-home=.")
