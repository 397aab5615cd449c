"""Servers that a user may pick instead: each a row of PEERS, alike in processes, threads and what they serve.

A peer is a front, which listens on 127.0.0.1, and for most a back behind it, on a Unix socket. Each is a program
in the foreground, a child of this one, and is ended by its pid.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from subprocess import Popen
from typing import Callable

import peer
import procfs
import servers
from servers import GROUP, ServerError, Work

#: Of httpd in front: the children, and the threads of each, which are more than the slow clients of that row.
CHILDREN = 2
THREADS = 64
#: The modules of httpd that each protocol to a back needs.
PROXY_MODULES = {"http": ("proxy", "proxy_http"), "uwsgi": ("proxy", "proxy_uwsgi")}
START_SECONDS = 30.0
NGINX = """\
daemon off;
worker_processes {children};
pid "{folder}/{name}.pid";
error_log "{log}" warn;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    keepalive_timeout 60s;
    keepalive_requests 1000000000;
    client_max_body_size 16m;
    client_body_temp_path "{sockets}/{name}-body";
    uwsgi_temp_path "{sockets}/{name}-uwsgi";
    proxy_temp_path "{sockets}/{name}-proxy";
    fastcgi_temp_path "{sockets}/{name}-fastcgi";
    scgi_temp_path "{sockets}/{name}-scgi";
    server {{
        listen 127.0.0.1:{port};
        location / {{
{parameters}
            uwsgi_pass unix:{socket};
        }}
    }}
}}
"""
#: What nginx's own uwsgi_params says.
UWSGI_PARAMETERS = {
    "QUERY_STRING": "$query_string", "REQUEST_METHOD": "$request_method", "CONTENT_TYPE": "$content_type",
    "CONTENT_LENGTH": "$content_length", "REQUEST_URI": "$request_uri", "PATH_INFO": "$document_uri",
    "DOCUMENT_ROOT": "$document_root", "SERVER_PROTOCOL": "$server_protocol", "REQUEST_SCHEME": "$scheme",
    "REMOTE_ADDR": "$remote_addr", "REMOTE_PORT": "$remote_port", "SERVER_PORT": "$server_port",
    "SERVER_NAME": "$server_name"}


@dataclass(frozen=True)
class Place:
    """One start of a peer: what it serves, where, and with how much."""

    work: Work
    name: str
    port: int
    script: pathlib.Path
    processes: int
    threads: int
    modules: dict[str, pathlib.Path]  #: "brine" and "mod_wsgi", where there are

    @property
    def socket(self) -> pathlib.Path:
        """Of the back."""
        return self.work.sockets / f"{self.name}.sock"

    @property
    def log(self) -> pathlib.Path:
        """Of the front."""
        return self.work.folder / f"{self.name}.log"


#: Writes the configuration, if there is one, and gives the command.
Command = Callable[[Place], "list[str]"]


@dataclass(frozen=True)
class Peer:
    """A row of the table of servers."""

    key: str
    title: str
    front: Command
    needs: Callable[[dict], object]  #: raises peer.Missing with a sentence that says what is not there
    back: Command | None = None
    deploy: str = "script"  #: which process hears of a new version, see Running.deploy
    special: bool = False  #: takes part only in rows that ask for it

    @property
    def family(self) -> str:
        """What serves: "brine", "mod_wsgi", "gunicorn", ..."""
        return self.key.split("-")[0]

    @property
    def ours(self) -> bool:
        """Whether this is Brine."""
        return self.family == "brine"


def httpd_command(place: Place, lines: str, children: int = CHILDREN) -> list[str]:
    """An httpd of these lines."""
    config = place.work.folder / f"{place.name}.conf"
    config.write_text(servers.common_lines(place.work, place.name, place.port, THREADS, children, 8 * children) + lines)
    return [peer.httpd(), "-f", str(config), "-DFOREGROUND"]


def module_front(family: str, daemon: bool, options: str = "", further: str = "") -> Command:
    """httpd with mod_wsgi or Brine in it, which load the script when they start. Embedded, httpd's children are the
    processes of the application."""
    def command(place: Place) -> list[str]:
        lines = f'LoadModule wsgi_module "{place.modules[family]}"\nWSGIEnableSendfile On\n{further}'
        if daemon:
            lines += servers.DAEMON.format(folder=place.work.folder, group=GROUP, options=(
                f"processes={place.processes} threads={place.threads} {options}").strip())
        if daemon and family == "mod_wsgi":
            lines += servers.RESTRICT
        group = GROUP if daemon else "%{GLOBAL}"
        alias = f'WSGIScriptAlias / "{place.script}" process-group={group} application-group=%{{GLOBAL}}\n'
        return httpd_command(place, lines + alias, CHILDREN if daemon else place.processes)
    return command


def proxy_lines(protocol: str, socket_path: pathlib.Path) -> str:
    """httpd passes all on, by a Unix socket, and asks again at once where the back was away."""
    lines = "".join(f'LoadModule {name}_module "{peer.modules()}/mod_{name}.so"\n' for name in PROXY_MODULES[protocol])
    return lines + f'ProxyPass "/" "unix:{socket_path}|{protocol}://localhost/" retry=0\n'


def proxy_front(protocol: str) -> Command:
    """An httpd that passes all on."""
    return lambda place: httpd_command(place, proxy_lines(protocol, place.socket))


def nginx_front(place: Place) -> list[str]:
    """nginx before uwsgi, with as many workers as httpd has children."""
    config = place.work.folder / f"{place.name}.conf"
    parameters = "\n".join(f"            uwsgi_param {name} {value};" for name, value in UWSGI_PARAMETERS.items())
    config.write_text(NGINX.format(
        children=CHILDREN, folder=place.work.folder, name=place.name, log=place.log, port=place.port,
        user=f"user {servers.USER};" if os.geteuid() == 0 else "", sockets=place.work.sockets, socket=place.socket,
        parameters=parameters))
    return [peer.nginx(), "-c", str(config), "-e", str(place.log), "-p", str(place.work.folder)]


def gunicorn_back(worker: str) -> Command:
    """gunicorn; a process of the sync kind serves one request at a time."""
    def command(place: Place) -> list[str]:
        threads = ["--threads", str(place.threads), "--keep-alive", "75"] if worker == "gthread" else []
        return [peer.program("gunicorn", "gunicorn"), "--workers", str(place.processes), "--worker-class", worker, *threads,
                "--bind", f"unix:{place.socket}", "--umask", "0", "--pythonpath", str(place.work.apps),
                "--log-level", "error", "named:application"]
    return command


def uwsgi_back(place: Place) -> list[str]:
    """uwsgi, which loads the application before it forks, as it does unless told otherwise."""
    return [peer.program("uwsgi", "uwsgi-core"), "--plugin", "python3", "--master", "--processes", str(place.processes),
            "--threads", str(place.threads), "--socket", str(place.socket), "--chmod-socket=666", "--need-app",
            "--reload-mercy=5", "--worker-reload-mercy=5", "--die-on-term", "--disable-logging", "--wsgi-file", str(place.script)]


def waitress_back(place: Place) -> list[str]:
    """waitress, which is one process: with the threads of all."""
    return [peer.program("waitress-serve", "python3-waitress"), f"--unix-socket={place.socket}", "--unix-socket-perms=666",
            f"--threads={place.processes * place.threads}", "named:application"]


def spawn_back(back: Command, place: Place) -> Popen:
    """Starts a server behind httpd, as httpd's user."""
    return servers.spawn(back(place), as_user=True, BENCH_SCRIPT=str(place.script),
                         PYTHONPATH=str(place.work.apps), HOME=str(place.work.sockets))


