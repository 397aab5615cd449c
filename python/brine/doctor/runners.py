"""Which processes run which scripts, as whom, with which Python. Pure but for the names of users."""

from collections.abc import Iterable

from brine.configuration.lines import Place
from brine.configuration.sites import Group, Sites, group_selected, number, size
from brine.configuration.sites import Script as Mapping
from brine import identity as identities
from brine.doctor.state import Runner, Script, Wanted
from brine.installation import Brine
from brine.identity import Identity
from brine.walking import ENTER, READ

_THREADED = {"mpm_event_module", "mpm_worker_module"}


def runners(sites: Sites, brine: Brine, is_root: bool) -> tuple[Runner, ...]:
    """All that run a script; where root does not start httpd, unnamed users are the caller."""
    default = _chosen(sites, "WSGIPython") or brine.default_python or ""
    found = [_daemon(sites, group, default, is_root) for group in sites.groups.values()]
    embedded = [script for script in [*sites.scripts, *sites.deciders] if not script.group]
    return tuple([*found, *([_embedded(sites, embedded, default, is_root)] if embedded else [])])


def _chosen(sites: Sites, name: str) -> str:
    values = sites.values(name)
    return values[-1].words[0] if values else ""


def _identity(user: str, group: str, supplementary: str, is_root: bool) -> Identity | None:
    found = identities.identity(user, group, supplementary) if user else None
    return found if found or is_root and user else identities.caller()


def _scripts(sites: Sites, mappings: Iterable[Mapping]) -> tuple[Script, ...]:
    def wanted(each: Mapping) -> str:
        if each in sites.deciders or not sites.has_application(each):
            return ""
        return (each.directive.options.get("callable-object") or sites.setting_of("WSGICallableObject", each)
                or "application")

    return tuple(Script(each.path, each.place, wanted(each), each.application_group)
                 for each in mappings if not each.is_pattern and "%{" not in each.path)


def _search_path(sites: Sites, group: str | None, own: str, place: Place, what: str) -> list[Wanted]:
    """The folders of python-path= and WSGIPythonPath; those of httpd's own count for a group that has none."""
    of_sections = [(each.words[0], each.place) for each in sites.values("WSGIPythonPath")
                   if group_selected(each) == group]
    of_all = [(each.words[0], each.place) for each in sites.values("WSGIPythonPath") if group_selected(each) is None]
    said = [(own, place)] if own else of_all
    return [Wanted(what, folder, where, READ) for folders, where in [*of_sections, *said]
            for folder in folders.split(":") if folder.startswith("/")]


def _daemon(sites: Sites, group: Group, default: str, is_root: bool) -> Runner:
    option = group.option
    who = _identity(option("user") or sites.user, option("group") or (sites.user_group if not option("user") else ""),
                    option("supplementary-groups"), is_root)
    named = option("python-home")
    home, home_place = sites.absolute(named) if named else "", group.place
    version = option("python") or ("" if home else default)
    if not home and version == default:
        home, home_place = _home(sites)
    path = _search_path(sites, group.name, option("python-path"), group.place, "the folder of modules")
    folder = option("home")
    if folder:
        path.insert(0, Wanted("home=", folder, group.place, ENTER))
    scripts = _scripts(sites, [each for each in [*sites.scripts, *sites.deciders] if each.group == group.name])
    differs = who is not None and who != _identity(sites.user, sites.user_group, "", is_root)
    return Runner(
        group.name, group.place, who, group.processes, group.threads, version, home, tuple(path),
        folder or (who.home if who and differs else "/") or "/", option("chroot"), _environment(group, who),
        int(option("umask"), 8) if option("umask").isdigit() else -1, size(option("memory-limit")),
        size(option("virtual-memory-limit")), number(option("interpreters"), 1) > 1 or _has_own_gils(sites), scripts,
        _all_wanted(scripts, path, home, home_place, "python-home=" if named else "WSGIPythonHome"))


def _environment(group: Group, who: Identity | None) -> dict[str, str]:
    said = {"LANG": group.option("lang"), "LC_ALL": group.option("locale")}
    if who is not None:
        said |= {"HOME": who.home, "USER": who.name, "LOGNAME": who.name}
    return {name: value for name, value in said.items() if value}


def _embedded(sites: Sites, mappings: list[Mapping], default: str, is_root: bool) -> Runner:
    place = mappings[0].place
    home, home_place = _home(sites)
    path = _search_path(sites, "", "", place, "the folder of modules")
    scripts = _scripts(sites, mappings)
    processes, threads = children(sites)
    return Runner("", place, _identity(sites.user, sites.user_group, "", is_root), processes, threads,
                  _chosen(sites, "WSGIPython") or ("" if home else default), home, tuple(path), "/", "", {}, -1, 0, 0,
                  _has_own_gils(sites), scripts,
                  _all_wanted(scripts, path, home, home_place, "WSGIPythonHome"))


def _home(sites: Sites) -> tuple[str, Place]:
    """That of httpd's own processes, and of groups with the same Python; "" where none is named."""
    named = sites.values("WSGIPythonHome")
    return (sites.absolute(named[-1].words[0]), named[-1].place) if named else ("", Place("", 0))


def _has_own_gils(sites: Sites) -> bool:
    return bool(sites.values("WSGIPerInterpreterGIL", "On"))


def children(sites: Sites) -> tuple[int, int]:
    """httpd's own processes at most, and the threads of each, by its MPM and their defaults."""
    loaded = {each.words[0] for each in sites.tree.named("LoadModule") if each.words}

    def said(default: int, *names: str) -> int:
        values = [each for each in sites.tree.named(*names) if each.words]
        return number(values[-1].words[0], default) if values else default

    if loaded & _THREADED:
        threads = max(1, said(25, "ThreadsPerChild"))
        return max(1, said(400, "MaxRequestWorkers", "MaxClients") // threads), threads
    return said(256, "MaxRequestWorkers", "MaxClients"), 1


def _all_wanted(scripts: tuple[Script, ...], path: list[Wanted], home: str, place: Place,
                what: str) -> tuple[Wanted, ...]:
    homes = [Wanted(what, home, place, READ)] if home else []
    return tuple([*(Wanted("the script", each.path, each.place, READ) for each in scripts), *homes, *path])
