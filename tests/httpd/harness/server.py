"""One running httpd: started from a private configuration, asked, reloaded, stopped by its pid."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from ports import free_port

from . import client, config, processes
from .deadline import SCALE, DeadlineExceeded, until
from .errorlog import ErrorLog

HTTPD = "/usr/sbin/apache2"
READY = r"resuming normal operations"


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
        # An application that switches faulthandler on gives its thread, httpd's own, an alternate signal
        # stack. The sanitizer would take that for the one it has made itself, and unmap it at the thread's end.
        env["ASAN_OPTIONS"] = ("detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=0:"
                               "use_sigaltstack=0")
        env["PYTHONMALLOC"] = "malloc"  # so that the sanitizer sees Python's own objects
        env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    return env


def _write(folder, port, build, variant, text, modules, daemon=""):
    path = folder / "httpd.conf"
    path.write_text(config.render(folder, port, build, variant, text, modules, daemon))
    return path


class Server:
    """A live httpd. Start it with `Server(...)`, end it with `stop()`.

    `files`, {name: text}, are written before: a script that processes load at their start.
    `env` holds further variables of httpd's environment. `before_exec` is called in the process that becomes httpd.
    """

    def __init__(self, workspace, variant, text, modules=(), folder=None, daemon="", user=None, files=None,
                 env=None, before_exec=None):
        self.workspace, self.variant = workspace, variant
        self.folder = folder or workspace.new_folder()
        self.user = user if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
        self.log = ErrorLog(self.folder / "error.log")
        self._text, self._modules, self._daemon = text, modules, daemon
        self._env = {**environment(workspace.build), **(env or {})}
        self._before_exec = before_exec
        self._taken_stock = {}
        for name, content in (files or {}).items():
            self.write(name, content)
        self._start()

    # --- life ------------------------------------------------------------------------------

    def _start(self):
        self.port = free_port()
        self._configure()
        self.process = self._start_process()
        self.pid = self.process.pid
        until(self._is_ready, "httpd's start", 30)

    def _start_process(self):
        with (self.folder / "stderr.log").open("wb") as stderr:
            return subprocess.Popen(
                self.arguments(), env=self._env, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=stderr, stderr=stderr, start_new_session=True,
                user=self.user, extra_groups=[] if self.user else None, preexec_fn=self._before_exec)

    def arguments(self):
        """httpd and its arguments."""
        return [HTTPD, "-f", str(self.folder / "httpd.conf"), "-DFOREGROUND"]

    def _configure(self):
        path = _write(self.folder, self.port, self.workspace.build, self.variant, self._text,
                      self._modules, self._daemon)
        path.write_text(config.patient(path.read_text()))

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
        """Ends httpd; returns what is wrong: processes left over, descriptors left open."""
        problems = []
        if self.process.poll() is None:
            problems += self._connections_left_open() + self._files_left_open()
            problems += self._descriptors_grown() + self._zombies()
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
        try:
            until(lambda: not self.open_files(), "httpd's processes close their files", 3)
        except DeadlineExceeded:
            return [f"files left open: {self.open_files()}"]
        return []

    def _descriptors_grown(self):
        """More descriptors than `take_stock` saw, in a process that was there then."""
        try:
            until(lambda: not self._growth(), "no process holds more descriptors", 3)
        except DeadlineExceeded:
            return [f"descriptors grown: {self._growth()}"]
        return []

    def _growth(self):
        now = self._stock()
        return {pid: f"{before}, then {now[pid]}: {processes.descriptors(pid)}"
                for pid, before in self._taken_stock.items()
                if pid in now and any(a > b for a, b in zip(now[pid], before))}

    def _stock(self):
        """{pid: (sockets, others)}: how many descriptors each of httpd's processes holds.

        Sockets of a process that serves requests are not counted: connections between httpd and
        the daemon processes are kept for the next requests. What the supervisor holds for each
        daemon process, three sockets and a memory file, is left out: a successor may be on its way.
        """
        result = {}
        supervisor = self.supervisor()
        still = {self.pid, supervisor}  # neither serves
        for pid in processes.in_session(self.pid):
            try:
                names = processes.descriptors(pid).values()
            except OSError:  # of a zombie a plain user may not see this
                continue
            sockets = sum(name.startswith("socket:") for name in names)
            others = len(names) - sockets
            if pid not in still and not self._has_started(pid, list(names)):
                continue
            workers = len(processes.children(pid)) if pid == supervisor else 0
            result[pid] = (sockets - 3 * workers if pid in still else 0, others - workers)
        return result

    def _has_started(self, pid, names):
        """Whether a process that serves holds all that it opens before its first request."""
        if processes.parent(pid) == self.pid:
            return "anon_inode:[eventpoll]" in names
        return names.count("anon_inode:[eventfd]") >= 2  # a daemon process: see RequestServer

    def take_stock(self):
        """Remembers, once, how many descriptors there are: `stop` says which have come since."""
        if not self._taken_stock and self.process.poll() is None:
            self._taken_stock = self._stock()

    def _zombies(self):
        def dead():
            processes.reap_orphans(self.pid)  # a test, perhaps an earlier one, may have taken them over
            return [pid for pid, state in processes.in_session(self.pid).items() if state == "Z"]

        try:
            until(lambda: not dead(), "zombies are reaped", 3)
        except DeadlineExceeded:
            return [f"zombies: {dead()}"]
        return []

    def _end_leftovers(self):
        """A zombie has ended: whoever took it over when httpd ended reaps it in their own time."""
        def left():
            return [pid for pid, state in processes.in_session(self.pid).items() if state != "Z"]

        try:
            until(lambda: not left(), "no process is left", 3)
            return []
        except DeadlineExceeded:
            found = left()
            for pid in found:
                os.kill(pid, signal.SIGKILL)
            return [f"processes left after the end: {found}"]

    def children(self):
        """Pids of the processes that run applications."""
        if self.variant.mode == "daemon":
            return self.workers()
        return processes.children(self.pid)

    def open_files(self):
        """{pid: files} of all processes that hold regular files open."""
        result = {}
        for pid in processes.in_session(self.pid):
            try:
                files = processes.open_files(pid)
            except OSError:  # of a zombie a plain user may not see this
                continue
            if files:
                result[pid] = files
        return result

    def supervisor(self):
        """Pid of the newest supervisor of daemon processes, or None."""
        parents = [pid for pid in processes.children(self.pid)
                   if processes.children(pid) and not processes.listens(pid, self.port)]
        return processes.newest(parents)

    def workers(self):
        """Pids of the daemon processes, of all groups."""
        return sorted(pid for child in processes.children(self.pid)
                      for pid in processes.children(child))

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

    def raw(self, receive_buffer=None):
        """A connection for the test's own bytes; a small buffer lets a download wait for the test."""
        return client.Raw(self.port, receive_buffer)

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
