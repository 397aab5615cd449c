"""What the system gives: limits, memory, clock, security modules. Parsing is pure."""

import os
import re
import resource
import time
from collections.abc import Mapping
from pathlib import Path

from brine.configuration.sites import Sites
from brine.doctor.state import Limits, Machine

_ZONES = "/usr/share/zoneinfo"


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def limits_of(text: str) -> tuple[int | None, int | None]:
    """Descriptors and tasks, hard limits, of /proc/PID/limits; httpd raises its soft limit of descriptors."""
    def hard(name: str) -> int | None:
        match = re.search(rf"^{name}\s+(\S+)\s+(\S+)", text, re.MULTILINE)
        return int(match[2]) if match and match[2].isdigit() else None

    return hard("Max open files"), hard("Max processes")


def _own_limits() -> Limits:
    def hard(which: int) -> int | None:
        value = resource.getrlimit(which)[1]
        return None if value == resource.RLIM_INFINITY else value

    return Limits("this shell's", hard(resource.RLIMIT_NOFILE), hard(resource.RLIMIT_NPROC))


def running(sites: Sites) -> int:
    """The pid of an httpd that runs this configuration; 0 if none does."""
    named = sites.tree.named("PidFile")
    text = _text(sites.absolute(named[-1].words[0])) if named and named[-1].words else ""
    pid = int(text) if text.strip().isdigit() else 0
    command = _text(f"/proc/{pid}/comm").strip() if pid else ""
    return pid if command in ("apache2", "httpd") else 0


def descendants(pid: int, parents: Mapping[int, int]) -> set[int]:
    """A process and all below it."""
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        match = re.search(r"\) \S (\d+) ", _text(f"/proc/{name}/stat"))
        if match:
            found[int(name)] = int(match[1])
    return found


def _held(pid: int) -> int:
    """Bytes resident in a running httpd, all of its processes, shared ones counted once."""
    found = [re.search(r"^RssAnon:\s+(\d+)", _text(f"/proc/{each}/status"), re.MULTILINE)
             for each in descendants(pid, _parents())]
    return sum(int(match[1]) * 1024 for match in found if match)


def available(meminfo: str, most: str, used: str) -> tuple[int, str]:
    """Bytes that can be had, and by whose word: the system's, or the control group's if that gives less."""
    match = re.search(r"^MemAvailable:\s+(\d+)", meminfo, re.MULTILINE)
    free = int(match[1]) * 1024 if match else 0
    if most.strip().isdigit() and used.strip().isdigit():
        left = max(0, int(most) - int(used))
        if left < free:
            return left, "of the control group"
    return free, "of the machine"


def _control_group(pid: str) -> str:
    match = re.search(r"^0::(/.*)$", _text(f"/proc/{pid}/cgroup"), re.MULTILINE)
    return f"/sys/fs/cgroup{match[1].rstrip('/')}" if match else "/sys/fs/cgroup"


def is_zone(name: str) -> bool:
    """Whether a value of TZ is one that the C library knows: a rule, or a file."""
    name = name.removeprefix(":")
    if not name or re.fullmatch(r"(?:[A-Za-z]{3,}|<[\w+-]+>)[+-]?\d[\w:,./+-]*", name) or name in ("UTC", "GMT"):
        return True
    return os.path.isfile(os.path.join(_ZONES, name)) or not os.path.isdir(_ZONES)


def _profile(pid: int) -> str:
    """The AppArmor profile of a running httpd, or the one that is loaded for it; only if it is enforced."""
    said = _text(f"/proc/{pid}/attr/apparmor/current") or _text(f"/proc/{pid}/attr/current") if pid else ""
    match = re.fullmatch(r"(.+) \(enforce\)", said.strip())
    if match:
        return match[1]
    loaded = re.findall(r"^(.*(?:apache2|httpd)\S*) \(enforce\)$",
                        _text("/sys/kernel/security/apparmor/profiles"), re.MULTILINE)
    return loaded[0] if loaded else ""


def look(sites: Sites, environment: Mapping[str, str], modified: Mapping[str, float], module: Path) -> Machine:
    """All of it, now."""
    pid = running(sites)
    limits = Limits("the running httpd's", *limits_of(_text(f"/proc/{pid}/limits"))) if pid else _own_limits()
    group = _control_group(str(pid or "self"))
    free, source = available(_text("/proc/meminfo"), _text(f"{group}/memory.max"), _text(f"{group}/memory.current"))
    zone = environment.get("TZ", "")
    return Machine(limits, free + (_held(pid) if pid and free else 0), source, time.time(), module.stat().st_mtime,
                   zone, is_zone(zone), dict(modified), _text("/sys/fs/selinux/enforce").strip() == "1",
                   _profile(pid))
