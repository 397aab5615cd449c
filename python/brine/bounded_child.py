"""A program that runs a stranger's code: it has so much time, and so much of what it says is kept."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_GLANCE_SECONDS = 0.1
_LAST_WORDS_SECONDS = 2
_END_SECONDS = 5


@dataclass(frozen=True)
class Outcome:
    """How it ended."""

    code: int | None
    """As subprocess has it; None: its time was over, and it was sent SIGABRT, and then killed."""
    answer: bytes
    output: bytes
    """The end of what it wrote to stdout and stderr."""


@dataclass
class _Pipe:
    """What comes through a pipe, whose most bytes are kept."""

    most: int
    ends: tuple[int, int] = field(default_factory=os.pipe)
    kept: bytes = b""

    def read(self) -> bool:
        """Whether it goes on."""
        some = os.read(self.ends[0], 65536)
        self.kept = (self.kept + some)[-self.most:]
        return bool(some)


def run(command: Callable[[int], Sequence[str]], environment: Mapping[str, str], seconds: float,
        prepare: Callable[[], None], umask: int = -1, most_bytes: int = 1 << 20, **who: Any) -> Outcome:
    """Runs `command(descriptor)`, which answers on that descriptor. `prepare` is called in the child, when it is
    already `who`: subprocess's user, group and extra_groups. Raises OSError where the program cannot be run.

    It is in a session of its own, without a terminal, and killed with its process group.
    """
    answer, output = _Pipe(most_bytes), _Pipe(8192)
    try:
        try:
            child = subprocess.Popen(
                command(answer.ends[1]), stdin=subprocess.DEVNULL, stdout=output.ends[1], stderr=output.ends[1],
                pass_fds=(answer.ends[1],), env=environment, cwd="/", start_new_session=True, umask=umask,
                preexec_fn=prepare, **who)
        finally:
            os.close(answer.ends[1])
            os.close(output.ends[1])
        in_time = _hear([answer, output], child.pid, time.monotonic() + seconds)
        if not in_time:
            os.kill(child.pid, signal.SIGABRT)  # has a Python with faulthandler say what it waits for
            _hear([answer, output], child.pid, time.monotonic() + _LAST_WORDS_SECONDS)
        code = _end(child)
        return Outcome(code if in_time else None, answer.kept, output.kept)
    finally:
        os.close(answer.ends[0])
        os.close(output.ends[0])


def _has_ended(child: int) -> bool:
    """It is not reaped, so that its number stays its own until its group has been killed."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _hear(pipes: list[_Pipe], child: int, deadline: float) -> bool:
    """Reads until the child has ended, and says whether it has: what it has started may keep the pipes open."""
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe.ends[0], selectors.EVENT_READ, pipe)
        while time.monotonic() < deadline:
            ended = _has_ended(child)
            ready = selector.select(0 if ended else _GLANCE_SECONDS) if selector.get_map() else []
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fd)
            if ended and not ready:
                return True
            if not selector.get_map() and not ended:
                time.sleep(_GLANCE_SECONDS)
    return False


def _end(child: "subprocess.Popen[bytes]") -> int | None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        return child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:  # it hangs in the kernel, and nobody waits for it
        return None
