"""One running httpd: started from a private configuration, asked, reloaded, stopped by its pid."""

import http.client
import os
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from . import client, config, processes
from .deadline import SCALE, DeadlineExceeded, until
from .errorlog import ErrorLog

HTTPD = "/usr/sbin/apache2"
READY = r"resuming normal operations"


def free_port():
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Workspace:
    """The session's folder: the staged build and apps, and a folder for each server."""

    def __init__(self, folder, build):
        self.folder = folder
        self.build = build

    def new_folder(self):
        """A server's folder, readable by httpd's user, with htdocs/ and scripts/ in it."""
        folder = Path(tempfile.mkdtemp(prefix="server-", dir=self.folder))
        for path in (folder, folder / "htdocs", folder / "scripts", folder / "writable"):
            path.mkdir(mode=0o755, exist_ok=True)
            path.chmod(0o755)
        (folder / "writable").chmod(0o777)
        (folder / "mime.types").write_text("text/html html\ntext/plain txt\ntext/css css\n")
        return folder

    def configtest(self, variant, text, modules=(), folder=None):
        """`httpd -t`: (passed, what it said)."""
        folder = folder or self.new_folder()
        path = _write(folder, free_port(), self.build, variant, text, modules)
        result = subprocess.run([HTTPD, "-f", path, "-t"], env=environment(self.build),
                                capture_output=True, text=True, timeout=60 * SCALE)
        return result.returncode == 0, result.stdout + result.stderr


def environment(build):
    """httpd's environment: clean, and with the sanitizer's library where the build has one."""
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    if "address" in build.sanitizer:
        # libstdc++ too: it must be there when the sanitizer looks for the functions it wraps.
        libraries = [subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True,
                                    text=True, check=True).stdout.strip()
                     for name in ("libasan.so", "libstdc++.so")]
        env["LD_PRELOAD"] = " ".join(os.path.realpath(library) for library in libraries)
        env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0"
        env["PYTHONMALLOC"] = "malloc"  # so that the sanitizer sees Python's own objects
        env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    return env


def _write(folder, port, build, variant, text, modules):
    path = folder / "httpd.conf"
    path.write_text(config.render(folder, port, build, variant, text, modules))
    return path


class Server:
    """A live httpd. Start it with `Server(...)`, end it with `stop()`."""

    def __init__(self, workspace, variant, text, modules=(), folder=None):
        self.workspace, self.variant = workspace, variant
        self.folder = folder or workspace.new_folder()
        self.log = ErrorLog(self.folder / "error.log")
        self._text, self._modules = text, modules
        self._start()

    # --- life ------------------------------------------------------------------------------

    def _start(self):
        self.port = free_port()
        self._configure()
        with (self.folder / "stderr.log").open("wb") as stderr:
            self.process = subprocess.Popen(
                [HTTPD, "-f", str(self.folder / "httpd.conf"), "-DFOREGROUND"],
                env=environment(self.workspace.build), cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=stderr, stderr=stderr, start_new_session=True)
        self.pid = self.process.pid
        until(self._is_ready, "httpd's start", 30)

    def _configure(self):
        _write(self.folder, self.port, self.workspace.build, self.variant, self._text,
               self._modules)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"httpd ended with {self.process.returncode}:\n"
                                 f"{(self.folder / 'stderr.log').read_text()}{self.log.tail()}")
        return self.log.texts(READY, since=0)

    def reload(self, text=None):
        """A graceful restart, with another configuration where `text` is given; waits for it."""
        if text is not None:
            self._text = text
            self._configure()
        mark = self.log.mark()
        os.kill(self.pid, signal.SIGUSR1)
        until(lambda: self.log.texts(READY, since=mark), "httpd's graceful restart", 30)

    def stop(self):
        """Ends httpd; returns what is wrong: processes left over, files left open."""
        problems = []
        if self.process.poll() is None:
            problems += self._connections_left_open() + self._files_left_open()
            os.kill(self.pid, signal.SIGTERM)
        try:
            self.process.wait(30 * SCALE)
        except subprocess.TimeoutExpired:
            problems.append("httpd did not end on SIGTERM")
        problems += self._end_leftovers()
        self.process.wait()
        return problems

    def _connections_left_open(self):
        """Waits until the clients' last connections have ended.

        The event MPM crashes now and then if SIGTERM comes while a worker thread lets go of a
        connection: its main thread closes sockets that are freed at that moment.
        """
        try:
            until(lambda: processes.connections(self.port) == 0, "connections end", 8)
        except DeadlineExceeded:
            return ["connections left open by the test, or by httpd"]
        return []

    def _files_left_open(self):
        def held():
            return {pid: files for pid in self.children()
                    if (files := processes.open_files(pid))}

        try:
            until(lambda: not held(), "children close their files", 3)
        except DeadlineExceeded:
            return [f"files left open by children: {held()}"]
        return []

    def _end_leftovers(self):
        try:
            until(lambda: not processes.in_session(self.pid), "no process is left", 3)
            return []
        except DeadlineExceeded:
            left = processes.in_session(self.pid)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return [f"processes left after the end: {left}"]

    def children(self):
        """Pids of the processes that serve requests."""
        return processes.children(self.pid)

    # --- asking ----------------------------------------------------------------------------

    def request(self, method, path, body=None, headers=None):
        """One request on its own connection."""
        connection = self.connect()
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            return client.read_response(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        """GET; `X_Name="v"` sends `X-Name: v`."""
        return self.request("GET", path, headers=_dashed(headers))

    def post(self, path, body, **headers):
        """POST; an iterable body goes out chunked."""
        return self.request("POST", path, body, _dashed(headers))

    def connect(self):
        """A connection for several requests, closed by the test."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=client.TIMEOUT)

    def raw(self):
        """A connection for the test's own bytes."""
        return client.Raw(self.port)

    def exchange(self, data):
        """Sends bytes, reads until the server closes the connection."""
        with self.raw() as raw:
            raw.send(data)
            return raw.read_to_end()

    # --- the log ---------------------------------------------------------------------------

    def expect_log(self, pattern, count=1, seconds=5):
        """Waits for lines of the error log that match, and declares them."""
        return self.log.expect(pattern, count, seconds)

    def allow_log(self, pattern):
        """Declares lines that may or may not come."""
        self.log.declare(pattern)

    # --- files -----------------------------------------------------------------------------

    def write(self, name, text):
        """Writes a file below the server's folder, replacing it at once; returns its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text)
        fresh.chmod(0o644)
        os.replace(fresh, path)
        return path

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"


def _dashed(headers):
    return {re.sub("_", "-", name): value for name, value in headers.items()}
