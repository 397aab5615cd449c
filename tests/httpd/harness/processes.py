"""What /proc says of httpd's processes."""

import os
from pathlib import Path


def _stat(pid):
    """(parent, session, state) of a process, or None where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), int(fields[3]), fields[0]


def _all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def in_session(session):
    """Processes of a session as {pid: state}; a zombie's state is Z."""
    found = ((pid, _stat(pid)) for pid in _all_pids())
    return {pid: stat[2] for pid, stat in found if stat and stat[1] == session}


def children(parent):
    """Living children of a process."""
    found = ((pid, _stat(pid)) for pid in _all_pids())
    return sorted(pid for pid, stat in found if stat and stat[0] == parent and stat[2] != "Z")


def descriptors(pid):
    """{fd: what it is open on} of a process."""
    result = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            result[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
    return result


def open_files(pid):
    """Regular files that a process holds open, without logs and devices."""
    return [target for target in descriptors(pid).values()
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/"))
            and not target.endswith((".log", "log.txt"))]


def connections(port):
    """How many sockets of a server's port, other than the listening one, a process still holds."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return sum(int(row[1].split(":")[1], 16) == port and row[3] != listening and row[9] != "0"
               for row in rows)


def resident_kib(pid):
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def maps(pid):
    """Names of the shared objects that a process has mapped."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if ".so" in line}
