"""What is known of a site by its name: a small file in its state folder, which `brine config -o` writes."""

import dataclasses
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brine.refusal import Refusal
from brine.site import NEAR
from brine.sites.folders import ELSEWHERE, Folders, folders_of, process_of, states
from brine.sites.new_file import write_new

_LISTEN = re.compile(r"^Listen (?:(?P<host>\S+):)?(?P<port>\d+)\b", re.MULTILINE | re.IGNORECASE)
_TLS = re.compile(r"^\s*SSLEngine +on\b", re.MULTILINE | re.IGNORECASE)
_FILE = "site.json"
_TAKEN = "configuration-taken"


@dataclass(frozen=True)
class KnownSite:
    """A site that was written."""

    name: str
    kind: str
    """"httpd", one of its own, or "vhost", a virtual host of Debian's apache2."""
    configuration: str
    pid_file: str
    error_log: str
    first_url: str
    """As it was when the site was written."""
    scripts: tuple[str, ...]
    environment: tuple[str, ...] = ()
    """Files of variables."""
    unit: str = ""
    """The file of its systemd unit."""

    @property
    def folders(self) -> Folders:
        return folders_of(self.name)

    @property
    def address(self) -> tuple[str, int, bool] | None:
        """Host, port, and whether TLS is spoken there, as its configuration says; None where that cannot be told."""
        try:
            text = Path(self.configuration).read_text(errors="replace")
        except OSError:
            text = ""
        listen = _LISTEN.search(text)
        host = (listen["host"] or "*").strip("[]") if listen else ""
        return (NEAR.get(host, host), int(listen["port"]), bool(_TLS.search(text))) if listen else None

    @property
    def url(self) -> str:
        """That of its application, with the port that its configuration names now."""
        address = self.address
        return re.sub(r":\d+/", f":{address[1]}/", self.first_url, count=1) if address else self.first_url

    @property
    def service(self) -> str:
        """What systemd calls it."""
        return Path(self.unit).name if self.unit else "apache2.service"

    @property
    def process(self) -> int | None:
        """Its httpd's first process, if it runs."""
        return process_of(Path(self.pid_file), self.configuration if self.kind == "httpd" else "")

    @property
    def configuration_has_changed(self) -> bool:
        """Whether its own httpd has yet to read the file as it is; Debian's apache2 tells nobody what it has read."""
        try:
            return Path(self.configuration).stat().st_mtime > (self.folders.runtime / _TAKEN).stat().st_mtime
        except FileNotFoundError:
            return False

    def note_configuration_taken(self, when: float) -> None:
        """Remembers that httpd reads the file now."""
        mark = self.folders.runtime / _TAKEN
        mark.touch()
        os.utime(mark, (when, when))

    def make_folders(self) -> None:
        """Makes those that its own httpd writes to; some of them are gone after each start of the machine."""
        self.folders.logs.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.folders.runtime.mkdir(mode=0o755, parents=True, exist_ok=True)

    @property
    def file(self) -> Path:
        """What is kept of it."""
        return self.folders.state / _FILE

    def save(self) -> None:
        """Makes the site known."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_new(self.file, (json.dumps(dataclasses.asdict(self), indent=2) + "\n").encode())


def _is_text(value: Any) -> bool:
    """Whether it may be a name or a path, or is several of them."""
    return all(isinstance(each, str) and "\0" not in each for each in (value if isinstance(value, tuple) else [value]))


def _read(file: Path) -> KnownSite:
    try:
        fields = json.loads(file.read_text())
        site = KnownSite(**fields)
        site = dataclasses.replace(site, scripts=tuple(site.scripts), environment=tuple(site.environment))
        if not all(map(_is_text, dataclasses.astuple(site))):
            raise ValueError
        return site
    except PermissionError:
        raise Refusal(f"{file} may not be read by you.") from None
    except (ValueError, TypeError, RecursionError):
        raise Refusal(f"{file} does not describe a site: write the site anew, by `brine config --name "
                      f"{file.parent.name} ... -o DIR --force`.") from None


def known_sites() -> list[KnownSite]:
    """All of this user's, by name."""
    return [_read(file) for file in sorted(states().glob(f"*/{_FILE}"))]


def known_site(name: str) -> KnownSite:
    """The site of that name. Throws a Refusal where there is none."""
    file = folders_of(name).state / _FILE
    if "/" not in name and file.is_file():
        return _read(file)
    names = ", ".join(site.name for site in known_sites())
    there = f"there are: {names}" if names else f"`brine config --name {name} TARGET -o DIR` writes one"
    raise Refusal(f"There is no site {name} in {states()}; {there}. (Each user has sites of their own, and {ELSEWHERE} "
                  "in the environment names another folder.)")
