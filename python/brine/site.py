"""What is to be served, checked: everything that the command line says about a site."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from brine.pythons import Python
from brine.refusal import Refusal

MPMS = ("event", "worker", "prefork")
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True)
class Static:
    """A folder whose files httpd serves itself."""

    url: str
    folder: Path


@dataclass(frozen=True)
class Site:
    """A script and how it is to be served. All paths are absolute and exist."""

    script: Path
    mount: str = "/"
    statics: tuple[Static, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 8
    mpm: str = "event"
    python: Python | None = None
    reload: bool = False

    @property
    def import_root(self) -> Path:
        """The folder from which the script's neighbours are imported: the script's own, or the one
        above the package that the script is part of (a Django project's wsgi.py)."""
        folder = self.script.parent
        while (folder / "__init__.py").exists() and folder != folder.parent:
            folder = folder.parent
        return folder

    @property
    def netloc(self) -> str:
        """Host and port as a URL and `Listen` write them."""
        return _netloc(self.host, self.port)

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        return f"http://{_netloc(_WILDCARDS.get(self.host, self.host), self.port)}{quote(self.mount)}"


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_script(argument: str) -> Path:
    """The script's absolute path; symbolic links stay, so that a deployment may switch one."""
    path = Path(os.path.abspath(argument))
    if path.is_dir():
        raise Refusal(f"{path} is a directory; a WSGI script file is wanted.")
    if not path.exists():
        raise Refusal(f"There is no script {path}.")
    if not path.is_file():
        raise Refusal(f"{path} is not a regular file.")
    if not os.access(path, os.R_OK):
        raise Refusal(f"The script {path} may not be read by you (see its mode and owner).")
    return path


def check_url_path(what: str, path: str) -> str:
    """A URL path that starts with a slash and ends without one, except for "/" itself."""
    if not path.startswith("/") or "//" in path or re.search(r"[\x00-\x1f\x7f?#]", path):
        raise Refusal(f"{what} {path!r} is not a URL path such as /shop.")
    return path.rstrip("/") or "/"


def check_static(argument: str, script: Path) -> Static:
    """The two halves of `--static URL=DIR`."""
    url, equals, name = argument.partition("=")
    if not equals or not name:
        raise Refusal(f"--static {argument!r} is not URL=DIR, such as /static=site/static.")
    folder = Path(os.path.abspath(name))
    if not folder.is_dir():
        raise Refusal(f"The folder {folder} of --static {url} " +
                      ("is not a directory." if folder.exists() else "does not exist."))
    if not os.access(folder, os.R_OK | os.X_OK):
        raise Refusal(f"The folder {folder} of --static {url} may not be read by you.")
    if folder.resolve() in script.resolve().parents:
        raise Refusal(f"The folder {folder} of --static {url} contains the script: everybody could read its source.")
    return Static(check_url_path("--static's URL", url), folder)


def check_statics(arguments: list[str], mount: str, script: Path) -> tuple[Static, ...]:
    """All `--static` options; more specific URLs first, since httpd takes the first that fits."""
    statics = [check_static(argument, script) for argument in arguments]
    urls = [static.url for static in statics]
    for url in urls:
        if urls.count(url) > 1:
            raise Refusal(f"--static names the URL {url} more than once.")
        if url == "/" or f"{mount}/".startswith(f"{url}/"):
            raise Refusal(f"--static {url} would hide the script, which is mounted at {mount}.")
    return tuple(sorted(statics, key=lambda static: -len(static.url)))


def check_host(host: str) -> str:
    """The numeric address of a host of this machine."""
    host = host.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refusal(f"--host {host} is no address: {error}.") from None
    return str(found[0][4][0])


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or any free one for 0, after making sure that nobody listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except PermissionError:
            raise Refusal(f"Only root may listen on port {wanted}: choose another with --port.") from None
        except OSError as error:
            raise Refusal(f"{_netloc(host, wanted)} is not free ({error.strerror}): "
                          "choose another with --port.") from None
        return int(probe.getsockname()[1])