def needs_module(family: str) -> Callable[[dict], object]:
    """That this module was found."""
    def check(modules: dict) -> None:
        if family not in modules:
            raise peer.Missing("the module was not found")
    return check


def needs_program(name: str, package: str) -> Callable[[dict], object]:
    """That this program was found, and the plug-in of uwsgi that serves Python."""
    def check(_modules: dict) -> None:
        peer.program(name, package)
        if name == "uwsgi" and not list(pathlib.Path("/usr/lib/uwsgi/plugins").glob("python3*_plugin.so")):
            raise peer.Missing("uwsgi's plug-in is needed (Debian: apt-get install uwsgi-plugin-python3)")
    return check


def needs_nginx(modules: dict) -> None:
    """That both are there."""
    needs_program("uwsgi", "uwsgi-core")(modules)
    peer.nginx()


GUNICORN, UWSGI = needs_program("gunicorn", "gunicorn"), needs_program("uwsgi", "uwsgi-core")
PEERS = (
    Peer("brine-daemon", "Brine, daemon", module_front("brine", True), needs_module("brine")),
    Peer("brine-preload", "Brine, preload + Rolling",
         module_front("brine", True, "preload=On", "WSGIScriptReloading Rolling\n"), needs_module("brine"), special=True),
    Peer("brine-embedded", "Brine, embedded", module_front("brine", False), needs_module("brine"), deploy="graceful"),
    Peer("mod_wsgi-daemon", "mod_wsgi, daemon", module_front("mod_wsgi", True), needs_module("mod_wsgi")),
    Peer("mod_wsgi-embedded", "mod_wsgi, embedded", module_front("mod_wsgi", False), needs_module("mod_wsgi"),
         deploy="graceful"),
    Peer("gunicorn-sync", "httpd + gunicorn, sync", proxy_front("http"), GUNICORN, gunicorn_back("sync"), "back"),
    Peer("gunicorn-gthread", "httpd + gunicorn, gthread", proxy_front("http"), GUNICORN, gunicorn_back("gthread"), "back"),
    Peer("uwsgi", "httpd + uwsgi", proxy_front("uwsgi"), UWSGI, uwsgi_back, "back"),
    Peer("nginx-uwsgi", "nginx + uwsgi", nginx_front, needs_nginx, uwsgi_back, "back"),
    Peer("waitress", "httpd + waitress", proxy_front("http"), needs_program("waitress-serve", "python3-waitress"),
         waitress_back, "again"),
)


