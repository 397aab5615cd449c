"""Names of files that a group's Python could not decode."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import State


def findings(state: State) -> Iterator[Finding]:
    """A locale that the system lacks is told by httpd -t itself (BRINE0017)."""
    seen: set[str] = set()
    for load in state.loads:
        if load.context and load.context.encoding.lower() not in ("utf-8", "utf8") and load.runner.group not in seen:
            seen.add(load.runner.group)
            yield Finding("encoding", "machine", "warning", f"the Python of {load.runner.called} takes the names of "
                          f"files for {load.context.encoding}: others raise UnicodeEncodeError", (load.runner.place,),
                          "Take PYTHONUTF8=0 out of httpd's environment, or give a locale with UTF-8 (locale=C.UTF-8).")
