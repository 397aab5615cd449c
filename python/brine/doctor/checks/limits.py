"""Limits of processes, threads, descriptors and memory that are less than the groups need."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.doctor import unit as units
from brine.doctor.runners import children
from brine.doctor.state import Limits, State

OWN_THREADS = 2
"""Of a daemon process, besides those that serve."""
OWN_DESCRIPTORS = 40
_ENOUGH = 0.75


def findings(state: State) -> Iterator[Finding]:
    """Of each user's processes, and of each group's memory."""
    yield from _tasks(state)
    yield from _descriptors(state)
    yield from _memory(state)


def tasks(state: State) -> dict[str, int]:
    """User: processes and threads, those of httpd's children included."""
    needed: dict[str, int] = {}
    processes, threads = children(state.sites)
    for each in state.runners:
        if each.group:
            needed[each.user] = needed.get(each.user, 0) + each.processes * (each.threads + OWN_THREADS)
    owner = next((each.user for each in state.runners if not each.group), state.sites.user)
    needed[owner] = needed.get(owner, 0) + processes * (threads + 2 if threads > 1 else 1)
    return needed


def effective(state: State) -> tuple[Limits, tuple[Place, ...]]:
    """What a service says counts, where one is known and says anything; places: its lines."""
    limits, places = state.machine.limits, []
    if state.unit is None or limits.source == "the running httpd's":
        return limits, ()
    found = {}
    for name, key in (("LimitNOFILE", "descriptors"), ("LimitNPROC", "tasks")):
        setting = state.unit.get(name)
        if setting:
            found[key] = units.quantity(setting.value)
            places.append(setting.place)
    return Limits(f"{state.unit.name}'s", **found), tuple(places)


def _tasks(state: State) -> Iterator[Finding]:
    limits, places = effective(state)
    for user, needed in tasks(state).items():
        if limits.tasks is not None and needed > limits.tasks and user != "root":
            groups = [each for each in state.runners if each.user == user]
            yield Finding("too-few-tasks", "limit", "warning", f"the user {user} is to run {needed} processes and "
                          f"threads ({_sum(state, user)}), and {limits.source} limit is {limits.tasks}",
                          (*(each.place for each in groups), *places),
                          f"Raise it (ulimit -u; LimitNPROC= of the service) above {2 * needed}, since a reload starts "
                          "the new processes beside the old ones, or lower processes= and threads=.")


def _sum(state: State, user: str) -> str:
    return "; ".join(f"{each.called}: {each.processes} x {each.threads}" for each in state.runners
                     if each.user == user) or "httpd's own"


def _descriptors(state: State) -> Iterator[Finding]:
    limits, places = effective(state)
    if limits.descriptors is None:
        return
    processes, threads = children(state.sites)
    groups = [each for each in state.runners if each.group]
    for each in groups:
        needed = min(processes * threads, each.threads + 100) + OWN_DESCRIPTORS
        if needed > limits.descriptors:
            yield Finding("too-few-descriptors", "limit", "warning", f"a process of {each.called} may have {needed} "
                          f"descriptors open, and {limits.source} limit is {limits.descriptors}",
                          (each.place, *places), "Raise it (ulimit -n; LimitNOFILE= of the service): 65536 does no "
                          "harm.")
    needed = threads * (2 if groups else 1) + OWN_DESCRIPTORS
    if needed > limits.descriptors and not groups:
        yield Finding("too-few-descriptors", "limit", "warning", f"a child of httpd may have {needed} descriptors "
                      f"open, and {limits.source} limit is {limits.descriptors}",
                      (*(each.place for each in state.runners[:1]), *places),
                      "Raise it (ulimit -n; LimitNOFILE= of the service).")


def _memory(state: State) -> Iterator[Finding]:
    """What one script needs, loaded, leaves little of the group's limit."""
    for load in state.loads:
        for option, limit, used in (("memory-limit", load.runner.memory_limit, load.data),
                                    ("virtual-memory-limit", load.runner.space_limit, load.space)):
            if load.ending == "loaded" and limit and used > limit * _ENOUGH:
                yield Finding("memory-limit", "limit", "warning", f"{option}= of {load.runner.called} is "
                              f"{limit >> 20} MiB, and {load.script.path} takes {used >> 20} MiB of it by being loaded",
                              (load.runner.place,), "Raise it: requests need memory too, and get a MemoryError.")