class Running:
    """A peer that was started; it ends with `stop`, or with the `with` block."""

    def __init__(self, which: Peer, work: Work, script: str, modules: dict[str, pathlib.Path],
                 processes: int, threads: int, path: str = "/") -> None:
        self.peer = which
        source = work.apps / f"{script}.wsgi"
        own = work.apps / f"{script}-{which.key}.wsgi"  # a deployment replaces it, and no other peer sees that
        shutil.copy(source, own)
        self.place = Place(work, which.key, servers.free_port(), own, processes, threads, modules)
        self.began = time.monotonic()
        self.back: Popen | None = None
        self.front: Popen | None = None
        self.version = 0
        try:
            self.start_back()
            self.front = servers.spawn(which.front(self.place))
            self.wait(path)
        except BaseException:
            self.stop()
            raise
        self.started = time.monotonic() - self.began  #: seconds to the first page

    def start_back(self) -> None:
        """Starts what is behind the front, if anything is."""
        if self.peer.back:
            self.back = spawn_back(self.peer.back, self.place)

    @property
    def processes(self) -> list[Popen]:
        """The first process of the front and of the back."""
        return [process for process in (self.front, self.back) if process]

    def url(self, path: str) -> str:
        """The URL of a path on this server."""
        return f"http://127.0.0.1:{self.place.port}{path}"

    def get(self, path: str, data: bytes | None = None, seconds: float = 60) -> tuple[int, dict[str, str], bytes]:
        """One request: status, header fields (lower case), body; status 0 where there was no answer."""
        try:
            return servers.get(self.url(path), data, seconds)
        except OSError:
            return 0, {}, b""

    def wait(self, path: str) -> None:
        """Returns with the first page."""
        end = self.began + START_SECONDS
        while time.monotonic() < end:
            for process in self.processes:
                if process.poll() is not None:
                    raise ServerError(f"{self.peer.title} did not start: {self.reason()}")
            if self.listens() and self.get(path)[0] == 200:
                return
            time.sleep(0.005)
        raise ServerError(f"{self.peer.title} gives no page: {self.reason()}")

    def listens(self) -> bool:
        """Whether the front accepts connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.place.port)) == 0

    def reason(self) -> str:
        """The last lines of what it said."""
        lines = self.place.log.read_text(errors="replace").splitlines() if self.place.log.exists() else []
        for process in self.processes:
            if process.poll() is not None and process.stderr:
                lines += process.stderr.read().splitlines()
        return "\n".join(lines[-12:]) or "nothing was logged"

    def pss_kib(self) -> int:
        """PSS of all processes, of the front and of the back."""
        for _ in range(5):
            with contextlib.suppress(OSError):  # a process of an old generation has ended meanwhile
                return sum(procfs.memory_kib(process.pid)["pss"] for process in self.processes)
        raise ServerError(f"{self.peer.title}: its processes come and go")

    def deploy(self) -> str:
        """Puts a new version in place, in the peer's own ordinary way; the version, which answers will tell."""
        self.version += 1
        text = re.sub(r'^VERSION = .*$', f'VERSION = "{self.version}"', self.place.script.read_text(), flags=re.M)
        fresh = self.place.script.with_suffix(".new")
        fresh.write_text(text)
        fresh.chmod(0o644)
        os.replace(fresh, self.place.script)
        if self.peer.deploy == "graceful" and self.front:
            self.front.send_signal(signal.SIGUSR1)
        elif self.peer.deploy == "back" and self.back:
            self.back.send_signal(signal.SIGHUP)
        elif self.peer.deploy == "again" and self.back:
            servers.end(self.back)
            self.start_back()
        return str(self.version)

    def stop(self) -> None:
        """Ends both."""
        for process in self.processes:
            servers.end(process)
        self.place.script.unlink(missing_ok=True)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def find(build: pathlib.Path, work: Work, wanted: list[str]) -> tuple[list[Peer], dict[str, pathlib.Path], list[str]]:
    """The peers that can be started, the modules, and a sentence for each peer that is left out."""
    modules, left_out, reasons = {}, [], {}
    chosen = [each for each in PEERS if not wanted or each.key in wanted]
    for family, look in (("brine", lambda: peer.brine(build, work.folder)), ("mod_wsgi", lambda: peer.mod_wsgi(work.folder))):
        if not any(each.family == family for each in chosen):
            continue  # mod_wsgi may have to be downloaded
        try:
            modules[family] = look()
        except peer.Missing as why:
            reasons[family] = str(why)
    there = []
    for each in chosen:
        try:
            each.needs(modules)
            there.append(each)
        except peer.Missing as why:
            left_out.append(f"{each.title} is left out: {reasons.get(each.family, why)}")
    return there, modules, left_out


