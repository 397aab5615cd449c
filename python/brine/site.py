"""What is to be served, checked: everything that the command line says about a site."""

import errno
import hashlib
import ipaddress
import os
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from brine.application import Application
from brine.looking import absolute, status
from brine.parser import closest
from brine.pythons import Python
from brine.refusal import Refusal

MPMS = ("event", "worker", "prefork")
STATUS_URLS = ("/brine-status", "/brine-health")
NEAR = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}
"""For addresses that stand for all of a machine: those by which it reaches itself."""


@dataclass(frozen=True)
class Static:
    """A folder whose files httpd serves itself."""

    url: str
    folder: Path


@dataclass(frozen=True)
class Certificate:
    """What a server shows to its clients by TLS, and its private key: PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Site:
    """Applications and how they are to be served. All paths are absolute and exist."""

    application: Application
    others: tuple[Application, ...] = ()
    """Further ones, at other URLs."""
    statics: tuple[Static, ...] = ()
    hosts: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8000
    threads: int = 8
    mpm: str = "event"
    python: Python | None = None
    reload: bool = False
    name: str = ""
    processes: int = 1
    """At most."""
    least_processes: int | None = None
    """As few as these while the load needs no more; None: always as many as `processes`."""
    home: Path | None = None
    """The folder in which its processes begin, which is on Python's module path; None: the system's choice."""
    paths: tuple[Path, ...] = ()
    """Further folders of Python's module path."""
    body_limit: int | None = None
    limits: tuple[tuple[str, str], ...] = ()
    """Options of WSGIDaemonProcess, with their values."""
    embedded: bool = False
    """In httpd's own processes."""
    tls: Certificate | None = None
    makes_certificate: bool = False
    """A certificate is made for each run."""
    http2: bool = False
    status: bool = False
    """The server's own page and answer to monitors are served, too."""
    access_log: Path | None = None
    shows_requests: bool = False
    """The terminal has a line for each request."""
    log_level: str = "info"
    log_format: str = "text"
    includes: tuple[Path, ...] = ()
    """Further files of configuration."""
    public_name: str = ""
    """The name in its URLs; empty: that of its first address."""
    in_production: bool = False
    """It is operated by its name: it takes new code when it is told to."""

    @property
    def applications(self) -> tuple[Application, ...]:
        """All of them; more specific URLs first, since httpd takes the first that fits."""
        return tuple(sorted((self.application, *self.others), key=lambda application: -len(application.mount)))

    @property
    def subject(self) -> str:
        """What is served, in messages."""
        return self.application.subject

    @property
    def host(self) -> str:
        """The first address that it listens on."""
        return self.hosts[0]

    @property
    def module_path(self) -> tuple[Path, ...]:
        """The folders of Python's module path, in their order."""
        roots = (application.import_root for application in (self.application, *self.others))
        return tuple(dict.fromkeys([*roots, *self.paths]))

    @property
    def state_name(self) -> str:
        """What the folder of its pid file and log is called: --name, or a name that no other site has, made of
        the script, the address and the port."""
        if self.name:
            return self.name
        place = f"{self.subject}\0{' '.join(self.hosts)}"
        mark = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:8]
        word = re.sub(r"[^A-Za-z0-9_]+", "-", Path(self.subject).stem).strip("-")[:40] or "site"
        return f"{word}-{self.port}-{mark}"

    @property
    def group(self) -> str:
        """The daemon process group that runs its scripts."""
        return self.name or "site"

    @property
    def netlocs(self) -> tuple[str, ...]:
        """Hosts and port as URLs and `Listen` write them."""
        return tuple(_netloc(host, self.port) for host in self.hosts)

    @property
    def server_name(self) -> str:
        """What httpd calls itself to a client that does not say whom it asks; it takes no IPv6 address here."""
        return self.public_name or _netloc("localhost" if ":" in self.host else self.host, self.port)

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        return self.origin + quote(self.application.mount)

    @property
    def origin(self) -> str:
        """Scheme, host and port of that."""
        host = NEAR.get(self.host, self.host).replace("%", "%25")  # of a link-local address: fe80::1%eth0
        scheme = "https" if self.tls or self.makes_certificate else "http"
        return f"{scheme}://{_netloc(host, self.port)}"


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def similar_file(path: Path) -> str:
    """The file in a path's folder whose name is most like the path's, as one that was meant; empty if none is."""
    try:
        return closest(path.name, os.listdir(path.parent))
    except OSError:
        return ""


def check_script(argument: str) -> Path:
    """The script's absolute path; symbolic links stay."""
    path = absolute(argument)
    found = status("The script", path)
    if found is None:
        meant = similar_file(path)
        raise Refusal(f"There is no script {path}{f'; did you mean {meant}?' if meant else '.'}")
    if stat.S_ISDIR(found.st_mode):
        raise Refusal(f"{path} is a directory; a WSGI script file is wanted.")
    if not stat.S_ISREG(found.st_mode):
        raise Refusal(f"{path} is not a regular file.")
    if not os.access(path, os.R_OK):
        raise Refusal(f"The script {path} may not be read by you (see its mode and owner).")
    return path


