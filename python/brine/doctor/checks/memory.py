"""Memory that the processes take together, against what there is."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.doctor import unit as units
from brine.doctor.state import Runner, State


def sizes(state: State) -> dict[str, int]:
    """Bytes of one process of a group, by its name: the largest of its scripts stands for all of them."""
    found: dict[str, int] = {}
    for load in state.loads:
        found[load.runner.group] = max(found.get(load.runner.group, 0), load.resident)
    return found


def findings(state: State) -> Iterator[Finding]:
    """Of all of them together."""
    each_takes = sizes(state)
    loaded = [runner for runner in state.runners if each_takes.get(runner.group)]
    wanted = sum(runner.processes * each_takes[runner.group] for runner in loaded)
    places = tuple(runner.place for runner in loaded)
    free, source = state.machine.free_memory, state.machine.memory_source
    details = tuple(_line(runner, each_takes[runner.group]) for runner in loaded)
    if free and wanted > free:
        yield _finding(wanted, f"{_mib(free)} of memory {source} can be had", places, details)
    for name in ("MemoryMax", "MemoryHigh"):
        said = state.unit.get(name) if state.unit else None
        most = units.quantity(said.value) if said else None
        if said and most is not None and wanted > most:
            yield _finding(wanted, f"the service has {name}={said.value}", (*places, said.place), details)


def _mib(number: int) -> str:
    return f"{number >> 20} MiB"


def _line(runner: Runner, size: int) -> str:
    return f"{runner.called}: {runner.processes} x {_mib(size)}, with nothing loaded but the script"


def _finding(wanted: int, there: str, places: tuple[Place, ...], details: tuple[str, ...]) -> Finding:
    return Finding("too-little-memory", "limit", "warning",
                   f"the processes take {_mib(wanted)} together, and {there}", places,
                   "Lower processes= (MaxRequestWorkers for httpd's own), or give it more; a reload takes up to twice "
                   "as much for a while.", details=details)
