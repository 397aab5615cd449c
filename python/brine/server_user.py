"""Whom httpd's children run as when root starts it, and what that user can reach."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from brine import walking
from brine.identity import Identity
from brine.refusal import Refusal

_CANDIDATES = ("www-data", "nobody")


@dataclass(frozen=True)
class ServerUser:
    """The account of httpd's children."""

    name: str
    group: str
    uid: int
    gid: int


def server_user() -> ServerUser | None:
    """The account that the children drop to; None where they keep the caller's (not root)."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, grp.getgrgid(entry.pw_gid).gr_name, entry.pw_uid, entry.pw_gid)
    raise Refusal(f"httpd's children must not run as root, and none of the users {', '.join(_CANDIDATES)} exists.")


def named_user(user: str, group: str | None = None) -> ServerUser:
    """The account that --user and --group name. Throws a Refusal if there is no such account, or it is root."""
    try:
        entry = pwd.getpwuid(int(user[1:])) if user.startswith("#") else pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise Refusal(f"--user {user} is not in the system's list of users: name one that is, or add it.") from None
    wanted = group or f"#{entry.pw_gid}"
    try:
        its = grp.getgrgid(int(wanted[1:])) if wanted.startswith("#") else grp.getgrnam(wanted)
    except (KeyError, ValueError):
        which = "--group" if group else f"The group of --user {user},"
        raise Refusal(f"{which} {wanted} is not in the system's list of groups: name one that is, or add it.") from None
    if entry.pw_uid == 0:
        raise Refusal(f"--user {user} is root, and applications are not run as root: name another user.")
    return ServerUser(entry.pw_name, its.gr_name, entry.pw_uid, its.gr_gid)


def demand_account(user: str | None, group: str | None) -> None:
    """Refuses what --user and --group name, either of which may be left out, where there is no such account."""
    of_server = server_user()
    if of_server and (user or group):
        named_user(user or of_server.name, group)


def obstacle(path: Path, user: ServerUser) -> Path | None:
    """The first part of an existing path that keeps the user from reading it; None if there is none."""
    groups = frozenset(os.getgrouplist(user.name, user.gid))
    blocked = walking.refusal(str(path), Identity(user.name, user.uid, user.gid, groups))
    return Path(blocked) if blocked else None


def has_home(user: ServerUser) -> bool:
    """Whether it may enter its home."""
    home = Path(pwd.getpwnam(user.name).pw_dir)
    return home.is_dir() and obstacle(home, user) is None


def demand_reachable(what: str, path: Path, user: ServerUser | None) -> None:
    """Refuses a path that httpd's children could not read, and names the part that is in the way."""
    if user is None:
        return
    blocked = obstacle(path, user)
    if blocked is None:
        return
    if blocked == path.resolve():
        raise Refusal(f"httpd's children run as {user.name}, who may not read the {what} {path}.")
    raise Refusal(f"httpd's children run as {user.name}, who cannot reach the {what} {path}: "
                  f"the folder {blocked} does not let {user.name} pass.")
