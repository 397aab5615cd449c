"""The scripts themselves: they are read, and never run."""

import ast
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.configuration.script_files import files_of, source_of
from brine.configuration.sites import Script, Sites
from brine.module_api import API, PARTS
from brine.pickle_tools.lint import Unreadable, lint


def texts(sites: Sites) -> dict[str, str]:
    """What is written in the scripts that can be read."""
    found: dict[str, str] = {}
    for script in sites.scripts:
        if script.is_pattern:
            continue
        try:
            for path in files_of(script):
                if str(path) not in found:
                    found[str(path)] = source_of(path).decode("utf-8", "replace")
        except OSError:
            continue
    return found


def findings(sites: Sites) -> list[Finding]:
    """Of each script that a directive names, once."""
    found: list[Finding] = []
    seen: set[Path] = set()
    for script in [*sites.scripts, *sites.deciders]:
        if script.is_pattern:
            continue
        for path in _listed(script, found):
            if path not in seen:
                seen.add(path)
                found += _of_script(path, script, sites.passes_request_rec(script))
    return found


def _listed(script: Script, found: list[Finding]) -> list[Path]:
    try:
        os.stat(script.path)
        return files_of(script)
    except OSError as error:
        found.append(Finding("script-missing", "script", "warning", f"{script.path} cannot be looked at: "
                             f"{error.strerror}", (script.place,),
                             "Mend the path, or run the check as a user who may look there."))
        return []


def _of_script(path: Path, script: Script, passes_request_rec: bool) -> Iterator[Finding]:
    try:
        source = source_of(path)
        linted = lint(source, str(path))
    except OSError as error:
        yield Finding("script-unread", "script", "warning", f"{path} cannot be read: {error.strerror}",
                      (script.place,), "Run the check as a user who may read it.")
        return
    except Unreadable as error:
        yield Finding("script-broken", "script", "warning", f"{path} is no Python script: {error.reason}",
                      (Place(str(path), error.line or 1), script.place),
                      "Brine runs Python 3.10 and later.")
        return
    for each in linted:
        if each.counts:
            yield Finding(each.id, "script", "warning", each.message, (Place(each.file, each.line or 1),),
                          f"{each.remedy} Until then: WSGIScriptModules Registered.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    yield from _look_ups(tree, path)
    yield from _missing_names(tree, path)
    if not passes_request_rec:
        yield from _request_rec(tree, path, script)


def _is_own_name(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "__name__"
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("_mod_wsgi_")


def _is_modules(node: ast.expr) -> bool:
    """sys.modules, or a `modules` that was imported from it."""
    return isinstance(node, ast.Attribute) and node.attr == "modules" or (
        isinstance(node, ast.Name) and node.id == "modules")


def _look_ups(tree: ast.Module, path: Path) -> Iterator[Finding]:
    """Where a script asks for itself by the name of its module."""
    for node in ast.walk(tree):
        how, severity = "", "note"
        if isinstance(node, ast.Subscript) and _is_modules(node.value) and _is_own_name(node.slice):
            how = "sys.modules[__name__]"
            severity = "warning" if isinstance(node.ctx, (ast.Store, ast.Del)) else "note"
        elif isinstance(node, ast.Compare) and _is_own_name(node.left) and any(map(_is_modules, node.comparators)):
            how, severity = "__name__ in sys.modules", "warning"
        elif isinstance(node, ast.Call) and node.args and _is_own_name(node.args[0]):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("import_module", "__import__", "find_spec"):
                how = f"{name}(__name__)"
            elif name in ("get", "pop", "setdefault") and isinstance(node.func, ast.Attribute) and _is_modules(
                    node.func.value):
                how, severity = f"sys.modules.{name}(__name__)", "note" if name == "get" else "warning"
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "reload":
            if any(isinstance(part, ast.Subscript) and _is_modules(part.value) for part in node.args):
                how, severity = "reload(sys.modules[...])", "warning"
        if how:
            works = ("which finds the version that serves" if severity == "note" else
                     "and scripts are not in sys.modules: it finds nothing, or changes nothing")
            yield Finding("look-up", "script", severity, f"the script looks itself up by {how}, {works}",
                          (Place(str(path), getattr(node, "lineno", 1)),),
                          "" if severity == "note" else "WSGIScriptModules Registered, or another way to the object.")


def _request_rec(tree: ast.Module, path: Path, script: Script) -> Iterator[Finding]:
    """Where a script wants httpd's own structure of a request, which is not in its environ."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == "apache.request_rec":
            why = (f"it runs in the daemon group {script.group}, and no daemon process sees httpd's memory"
                   if script.group else "WSGIPassApacheRequest is Off for it")
            yield Finding("request-rec", "script", "warning",
                          f"the script asks for apache.request_rec, which its environ has not: {why}",
                          (Place(str(path), node.lineno), script.place),
                          "Run it in httpd's own processes, with WSGIPassApacheRequest On, or do without it.")


def _missing_names(tree: ast.Module, path: Path) -> Iterator[Finding]:
    """What a script wants of mod_wsgi's own Python module, and is not there."""
    names = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names if alias.name == "mod_wsgi"}
    for node in ast.walk(tree):
        wanted: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module == "mod_wsgi" and not node.level:
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            wanted = [alias.name[9:] for alias in node.names if alias.name.startswith("mod_wsgi.")]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            wanted = [node.attr]
        for name in wanted:
            if name.partition(".")[0] not in (*API, *PARTS, "*") and not name.startswith("__"):
                yield Finding("python-api", "script", "warning", f"mod_wsgi.{name} is not there in Brine",
                              (Place(str(path), getattr(node, "lineno", 1)),),
                              "docs/migrating.md, \"What is not there yet\", says what happens.")
