"""httpd as a child process: started in the foreground, asked whether it answers, ended for good."""

import ctypes
import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Linux: httpd gets SIGTERM if this command is killed in a way that leaves it no time to do so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def children(process: int) -> set[int]:
    """Processes that a process has started; none if it has ended."""
    found: set[int] = set()
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            found.update(map(int, (thread / "children").read_text().split()))
    except OSError:
        pass
    return found


def _program(process: int) -> str:
    """The name of the file that it runs; "" where it has ended, or may not be looked at."""
    try:
        return Path(f"/proc/{process}/exe").readlink().name
    except OSError:
        return ""


def send(process: int, number: signal.Signals) -> None:
    """Sends a signal to a process that may have ended."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


class HttpdProcess:
    """One httpd that runs a configuration file."""

    def __init__(self, program: Path, configuration: Path, messages: Path) -> None:
        """What httpd says before it has its error log goes to the file `messages`."""
        with messages.open("wb") as stderr:
            # A session of its own: Ctrl-C in the terminal reaches this command alone, which then
            # ends httpd; and whatever a script has started can be found by its group.
            self._process = subprocess.Popen(
                [program, "-D", "FOREGROUND", "-d", "/", "-f", configuration], stdin=subprocess.DEVNULL,
                stdout=stderr, stderr=stderr, start_new_session=True, preexec_fn=_end_with_parent)

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """httpd's first process."""
        return self._process.pid

    def daemon_processes(self) -> set[int]:
        """The processes that run the script: httpd's grandchildren, since its own processes run no Python."""
        return {process for child in children(self._process.pid) for process in children(child)}

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def renew(self) -> None:
        """Asks it for a graceful restart: new processes, with new code. One that is still at its start would end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)

    def drain(self) -> None:
        """Asks it to end when the requests in progress have been answered, for which the configuration gives it some
        time. One that is still at its start would not hear that."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGWINCH)

    def has_drained(self) -> bool:
        """Whether nobody serves a request any more, which httpd itself looks for once a second. False where that cannot
        be seen: in embedded mode."""
        there = {child for child in children(self._process.pid) if _program(child)}
        return bool(there) and all("brine-worker" in map(_program, children(child)) for child in there)

    def cut_clients_off(self) -> None:
        """Ends those of httpd's processes that still wait for clients, for which httpd itself takes ten seconds more.
        In embedded mode none: they run the application, which may have something to do at its end."""
        there = children(self._process.pid)
        supervisors = {child for child in there if "brine-worker" in map(_program, children(child))}
        for child in there - supervisors if supervisors else ():
            send(child, signal.SIGKILL)

    def terminate(self) -> None:
        """Asks it to end at once, with the requests in it; `wait` tells whether it did."""
        if self._process.poll() is None:
            self._process.terminate()

    def kill_remains(self) -> None:
        """Ends at once whatever is left: httpd itself, its children, what they have started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


class AnswerProbe:
    """Asks httpd itself for a sign of life, without troubling the script: `OPTIONS *` is answered by its core."""

    _REQUEST = b"OPTIONS * HTTP/1.0\r\n\r\n"

    def __init__(self, host: str, port: int, tls: bool = False) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        if tls:  # whose certificate it is does not matter here
            self._tls = ssl.create_default_context()
            self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE

    def answered(self, seconds: float = 0.1) -> bool:
        """Whether an answer came within that time. The question stays asked between two calls."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, seconds)
                if self._tls:
                    self._socket = self._tls.wrap_socket(self._socket)
                self._socket.sendall(self._REQUEST)
            answer = self._socket.recv(16)
        except TimeoutError:
            return False
        except OSError:
            answer = b""
        self.close()
        return answer.startswith(b"HTTP/")

    def close(self) -> None:
        """Forgets a question that is still open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
