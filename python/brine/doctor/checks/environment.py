"""Pythons that cannot be run for a group."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import State


def findings(state: State) -> Iterator[Finding]:
    """Where a script could not even be tried."""
    for load in state.loads:
        if load.ending == "no-python":
            yield Finding("no-python", "environment", "warning", f"the Python of {load.runner.called} cannot be run by "
                          f"{load.runner.user}: {load.output}", (load.runner.place,),
                          "Make the environment anew for that user, or name another by python-home=.")
