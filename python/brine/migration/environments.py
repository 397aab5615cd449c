"""Which Python runs what: mod_wsgi's own, the engines that are there, and the environments that are named."""

import re
from pathlib import Path

from brine.configuration.finding import Finding
from brine.configuration.sites import Sites, group_selected
from brine.configuration.tree import Directive
from brine.installation import Brine

_LIBPYTHON = re.compile(rb"libpython(3\.\d+t?)\w*\.so")
_IN_PATH = re.compile(r"/python(3\.\d+t?)/(?:site|dist)-packages")
_MOST_BYTES = 64 << 20


def python_of_module(file: str) -> str:
    """The X.Y that a mod_wsgi.so is linked to; "" where it is not there, or does not tell. It is read, not loaded."""
    try:
        with open(file, "rb") as stream:
            match = _LIBPYTHON.search(stream.read(_MOST_BYTES))
        return match[1].decode() if match else ""
    except OSError:
        return ""


def python_of_home(home: str) -> str:
    """The X.Y for which a folder has a library."""
    root = Path(home)
    if root.name in ("python", "python3") or root.name.startswith("python3."):
        root = root.parent
    root = root.parent if root.name == "bin" else root
    try:
        found = [each.name.removeprefix("python") for each in sorted((root / "lib").glob("python3.*"))
                 if (each / "site-packages").is_dir() or (each / "encodings").is_dir()]
    except OSError:
        return ""
    return found[0] if found else ""


def _homes(sites: Sites) -> list[tuple[Directive, str, str]]:
    """Directive, what it is called, and the folder."""
    found = [(each, "WSGIPythonHome", each.words[0]) for each in sites.values("WSGIPythonHome")]
    found += [(group.directive, f"python-home= of group {group.name}", group.option("python-home"))
              for group in sites.groups.values() if group.option("python-home") and not group.option("chroot")]
    return [(each, what, sites.absolute(home)) for each, what, home in found]


def findings(sites: Sites, brine: Brine, loaded: list[Directive]) -> list[Finding]:
    """`loaded`: the LoadModule lines of mod_wsgi."""
    engines = brine.pythons()
    found = list(_fits(sites, engines))
    chosen = sites.values("WSGIPython")
    default = chosen[-1].words[0] if chosen else brine.default_python or (engines[0] if engines else "")
    for each in loaded[:1]:
        before = python_of_module(sites.absolute(each.words[-1]))
        if before and before != default and not sites.values("WSGIPythonHome"):
            there = before in engines
            found.append(Finding("another-python", "environment", "warning", f"mod_wsgi runs Python {before} here, and "
                                 f"Brine would run Python {default}", (each.place,),
                                 f"Add 'WSGIPython {before}'." if there else
                                 f"Build an engine for it: cmake -S . -B build -DBRINE_PYTHONS={before}."))
    for each in [*sites.values("WSGIPythonPath"), *(group.directive for group in sites.groups.values())]:
        found += _paths(each, sites, default)
    return found


def _fits(sites: Sites, engines: list[str]) -> list[Finding]:
    found: list[Finding] = []
    for directive, what, home in _homes(sites):
        version = python_of_home(home)
        if version:
            fits = version in engines
            told = f"an engine for it is there (engines: {', '.join(engines)})" if fits else (
                f"there is no engine for it (engines: {', '.join(engines) or 'none'})")
            found.append(Finding("environment", "environment", "note" if fits else "warning",
                                 f"{what}: {home} is for Python {version}, and {told}", (directive.place,),
                                 "" if fits else f"cmake -S . -B build -DBRINE_PYTHONS={version}, or make the "
                                 f"environment anew with Python {engines[-1] if engines else '3.11'}."))
    return found


def _paths(directive: Directive, sites: Sites, default: str) -> list[Finding]:
    """Folders of packages of one Python on the path of another."""
    is_group = directive.is_named("wsgidaemonprocess")
    paths = directive.options.get("python-path", "") if is_group else directive.words[0]
    selected = sites.groups.get(group_selected(directive) or "")
    own = directive.options if is_group else selected.directive.options if selected else {}
    homes = [own.get("python-home", ""), *(each.words[0] for each in sites.values("WSGIPythonHome"))]
    home = next((home for home in homes if home), "")
    runs = own.get("python") or (python_of_home(sites.absolute(home)) if home else "") or default
    others = {match[1] for match in _IN_PATH.finditer(paths)} - {runs}
    return [Finding("packages-of-another-python", "environment", "warning", f"the module path names packages of "
                    f"Python {other}, and Python {runs} will run", (directive.place,),
                    f"Add {'python=' if own else 'WSGIPython '}{other}, or name the packages of Python {runs}.")
            for other in sorted(others)]
