"""Ports for the servers that tests start, which nothing takes between the choice and the server's start.

The kernel hands out a port of its ephemeral range at once again, to any connection of any program. So ports
are taken from below that range. Of those each process of a test run has a block for itself alone: it holds
the block's first port as a UDP socket, which ends with the process.
"""

import itertools
import socket
from functools import cache
from pathlib import Path

_FIRST = 10000
_BLOCK = 100  # more than the servers that one process runs at a time


def _ephemeral():
    """The first port of the ephemeral range (ip(7)), or Linux's default where it leaves no room below it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return first if first >= _FIRST + 10 * _BLOCK else 32768


def _bound(kind, port):
    """A socket that is bound to the port of 127.0.0.1, or None if it is taken."""
    probe = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:  # as httpd does it: connections that have ended are no hindrance
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        probe.close()
        return None
    return probe


@cache
def _block():
    """(claim, ports): a block that no other process has; the claim is held until this process ends."""
    for first in range(_FIRST, _ephemeral() - _BLOCK, _BLOCK):
        if claim := _bound(socket.SOCK_DGRAM, first):
            return claim, itertools.cycle(range(first, first + _BLOCK))
    raise RuntimeError(f"no block of {_BLOCK} ports is free from {_FIRST} on")


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on, and that no other call gives for a while."""
    for port in itertools.islice(_block()[1], _BLOCK):
        if probe := _bound(socket.SOCK_STREAM, port):
            probe.close()
            return port
    raise RuntimeError("all ports of this process are in use")
