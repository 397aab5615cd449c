"""Paths that a user may not reach: the first component that is in the way, and why."""

import errno
import os
import shlex
from collections.abc import Iterable, Iterator

from brine import walking
from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.doctor.state import Machine, State, Walk
from brine.identity import Identity
from brine.walking import ENTER, READ, Step

REFUSED_TYPES = ("admin_home_t", "default_t", "tmp_t", "unlabeled_t", "user_home_dir_t", "user_home_t", "user_tmp_t",
                 "var_log_t", "mnt_t")
"""SELinux types that the reference policy keeps from httpd_t unless somebody allows it."""


def findings(state: State) -> Iterator[Finding]:
    """One for each user and component."""
    walks: dict[tuple[Identity, Step], list[Walk]] = {}
    for each in state.walks:
        who = each.runner.identity
        step = walking.obstacle(list(each.steps), who) if who else None
        if who and step:
            walks.setdefault((who, step), []).append(each)
        elif state.machine.selinux:
            yield from _of_labels(each)
    for (who, step), stopped in walks.items():
        yield _finding(who, step, stopped, state.machine)
    for runner in state.unseen:
        why = "only root can look behind chroot=" if runner.chroot else "the look did not come to its end"
        yield Finding("path-unseen", "path", "note", f"the files of {runner.called} could not be looked at: {why}",
                      (runner.place,), "Run the check as root, and see whether a file system hangs.")


def _places(walks: Iterable[Walk]) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(each.wanted.place for each in walks))


def _goal(walks: list[Walk], step: Step) -> str:
    paths = list(dict.fromkeys(f"{each.wanted.what} {each.wanted.path}" for each in walks))
    if paths[0].endswith(f" {step.path}"):
        return f"{paths[0]}: "
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}: "


def _finding(who: Identity, step: Step, walks: list[Walk], machine: Machine) -> Finding:
    goal, places = _goal(walks, step), _places(walks)
    if step.error in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
        link = f", to which the link {step.link} leads," if step.link else ""
        why = {errno.ENOENT: "is not there", errno.ENOTDIR: "is no folder",
               errno.ELOOP: "is one link too many: they lead in a circle"}[step.error]
        return Finding("path-missing", "path", "error", f"{goal}{step.path}{link} {why}", places,
                       f"Put it there, or mend the path ({walks[0].runner.called}).", details=_listing(walks[0]))
    if step.error:
        return Finding("path-unseen", "path", "note", f"{goal}{step.path} cannot be looked at by you: "
                       f"{os.strerror(step.error)}", places, "Run the check as root.")
    verb = {ENTER: "enter", READ: "read"}.get(step.wanted, "read and enter")
    return Finding("path-refused", "path", "error", f"{goal}{who.name} may not {verb} {step.path} "
                   f"({walking.shown(step)})", places, _remedy(who, step),
                   details=(_reason(who, step, machine), *_listing(walks[0])))


def _reason(who: Identity, step: Step, machine: Machine) -> str:
    right = walking.right(step, who)
    if right.bits & step.wanted != step.wanted:
        return f"{who.name}'s rights there are {right.source}: {walking.letters(right.bits)}"
    modules = [f"its SELinux label is {step.label}"] if step.label else []
    modules += [f"the AppArmor profile {machine.profile} confines httpd"] if machine.profile else []
    return ("mode and ACL would allow it, so the file system (root_squash of NFS, for instance) or a security module "
            f"refuses{'; ' if modules else ''}{'; '.join(modules)}")


def _listing(walk: Walk) -> tuple[str, ...]:
    """The way there, as `namei -l` shows it."""
    return tuple(f"{walking.shown(step)} {step.path}" for step in walk.steps if not step.error)


def _remedy(who: Identity, step: Step) -> str:
    path, letters = shlex.quote(step.path), walking.letters(step.wanted).replace("-", "").replace("w", "")
    if walking.right(step, who).bits & step.wanted == step.wanted:
        return "See what was denied (ausearch -m AVC -ts recent; journalctl -k | grep -i denied), or the export."
    if who.uid == step.uid:
        return f"chmod u+{letters} {path}"
    return f"setfacl -m u:{who.name}:{letters} {path} (for this user alone), or chmod o+{letters} {path} (for all)."


def _of_labels(walk: Walk) -> Iterator[Finding]:
    for step in walk.steps:
        kind = step.label.split(":")[2] if step.label.count(":") >= 2 else ""
        if kind in REFUSED_TYPES:
            yield Finding("selinux-label", "path", "warning", f"{walk.wanted.what} {walk.wanted.path}: SELinux is "
                          f"enforced, and {step.path} has the type {kind}, which httpd may not use by its policy",
                          (walk.wanted.place,), f"semanage fcontext -a -t httpd_sys_content_t "
                          f"{shlex.quote(step.path + '(/.*)?')} && restorecon -R {shlex.quote(step.path)}")
            return