def module_version(each: Peer, work: Work, modules: dict[str, pathlib.Path]) -> str:
    """What a module says of itself."""
    with Running(each, work, "facts", modules, 1, 1) as server:
        return json.loads(server.get("/")[2])[each.family]


def versions(there: list[Peer], modules: dict[str, pathlib.Path], work: Work) -> dict[str, str]:
    """What was compared, by name; nothing that names the machine."""
    keys = " ".join(each.key for each in there)
    found = {"httpd": peer.output(peer.httpd(), "-v").split("Apache/")[1].split()[0]}
    for family, title in (("brine", "Brine"), ("mod_wsgi", "mod_wsgi")):
        if each := next((each for each in there if each.key.startswith(family)), None):
            found[title] = module_version(each, work, modules)
    if "gunicorn" in keys:
        found["gunicorn"] = peer.output(peer.program("gunicorn", "gunicorn"), "--version").split()[-1].rstrip(")")
    if "uwsgi" in keys:
        found["uwsgi"] = peer.output(peer.program("uwsgi", "uwsgi-core"), "--version").split("-debian")[0]
    if "nginx" in keys:
        done = subprocess.run([peer.nginx(), "-v"], capture_output=True, text=True, check=True)
        found["nginx"] = done.stderr.split("nginx/")[1].split()[0]
    wanted = [*(["waitress"] if "waitress" in keys else []), "Django", "Flask"]
    for title in wanted:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[title] = importlib.metadata.version(title)
    return {**found, "Python": sys.version.split()[0]}
