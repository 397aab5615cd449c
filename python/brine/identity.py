"""Who runs what, by the names of a configuration."""

import grp
import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """Who looks, or runs."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]
    home: str = ""

    @property
    def is_caller(self) -> bool:
        """Whether it is who runs this command, who need not become anybody."""
        return self.uid == os.geteuid()


def _number(text: str) -> int | None:
    return int(text[1:]) if text[:1] == "#" and text[1:].isdigit() else None


def _user(name: str) -> pwd.struct_passwd | None:
    number = _number(name)
    try:
        return pwd.getpwnam(name) if number is None else pwd.getpwuid(number)
    except (KeyError, OverflowError):
        return None


def _group(name: str) -> int | None:
    number = _number(name)
    try:
        return grp.getgrnam(name).gr_gid if number is None else number
    except KeyError:
        return None


def identity(user: str, group: str, supplementary: str = "") -> Identity | None:
    """That of processes with these options; None if there is no such user or group. With no supplementary groups named,
    those of the user count."""
    entry = _user(user)
    gid = _group(group) if group else entry.pw_gid if entry else None
    if entry is None or gid is None:
        return None
    names = [name.strip() for name in supplementary.split(",") if name.strip()]
    groups: list[int | None] = [_group(name) for name in names] if names else [*os.getgrouplist(entry.pw_name, gid)]
    return Identity(entry.pw_name, entry.pw_uid, gid, frozenset(each for each in groups if each is not None),
                    entry.pw_dir)


def unknown_accounts(user: str, group: str) -> tuple[str, ...]:
    """Which of httpd's directives User and Group names nobody."""
    return tuple(name for name, found in (("User", _user(user)), ("Group", _group(group))) if found is None)


def caller() -> Identity:
    """Who runs this command."""
    entry = _user(f"#{os.geteuid()}")
    return Identity(entry.pw_name if entry else f"#{os.geteuid()}", os.geteuid(), os.getegid(),
                    frozenset(os.getgroups()), entry.pw_dir if entry else "")
