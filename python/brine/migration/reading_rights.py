"""Which users may not read what: scripts and folders of modules, by those who will run them."""

import os
from collections.abc import Iterable

from brine import walking
from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.configuration.sites import Sites, group_selected
from brine.identity import identity


def _wanted(sites: Sites) -> list[tuple[str, str, Place]]:
    """User, path and place of all that is to be read."""
    found = [(sites.user_of(script), script.path, script.place) for script in [*sites.scripts, *sites.deciders]
             if not script.is_pattern
             and not (sites.groups.get(script.group) and sites.groups[script.group].option("chroot"))]
    for group in sites.groups.values():
        if not group.option("chroot"):
            selected = [each for each in sites.values("WSGIPythonPath") if group_selected(each) == group.name]
            paths = [(group.option("python-path"), group.place), *((each.words[0], each.place) for each in selected)]
            found += [(group.option("user") or sites.user, *each) for each in _folders(paths)]
    if sites.embedded_scripts():
        paths = [(each.words[0], each.place) for each in sites.values("WSGIPythonPath") if not group_selected(each)]
        found += [(sites.user, *each) for each in _folders(paths)]
    return found


def _folders(paths: Iterable[tuple[str, Place]]) -> list[tuple[str, Place]]:
    """The absolute folders of lists that are separated by ":"."""
    return [(folder, place) for folders, place in paths for folder in folders.split(":") if folder.startswith("/")]


def findings(sites: Sites) -> list[Finding]:
    """As root, a process that is that user tries; anybody else can tell of himself alone."""
    found: list[Finding] = []
    untold: dict[str, Place] = {}
    for name, path, place in _wanted(sites):
        account = identity(name, "") if name else None
        if account is None or not os.path.exists(path):
            continue  # httpd -t tells of users that do not exist; scripts that do not are told as such
        if os.geteuid() != 0:
            untold.setdefault(account.name, place)
            continue
        blocked = walking.refusal(path, account)
        if blocked is not None:
            what = "may not read it" if blocked == os.path.realpath(path) else f"is stopped by {blocked}"
            found.append(Finding("may-not-read", "reading", "warning", f"{path} is to be read by {account.name}, who "
                                 f"{what}", (place,), "Open it for that user; mod_wsgi has no other rights."))
    if untold:
        found.append(Finding("rights-unknown", "reading", "note", "only root can tell what "
                             f"{', '.join(sorted(untold))} may read", tuple(untold.values()),
                             "Run the check as root."))
    return found
