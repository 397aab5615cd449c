"""The folders in which sites keep their pid files, their logs, and what is known of them."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from brine.refusal import Refusal
from brine.site import Site

ELSEWHERE = "BRINE_SITES"
"""A variable of the environment: the folder of all sites, in the place of those of the system or of the user."""
_ROOT_S = Path("/")


@dataclass(frozen=True)
class Folders:
    """Those of one site."""

    state: Path
    """What is known of it."""
    logs: Path
    runtime: Path
    """Its pid file, and what else is gone when the machine starts."""

    @property
    def pid_file(self) -> Path:
        return self.runtime / "httpd.pid"

    @property
    def error_log(self) -> Path:
        return self.logs / "error.log"


def all_in(folder: Path) -> Folders:
    """One folder for everything."""
    return Folders(folder, folder, folder)


def _user_s() -> Path:
    """Where a user's programs keep their state, by the XDG Base Directory Specification."""
    told = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(told):
        return Path(told)
    home = os.environ.get("HOME", "")
    if not os.path.isabs(home):
        try:
            home = pwd.getpwuid(os.geteuid()).pw_dir
        except KeyError:
            raise Refusal(f"There is no HOME in the environment, and the user {os.geteuid()} is not in the system's "
                          "list of users: set XDG_STATE_HOME to a folder for the site's pid file and log.") from None
    return Path(home) / ".local/state"


def are_the_system_s() -> bool:
    """Whether sites are kept where the Filesystem Hierarchy Standard has services keep what they have."""
    return os.geteuid() == 0 and not os.environ.get(ELSEWHERE)


def states() -> Path:
    """The folder that has one for each site, called by its name."""
    elsewhere = os.environ.get(ELSEWHERE)
    if elsewhere:
        return Path(os.path.abspath(elsewhere))
    return _ROOT_S / "var/lib/brine" if os.geteuid() == 0 else _user_s() / "brine"


def folders_of(name: str) -> Folders:
    """Those of the site of this name."""
    state = states() / name
    if are_the_system_s():
        return Folders(state, _ROOT_S / "var/log/brine" / name, _ROOT_S / "run/brine" / name)
    return Folders(state, state / "log", state / "run")


def printed_folders(site: Site) -> Folders:
    """Those of a configuration that is only printed: one for each site, since httpd takes a pid file of another one for
    its own, and does not start."""
    return all_in(states() / site.state_name)


def process_of(pid_file: Path, configuration: str = "") -> int | None:
    """The httpd that has this pid file, if it lives; a number that has passed on to some other program since does not
    count, nor to an httpd with another configuration than this one, if it is told."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    if configuration:
        return pid if (b"-f", os.fsencode(configuration)) in zip(command, command[1:]) else None
    return pid if b"-f" in command or os.path.basename(command[0]) in (b"apache2", b"httpd") else None


def demand_not_running(site: Site) -> None:
    """Refuses to serve a site that a configured httpd serves already."""
    try:
        places = (printed_folders(site), folders_of(site.state_name))
    except Refusal:
        return  # it has never been configured by this user
    for folders in places:
        pid = process_of(folders.pid_file)
        if pid is not None:
            raise Refusal(f"The site {site.state_name} runs already, as process {pid} (its pid file is in "
                          f"{folders.runtime}): end that one with `kill {pid}`, or give this one another --name or "
                          "--port.")
