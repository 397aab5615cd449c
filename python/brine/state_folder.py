"""The folder in which a configured site (`brine config`) keeps its pid file and its log."""

import os
import pwd
from pathlib import Path

from brine.refusal import Refusal
from brine.site import Site

_ROOT_S = Path("/var/lib/brine")


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


def state_folder(site: Site) -> Path:
    """One for each site: httpd takes a pid file of another one for its own, and does not start."""
    return (_ROOT_S if os.geteuid() == 0 else _user_s() / "brine") / site.state_name


def _running(folder: Path) -> int | None:
    """The process of the httpd that has its pid file there, if it lives; a number that has passed on to some
    other program since does not count."""
    try:
        pid = int((folder / "httpd.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"-f" in command else None


def demand_not_running(site: Site) -> None:
    """Refuses to serve a site that a configured httpd serves already."""
    try:
        folder = state_folder(site)
    except Refusal:
        return  # it has never been configured by this user
    pid = _running(folder)
    if pid is not None:
        raise Refusal(f"The site {site.state_name} runs already, as process {pid} (its pid file is in {folder}): end "
                      f"that one with `kill {pid}`, or give this one another --name or --port.")
