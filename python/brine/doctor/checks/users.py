"""Whom httpd's processes run as, where root starts it."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import State


def findings(state: State) -> Iterator[Finding]:
    """What names no account passes the configuration's test, and ends httpd's processes as they start."""
    tree = state.sites.tree
    for name in state.unknown_accounts:
        said = tree.named(name)[-1:]
        why = f"{name} {said[0].arguments} is not in the system's list" if said else f"no {name} is set"
        yield Finding("account-unknown", "machine", "error",
                      f"httpd's processes do not start: {why}, and root starts it",
                      tuple(each.place for each in said or tree.named("Listen")),
                      f"{name} has to name an account that is there; Debian's is www-data.")
