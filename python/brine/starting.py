"""The start of a site: what can be found wrong is found before httpd runs."""

from dataclasses import replace
from pathlib import Path

from brine.installation import Brine, find_httpd
from brine.made_files import made_scripts
from brine.refusal import Refusal
from brine.server import PortTaken, serve
from brine.server_user import ServerUser, demand_reachable, has_home, named_user, server_user
from brine.site import Site, free_port
from brine.sites.folders import demand_not_running


# So often another free port is taken for --port 0 where somebody else was quicker.
_ATTEMPTS = 10


def _checked_engine(site: Site, brine: Brine) -> Path | None:
    """The engine that will be used, if it is known here which one that is."""
    python = site.python.version if site.python else brine.default_python
    if python is None:
        return None
    engine = brine.engine(python)
    if not engine.exists():
        there = ", ".join(brine.pythons()) or "none"
        home = f", which {site.python.home} is" if site.python and site.python.home else ""
        folders = " nor in ".join(map(str, brine.engine_folders))
        raise Refusal(f"There is no engine for Python {python}{home}, in {folders} (engines there: {there}): "
                      f"choose another Python with --python, or build an engine for this one, with "
                      f"`cmake -S . -B build -DBRINE_PYTHONS={python}`.")
    failure = brine.engine_failure(python)
    if failure:
        raise Refusal(f"The engine for Python {python}, {engine}, cannot be loaded: {failure}. Install that Python's "
                      f"library (Debian: apt-get install libpython{python}), or choose another Python with --python.")
    return engine


def _runner(site: Site, user: ServerUser | None) -> ServerUser | None:
    """Whom the application's processes run as; None: the caller."""
    limits = dict(site.limits)
    given = limits.get("user"), limits.get("group")
    return named_user(given[0] or user.name, given[1]) if user and any(given) else user


def with_home(site: Site) -> Site:
    """Accounts for services often have no home that they may enter, and their processes would work in /: they work in
    the application's folder."""
    user = _runner(site, server_user())
    if site.home or user is None or has_home(user):
        return site
    return replace(site, home=site.application.import_root)


def _check_reach(site: Site, brine: Brine, engine: Path | None, user: ServerUser | None) -> None:
    runner = _runner(site, user)
    for application in site.applications:
        if application.source:
            demand_reachable("folder", application.import_root, runner)
        else:
            demand_reachable("script", application.script, runner)
    if site.home:
        demand_reachable("folder", site.home, runner)
    demand_reachable("module", brine.module, user)
    if engine:
        demand_reachable("engine", engine, runner)
    if site.python and site.python.home:
        demand_reachable("Python", site.python.home, runner)
    for static in site.statics:
        demand_reachable(f"folder of --static {static.url},", static.folder, user)


def checked_user(site: Site, brine: Brine) -> ServerUser | None:
    """Whom httpd's children run as, who can reach all that the site needs."""
    user = server_user()
    _check_reach(site, brine, _checked_engine(site, brine), user)
    return user


def start(site: Site, brine: Brine) -> int:
    """Serves the site in the foreground; gives the command's exit code."""
    httpd = find_httpd()
    user = checked_user(site, brine)
    demand_not_running(site)
    with made_scripts(site) as complete:
        for _ in range(_ATTEMPTS):
            try:
                return serve(_with_port(complete), httpd, brine, user)
            except PortTaken:
                if site.port:
                    raise
        return serve(_with_port(complete), httpd, brine, user)


def _with_port(site: Site) -> Site:
    """With a port that is free on all its addresses: a moment later somebody else may have it."""
    port = free_port(site.host, site.port)
    for host in site.hosts[1:]:
        free_port(host, port)
    return replace(site, port=port)
