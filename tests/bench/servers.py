"""The servers under test: one private httpd each, alike in everything but the module."""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

import peer
import procfs
import rows

HERE = pathlib.Path(__file__).parent
APPS = ("hello", "download", "upload", "blocks", "file", "reload", "facts", "block", "compute", "heavy",
        "django_view", "flask_view")
FLOOR_HANDLERS = ("hello", "bytes", "upload", "blocks", "file")
FILE_BYTES = 10 * 1024 * 1024
GROUP = "bench"  #: the daemon group
START_SECONDS = 20.0
STOP_SECONDS = 15.0
USER = "www-data"

COMMON = """\
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/{name}.pid"
ErrorLog "{folder}/{name}.log"
LogLevel warn
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
{modules}
{user}
StartServers {children}
ServerLimit {limit}
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {workers}
MinSpareThreads 1
MaxSpareThreads {workers}
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
Timeout 60
EnableSendfile On
DocumentRoot "{folder}/htdocs"
<Directory "/">
    AllowOverride None
    Require all granted
</Directory>
"""

FLOOR = """\
LoadModule bench_floor_module "{module}"
""" + "".join(f"""\
<Location "/{name}">
    SetHandler bench-{name}
</Location>
""" for name in FLOOR_HANDLERS)

PYTHON = """\
LoadModule wsgi_module "{module}"
WSGIApplicationGroup {group}
WSGIEnableSendfile On
{aliases}
"""

DAEMON = """\
WSGISocketPrefix "{folder}/wsgi"
WSGIDaemonProcess {group} {options}
WSGIProcessGroup {group}
"""
#: For mod_wsgi, which otherwise starts a Python in httpd's children too. Brine must not need it.
RESTRICT = "WSGIRestrictEmbedded On\n"


class ServerError(RuntimeError):
    """An httpd did not start, or did not answer as it must."""


class Work:
    """The folder of a run: modules, applications, logs; readable for httpd's user."""

    def __init__(self) -> None:
        os.umask(0o022)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="brine-bench-"))
        self.folder.chmod(0o755)
        self.apps = self.folder / "apps"
        shutil.copytree(HERE / "apps", self.apps, ignore=shutil.ignore_patterns("__pycache__"))
        # Sockets of servers behind httpd, which run as httpd's user.
        self.sockets = self.folder / "sockets"
        self.sockets.mkdir()
        if os.geteuid() == 0:
            os.chown(self.sockets, pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid)
        for path in (self.apps, *self.apps.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        htdocs = self.folder / "htdocs"
        htdocs.mkdir(mode=0o755)
        (htdocs / "file.bin").write_bytes(b"x" * FILE_BYTES)
        # No file lies behind the C handler's URLs, as behind those of a proxy or of any handler that makes its pages.

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def module_lines() -> str:
    """LoadModule lines of the MPM and of authorization, where they are not compiled in."""
    built_in = peer.output(peer.httpd(), "-l")
    wanted = {"mpm_event": "event.c", "authz_core": "mod_authz_core.c", "unixd": "mod_unixd.c"}
    return "\n".join(f'LoadModule {name}_module "{peer.modules()}/mod_{name}.so"'
                     for name, source in wanted.items() if source not in built_in)


def user_lines() -> str:
    """User and Group for root; a plain user serves as itself."""
    if os.geteuid() != 0:
        return ""
    return f"User {USER}\nGroup {grp.getgrgid(pwd.getpwnam(USER).pw_gid).gr_name}"


def common_lines(work: Work, name: str, port: int, threads: int, children: int = 1, limit: int = 1) -> str:
    """What the configurations of all servers share; `limit` has room for children that a graceful restart ends."""
    return COMMON.format(folder=work.folder, name=name, port=port, threads=threads, children=children,
                         limit=max(limit, children), workers=children * threads, modules=module_lines(),
                         user=user_lines())


def get(url: str, data: bytes | None = None, seconds: float = 60) -> tuple[int, dict[str, str], bytes]:
    """One request: status, header fields (lower case), body."""
    try:
        with urllib.request.urlopen(url, data=data, timeout=seconds) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, {}, refusal.read()


def spawn(command: list[str], as_user: bool = False, **environment: str) -> subprocess.Popen:
    """A server in the foreground. Should this program be killed outright, the server ends with it."""
    setpriv = shutil.which("setpriv")
    guard = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    if as_user and os.geteuid() == 0:
        if not setpriv:
            raise ServerError("setpriv (Debian: util-linux) is needed to run a server as another user")
        guard += [f"--reuid={USER}", f"--regid={pwd.getpwnam(USER).pw_gid}", "--clear-groups"]
    return subprocess.Popen([*guard, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "LC_ALL": "C.UTF-8", **environment})


def end(process: subprocess.Popen) -> None:
    """Ends a server: SIGTERM to its first process, then SIGKILL to what is left of its tree."""
    if process.poll() is None:
        family = procfs.births(process.pid)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and (process.poll() is None or procfs.left(family)):
            time.sleep(0.05)
        for pid in procfs.left(family):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()
    if process.stderr:
        process.stderr.close()


@dataclass(frozen=True)
class Kind:
    """One of the compared servers."""

    name: str  #: "floor", "mod_wsgi" or "brine"; in daemon mode with "-daemon" behind it
    title: str
    module: pathlib.Path
    mode: str = rows.EMBEDDED

    def config(self, work: Work, port: int, group: str, threads: int, daemon: str) -> str:
        """The whole httpd configuration."""
        common = common_lines(work, self.name, port, threads)
        if self.name == "floor":
            return common + FLOOR.format(module=self.module)
        aliases = "\n".join(f'WSGIScriptAlias /{app} "{work.apps}/{app}.wsgi"' for app in APPS)
        python = PYTHON.format(module=self.module, group=group, aliases=aliases)
        if self.mode == rows.DAEMON:
            python += DAEMON.format(folder=work.folder, group=GROUP, options=daemon)
            if self.name == rows.server("mod_wsgi", rows.DAEMON):
                python += RESTRICT
        return common + python


class Server:
    """One httpd in the foreground as a child of this program; ended by `stop`, by pid."""

    def __init__(self, kind: Kind, work: Work, group: str = "%{GLOBAL}", threads: int = 64,
                 prefix: tuple[str, ...] = (), options: tuple[str, ...] = ("-DFOREGROUND",),
                 seconds: float = START_SECONDS, further: str = "",
                 daemon: str = rows.PROCESSES) -> None:
        self.kind = kind
        self.port = free_port()
        self.log = work.folder / f"{kind.name}.log"
        config = work.folder / f"{kind.name}.conf"
        config.write_text(kind.config(work, self.port, group, threads, daemon) + further)
        self.process = spawn([*prefix, peer.httpd(), "-f", str(config), *options])
        try:
            self.wait(seconds)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """The parent process of this httpd."""
        return self.process.pid

    def url(self, path: str) -> str:
        """The URL of a path on this server."""
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str, data: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        """One request: status, header fields (lower case), body."""
        return get(self.url(path), data)

    def wait(self, seconds: float) -> None:
        """Returns when the server accepts connections."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise ServerError(f"{self.kind.title}: httpd did not start: {self.reason()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise ServerError(f"{self.kind.title}: httpd does not listen: {self.reason()}")

    def reason(self) -> str:
        """The last lines of the error log, or what httpd said on stderr."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        if not lines and self.process.poll() is not None and self.process.stderr:
            lines = self.process.stderr.read().splitlines()
        return "\n".join(lines[-12:]) or "nothing was logged"

    def stop(self) -> None:
        """Ends the server and all its processes."""
        end(self.process)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
