"""What /proc says of httpd's processes."""

import os
from pathlib import Path

_GONE = (FileNotFoundError, ProcessLookupError)


def _stat(task):
    """(parent, session, state, time of its start) of a process, or of `PID/task/TID`, or None where it is gone."""
    try:
        fields = Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()
    except _GONE:
        return None
    return int(fields[1]), int(fields[3]), fields[0], int(fields[19])


def _all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def in_session(session):
    """Processes of a session as {pid: state}; a zombie's state is Z."""
    found = ((pid, _stat(pid)) for pid in _all_pids())
    return {pid: stat[2] for pid, stat in found if stat and stat[1] == session}


def reap_orphans(session):
    """Reaps those of a session that have ended and that the test's process has taken over."""
    for pid, state in in_session(session).items():
        if state == "Z" and pid != session and parent(pid) == os.getpid():
            os.waitpid(pid, 0)


def state(pid):
    """R, S, T, Z ... of a process, or None where it is gone."""
    stat = _stat(pid)
    return stat and stat[2]


def newest(pids):
    """The one of these processes that was started last, or None. (Not the highest pid: those begin anew at 32768.)"""
    starts = {pid: stat[3] for pid in pids if (stat := _stat(pid))}
    return max(starts, key=starts.get, default=None)


def parent(pid):
    """A process's parent, or None where it is gone."""
    stat = _stat(pid)
    return stat and stat[0]


def children(parent):
    """Living children of a process."""
    found = ((pid, _stat(pid)) for pid in _all_pids())
    return sorted(pid for pid, stat in found if stat and stat[0] == parent and stat[2] != "Z")


def is_stopped(pid):
    """Whether SIGSTOP has reached all threads of a process."""
    stats = [_stat(f"{pid}/task/{thread}") for thread in os.listdir(f"/proc/{pid}/task")]
    return all(stat is None or stat[2] == "T" for stat in stats)


def thread_names(pid):
    """The names of a process's threads, as far as they are there."""
    result = []
    for comm in Path(f"/proc/{pid}/task").glob("*/comm"):
        try:
            result.append(comm.read_text().rstrip("\n"))
        except _GONE:
            continue
    return result


def descriptors(pid):
    """{fd: what it is open on} of a process; empty where it is gone."""
    result = {}
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except _GONE:
        return result
    for name in names:
        try:
            result[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except _GONE:
            continue
    return result


def open_files(pid):
    """Regular files that a process holds open, without logs, devices, and the programs that httpd has pinned."""
    return [target for target in descriptors(pid).values()
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd:"))
            and not target.endswith((".log", "log.txt"))
            and not Path(target).name.startswith(("brine-worker", "brine_engine."))]


def connections(port):
    """How many sockets of a server's port, other than the listening one, a process still holds."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = "0A"
    return sum(int(row[1].split(":")[1], 16) == port and row[3] != listening and row[9] != "0"
               for row in rows)


def unread(port, client):
    """Bytes that have come from the client's end of a connection and that the server has not read."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[4].split(":")[1], 16) for row in rows
               if [int(end.split(":")[1], 16) for end in row[1:3]] == [port, client])


def listens(pid, port):
    """Whether a process holds the socket that listens on a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "0A"}
    return any(f"socket:[{inode}]" in descriptors(pid).values() for inode in inodes)


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
