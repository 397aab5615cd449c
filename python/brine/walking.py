"""The way to a path, component by component: what stands there, and who may pass. It is judged purely, from what `walk`
has noted."""

import errno
import grp
import os
import pwd
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from brine.identity import Identity
from brine.tenant_look import look

ENTER, READ = 1, 4
_MOST_LINKS = 40
_LETTERS = {4: "r", 2: "w", 1: "x"}
_ACL_USER, _ACL_OWN_GROUP, _ACL_GROUP, _ACL_MASK = 2, 4, 8, 16


@dataclass(frozen=True)
class Step:
    """A component, behind the links that lead to it."""

    path: str
    wanted: int
    """ENTER, READ or both."""
    error: int = 0
    """Why it could not be looked at (errno)."""
    link: str = ""
    """The link that led here, where it is one."""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    owner: str = ""
    group: str = ""
    acl: tuple[tuple[int, int, int], ...] = ()
    """Tag, rights, id of its entries; empty where the mode says all."""
    label: str = ""
    """Of SELinux."""
    refused: bool | None = None
    """Whether the user was refused who tried; None: nobody has tried."""


@dataclass(frozen=True)
class Right:
    """What a user may do with a component, and by what."""

    bits: int
    source: str


def _named(look_up: object, number: int) -> str:
    try:
        return str(look_up(number)[0])  # type: ignore[operator]
    except (KeyError, OverflowError):
        return f"#{number}"


def _attribute(path: str, name: str) -> bytes:
    try:
        return os.getxattr(path, name)
    except OSError:
        return b""


def parsed_acl(value: bytes) -> tuple[tuple[int, int, int], ...]:
    """The entries of system.posix_acl_access."""
    if len(value) < 4 or (len(value) - 4) % 8 or struct.unpack_from("<I", value)[0] != 2:
        return ()
    return tuple((tag, rights, number) for tag, rights, number in struct.iter_unpack("<HHI", value[4:]))


def _noted(path: str, found: os.stat_result, wanted: int, link: str, tries: bool) -> Step:
    mode = (os.R_OK if wanted & READ else 0) | (os.X_OK if wanted & ENTER else 0)
    label = _attribute(path, "security.selinux").rstrip(b"\0").decode("utf-8", "replace")
    return Step(path, wanted, 0, link, found.st_mode, found.st_uid, found.st_gid, _named(pwd.getpwuid, found.st_uid),
                _named(grp.getgrgid, found.st_gid), parsed_acl(_attribute(path, "system.posix_acl_access")), label,
                not os.access(path, mode) if tries else None)


def walk(path: str, wanted: int, tries: bool) -> Iterator[Step]:
    """The components from / on, to the first at which it ends; `tries`: this process is the user. What `wanted` says is
    asked of the last one; a folder that is to be read is to be entered too."""
    pending, here, link, links = path.split("/")[::-1], "/", "", 0
    passed: set[tuple[str, int]] = set()
    while True:
        while pending and pending[-1] in ("", "."):
            pending.pop()
        try:
            found = os.lstat(here)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, "")
                link, target = here, os.readlink(here)
                pending += target.split("/")[::-1]
                here = "/" if target.startswith("/") else os.path.dirname(here)
                continue
            is_folder = stat.S_ISDIR(found.st_mode)
            if pending and not is_folder:
                raise OSError(errno.ENOTDIR, "")
        except OSError as error:
            yield Step(here, wanted, error.errno or errno.EIO, link)
            return
        step = _noted(here, found, ENTER if pending else wanted | (ENTER if is_folder else 0), link, tries)
        if (here, step.wanted) not in passed:  # again, behind a link
            passed.add((here, step.wanted))
            yield step
        if step.refused or not pending:
            return
        part = pending.pop()
        here = os.path.dirname(here) if part == ".." else os.path.join(here, part)


def right(step: Step, identity: Identity) -> Right:
    """By mode and ACL, as the kernel decides (acl(5))."""
    if identity.uid == 0:
        return Right(7, "root's")
    if identity.uid == step.uid:
        return Right(step.mode >> 6 & 7, "the owner's")
    mask = next((rights for tag, rights, _ in step.acl if tag == _ACL_MASK), 7)
    for tag, rights, number in step.acl:
        if tag == _ACL_USER and number == identity.uid:
            return Right(rights & mask, f"those of {identity.name} in its ACL")
    groups = identity.groups | {identity.gid}
    if step.acl:
        mine = [(rights & mask, "its group's") for tag, rights, _ in step.acl
                if tag == _ACL_OWN_GROUP and step.gid in groups]
        mine += [(rights & mask, "those of a group in its ACL") for tag, rights, number in step.acl
                 if tag == _ACL_GROUP and number in groups]
        if mine:
            return Right(*next((each for each in mine if each[0] & step.wanted == step.wanted), mine[0]))
    elif step.gid in groups:
        return Right(step.mode >> 3 & 7, "its group's")
    return Right(step.mode & 7, "everybody else's")


def is_passed(step: Step, identity: Identity) -> bool:
    """What was tried counts; else what mode and ACL say."""
    if step.error:
        return False
    if step.refused is not None:
        return not step.refused
    return right(step, identity).bits & step.wanted == step.wanted


def obstacle(steps: list[Step], identity: Identity) -> Step | None:
    """The first component that the user may not pass, or that is not there."""
    return next((step for step in steps if not is_passed(step, identity)), None)


def refusal(path: str, identity: Identity) -> str | None:
    """The first component that keeps the user from reading an existing path, by that user's own try; None if none does,
    or this process may not become that user."""
    who = None if identity.is_caller else identity
    return look(who, "", lambda: next((step.path for step in walk(path, READ, True) if step.refused), None))


def letters(bits: int) -> str:
    """4: "r--"."""
    return "".join(letter if bits & bit else "-" for bit, letter in _LETTERS.items())


def shown(step: Step) -> str:
    """As ls shows it: "drwx------ shop:shop", with a + where there is an ACL."""
    return f"{stat.filemode(step.mode)}{'+' if step.acl else ''} {step.owner}:{step.group}"
