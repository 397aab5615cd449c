"""Whom httpd's children run as when root starts it, and what that user can reach."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

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
        wanted = group or f"#{entry.pw_gid}"
        its = grp.getgrgid(int(wanted[1:])) if wanted.startswith("#") else grp.getgrnam(wanted)
    except KeyError as error:
        raise Refusal(f"--user {user}{f' --group {group}' if group else ''} names what is not in the system's list: "
                      f"{str(error.args[0])}.") from None
    if entry.pw_uid == 0:
        raise Refusal(f"--user {user} is root, and applications are not run as root: name another user.")
    return ServerUser(entry.pw_name, its.gr_name, entry.pw_uid, its.gr_gid)


def _steps(path: Path) -> list[Path]:
    """Every folder that is passed on the way to the path, also behind symbolic links, then it itself."""
    real = path.resolve()
    ways = [*reversed(path.parents), *reversed(real.parents), real]
    return list(dict.fromkeys(ways))


def _first_obstacle(steps: list[Path]) -> int:
    """The index of the first step that this process may not take, or len(steps)."""
    for index, step in enumerate(steps):
        last = index == len(steps) - 1
        wanted = (os.R_OK if last else 0) | (os.X_OK if step.is_dir() else 0)
        if not os.access(step, wanted):
            return index
    return len(steps)


def obstacle(path: Path, user: ServerUser) -> Path | None:
    """The first part of an existing path that keeps the user from reading it; None if there is none.

    A forked child becomes that user and tries: modes, groups, ACLs and security modules all count.
    """
    steps = _steps(path)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # Whatever goes wrong here must not run on in the caller's code.
        try:
            os.initgroups(user.name, user.gid)
            os.setgid(user.gid)
            os.setuid(user.uid)
            os.write(writer, str(_first_obstacle(steps)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer = answers.read()
    os.waitpid(child, 0)
    # No answer: the child could not become that user. httpd will say so better than a guess here.
    index = int(answer) if answer else len(steps)
    return steps[index] if index < len(steps) else None


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