def check_url_path(what: str, path: str) -> str:
    """A URL path that starts with a slash and ends without one, except for "/" itself."""
    if not path.startswith("/") or "//" in path or re.search(r"[\x00-\x1f\x7f?#]", path):
        raise Refusal(f"{what} {path!r} is not a URL path such as /shop.")
    return path.rstrip("/") or "/"


def check_file(option: str, argument: str) -> Path:
    """The absolute path of a file that an option names."""
    path = absolute(argument)
    found = status(f"The file of {option},", path)
    if found is None or not stat.S_ISREG(found.st_mode):
        raise Refusal(f"The file {path} of {option} " + ("is not a regular file." if found else "does not exist."))
    if not os.access(path, os.R_OK):
        raise Refusal(f"The file {path} of {option} may not be read by you.")
    return path


def check_folder(option: str, argument: str) -> Path:
    """The absolute path of a folder that an option names."""
    folder = absolute(argument)
    found = status(f"The folder of {option},", folder)
    if found is None or not stat.S_ISDIR(found.st_mode):
        raise Refusal(f"The folder {folder} of {option} " + ("is not a directory." if found else "does not exist."))
    if not os.access(folder, os.R_OK | os.X_OK):
        raise Refusal(f"The folder {folder} of {option} may not be read by you.")
    return folder


def check_log(option: str, argument: str) -> Path:
    """The absolute path of a file to which httpd will be able to write."""
    path = absolute(argument)
    check_folder(option, str(path.parent))
    found = status(f"The file of {option},", path)
    if found and stat.S_ISDIR(found.st_mode):
        raise Refusal(f"{path} of {option} is a directory: name a file in it.")
    if not os.access(path if found else path.parent, os.W_OK):
        raise Refusal(f"The {'file' if found else 'folder'} {path if found else path.parent} of {option} may not be "
                      "written to by you.")
    return path


def _check_static(argument: str, applications: tuple[Application, ...]) -> Static:
    """The two halves of `--static URL=DIR`."""
    url, equals, name = argument.partition("=")
    if not equals or not name:
        raise Refusal(f"--static {argument!r} is not URL=DIR, such as /static=site/static.")
    folder = check_folder(f"--static {url}", name)
    for application in applications:
        if not application.source and folder.resolve() in application.script.resolve().parents:
            raise Refusal(f"The folder {folder} of --static {url} contains the script: everybody could read its "
                          "source.")
        if application.source and folder.resolve() in (application.import_root.resolve(),
                                                       *application.import_root.resolve().parents):
            raise Refusal(f"The folder {folder} of --static {url} contains the application's modules: everybody could "
                          "read their source.")
    return Static(check_url_path("--static's URL", url), folder)


def check_statics(arguments: list[str], applications: tuple[Application, ...]) -> tuple[Static, ...]:
    """All `--static` options; more specific URLs first, since httpd takes the first that fits."""
    statics = [_check_static(argument, applications) for argument in arguments]
    urls = [static.url for static in statics]
    for url in urls:
        if urls.count(url) > 1:
            raise Refusal(f"--static names the URL {url} more than once.")
        for application in applications:
            if url == "/" or f"{application.mount}/".startswith(f"{url}/"):
                raise Refusal(f"--static {url} would hide the script, which is mounted at {application.mount}.")
    return tuple(sorted(statics, key=lambda static: -len(static.url)))


def check_name(name: str) -> str:
    """--name: what can be part of a file's name anywhere."""
    if name and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name):
        raise Refusal(f"--name {name!r} is not a name of up to 64 letters, digits, '.', '_' and '-' such as shop.")
    return name


def check_host(host: str) -> str:
    """The numeric address of a host."""
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = str(ipaddress.ip_address(name))
    except ValueError:
        try:
            address = str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise Refusal(f"--host {host!r} is neither an address nor the name of one: {why}.") from None
    if ipaddress.ip_address(address).is_multicast or address == "255.255.255.255":
        raise Refusal(f"--host {host} is an address of many machines, which no server can have: choose one of this "
                      "machine.")
    return address


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or any free one for 0, after making sure that httpd will be able to listen there."""
    try:
        # By getaddrinfo, which knows the interface of a link-local address: fe80::1%eth0.
        family, kind, _, _, address = socket.getaddrinfo(host, wanted, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise Refusal(_why_not(host, wanted, error)) from None


def _why_not(host: str, port: int, error: OSError) -> str:
    """What keeps httpd from listening there, and what to do."""
    all_addresses = "::" if ":" in host else "0.0.0.0"
    if error.errno == errno.EACCES:
        return f"Only root may listen on port {port}: choose another with --port."
    if error.errno == errno.EADDRINUSE:
        return f"{_netloc(host, port)} is not free ({error.strerror}): choose another port with --port."
    if error.errno == errno.EAFNOSUPPORT:
        return f"This machine has no IPv6, so --host {host} cannot be listened on: choose an IPv4 address."
    if host.startswith("fe80:") and "%" not in host:
        return f"--host {host} is a link-local address, which needs its interface: --host {host}%eth0."
    if isinstance(error, socket.gaierror) or error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.EINVAL):
        return (f"--host {host} is not an address of this machine ({error.strerror}): name one that `ip address` "
                f"lists, or {all_addresses} for all of them.")
    return f"{_netloc(host, port)} cannot be listened on ({error.strerror}): choose another address or port."
