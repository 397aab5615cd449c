"""What /proc says of a server's processes: their tree, CPU time and memory."""

from __future__ import annotations

import os
import pathlib

PROC = pathlib.Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def stat_fields(pid: int) -> list[str]:
    """/proc/PID/stat from its third field (state) on; the second may hold blanks."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """`root` and all its descendants that are alive."""
    parents = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(stat_fields(int(entry.name))[1])
            except (OSError, IndexError):
                continue  # it has ended meanwhile
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def births(root: int) -> dict[int, str]:
    """The tree with each process's start time, which tells it from a later namesake."""
    found = {}
    for pid in tree(root):
        try:
            found[pid] = stat_fields(pid)[19]
        except OSError:
            continue
    return found


def left(family: dict[int, str]) -> list[int]:
    """Those of births() that still run."""
    alive = []
    for pid, birth in family.items():
        try:
            fields = stat_fields(pid)
        except OSError:
            continue
        if fields[19] == birth and fields[0] != "Z":
            alive.append(pid)
    return alive


def cpu_microseconds(root: int) -> float:
    """User and system time of the tree, with that of children which have ended."""
    ticks = 0
    for pid in tree(root):
        ticks += sum(int(field) for field in stat_fields(pid)[11:15])
    return ticks * 1e6 / TICKS_PER_SECOND


def mapping(root: int, words: tuple[str, ...]) -> int:
    """How many processes of the tree have mapped a file whose name holds one of `words`."""
    count = 0
    for pid in tree(root):
        maps = (PROC / str(pid) / "maps").read_text()
        names = [line.rpartition("/")[2] for line in maps.splitlines()]
        count += any(word in name for name in names for word in words)
    return count


def memory_kib(root: int) -> dict[str, int]:
    """KiB of the tree: `pss` (shared pages counted by their share) and `anonymous`."""
    total = {"pss": 0, "anonymous": 0}
    for pid in tree(root):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.lower() in total:
                total[name.lower()] += int(value.split()[0])
    return total
