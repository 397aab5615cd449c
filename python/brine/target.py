"""What the word for an application on the command line names: a script, a module, a folder. Nothing of it is run."""

import ast
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from brine.application import Application, package_root
from brine.looking import absolute, status
from brine.refusal import Refusal
from brine.site import check_script, similar_file

_NAMES = ("application", "app")
_FACTORIES = ("create_app", "make_app", "create_application", "make_application")
_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_MODULE = re.compile(rf"(?P<module>{_DOTTED})(?::(?P<name>{_DOTTED})(?P<call>\(\))?)?")
_OF_FILE = re.compile(rf"(?P<file>.+):(?P<name>{_DOTTED})(?P<call>\(\))?")
_FILES = ("wsgi.py", "app.py", "application.py", "main.py")
_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*[,\]]\s*=?\s*["']([\w.]+)["']""")

_OF_MODULE = '''\
"""Made by `brine serve`: the application is {what}."""

import importlib

module = importlib.import_module({module!r})
application = module.{name}{call}
'''
_SEARCH = '''\
"""Made by `brine serve`: finds the application of the module {module}."""

import importlib


def found(module):
    for name in {names!r}:
        if callable(getattr(module, name, None)):
            return getattr(module, name)
    for name in {factories!r}:
        if callable(getattr(module, name, None)):
            return getattr(module, name)()
    raise AttributeError("the module {module} has none of {all}: name it, as in {module}:NAME")


application = found(importlib.import_module({module!r}))
'''
# What manage.py's own command has served, for the settings and the place that are known here.
_OF_DJANGO = '''\
"""Made by `brine serve`: the application of the Django project whose settings are {settings}."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", {settings!r})
os.environ["BRINE_DJANGO_MOUNT"] = {mount!r}

from django.conf import settings

if settings.DEBUG and "django.contrib.staticfiles" in settings.INSTALLED_APPS:
    os.environ["BRINE_DJANGO_STATIC"] = "finders"

{project}'''
# Django imports URLs and views when the first request comes.
_WARM_UP_OF_DJANGO = '''
# What the first request would import is imported now: where that does not work, the old code goes on.
from django.urls import get_resolver

get_resolver().url_patterns
'''
_DJANGO_PROJECT = Path(__file__).with_name("django") / "project.wsgi"


@dataclass(frozen=True)
class Wish:
    """What is said about the application of a target: by options, or after its colon."""

    callable: str = ""
    factory: bool = False

    def refined(self, target: str, match: re.Match[str]) -> "Wish":
        """With what the target says after its colon."""
        name = match["name"]
        if name and self.callable:
            raise Refusal(f"{target} names its application already: leave --callable {self.callable} out.")
        wanted = name or self.callable
        factory = self.factory or bool(match["call"]) or wanted in _FACTORIES
        if factory and not wanted:
            raise Refusal("--factory says that the application has to be made by a call: name the function, as in "
                          f"{target}:create_app.")
        return Wish(wanted, factory)


def _top_level_names(body: list[ast.stmt]) -> set[str]:
    """Names that a module binds, also in its `if`, `try` and `with` blocks; "*" where it imports all of another."""
    names: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in statement.names)
        else:
            names.update(node.id for node in ast.walk(statement)
                         if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
            for field in ("body", "orelse", "finalbody"):
                names.update(_top_level_names(getattr(statement, field, [])))
            for handler in getattr(statement, "handlers", []):
                names.update(_top_level_names(handler.body))
    return names


def _imports_relatively(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))


def _parsed(script: Path) -> ast.Module | None:
    """None for what Python cannot read: httpd's log tells of that, as at every other time."""
    try:
        return ast.parse(script.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None


def module_source(module: str, name: str = "", call: bool = False) -> str:
    """The text of a script that has a module's application: what is named, else what is found."""
    if name:
        return _OF_MODULE.format(what=f"{module}:{name}{'()' if call else ''}", module=module, name=name,
                                 call="()" if call else "")
    words = [*_NAMES, *(f"{factory}()" for factory in _FACTORIES[:2])]
    return _SEARCH.format(module=module, names=_NAMES, factories=_FACTORIES, all=", ".join(words))


def _made(source: str, root: Path, name: str) -> Application:
    file = re.sub(r"[^A-Za-z0-9_]+", "_", Path(name).stem).strip("_") or "application"
    return Application(Path(f"{file}.wsgi"), source=source, root=root, name=name)


def _of_module(target: str, match: re.Match[str], wish: Wish, folder: Path) -> Application:
    wish = wish.refined(target, match)
    return _made(module_source(match["module"], wish.callable, wish.factory), folder, target)


def _of_script(script: Path, wish: Wish) -> Application:
    """A file: as it is, or by the name of its module where it has to be imported (relative imports, factories)."""
    tree = _parsed(script)
    names = _top_level_names(tree.body) if tree else {"application"}
    if not wish.callable:
        found = next((each for each in (*_NAMES, "*", *_FACTORIES) if each in names), "application")
        wish = Wish("application" if found == "*" else found, wish.factory or found in _FACTORIES)
    root = package_root(script)
    is_relative = tree is not None and _imports_relatively(tree) and root != script.parent
    if not (wish.factory or is_relative or "." in wish.callable):
        return Application(script, callable=wish.callable)
    words = [*script.relative_to(root).parts[:-1], script.stem]
    if script.suffix != ".py" or not all(word.isidentifier() for word in words):
        why = "imports from its own package" if is_relative else "has its application made, or in another object"
        raise Refusal(f"{script} {why}, so it has to be imported as a module: give it a name such as app.py.")
    return _made(module_source(".".join(words), wish.callable, wish.factory), root, str(script))


def _of_folder(folder: Path, wish: Wish, mount: str) -> Application:
    manage = folder / "manage.py"
    if manage.is_file():
        settings = _SETTINGS.search(manage.read_text(errors="replace"))
        if not settings:
            raise Refusal(f"{manage} does not name the project's settings (DJANGO_SETTINGS_MODULE): name the "
                          "project's wsgi.py instead.")
        source = _OF_DJANGO.format(settings=settings[1], mount=mount, project=_DJANGO_PROJECT.read_text())
        return replace(_made(source, folder, str(folder)), warm_up=_WARM_UP_OF_DJANGO)
    for name in _FILES:
        if (folder / name).is_file():
            return _of_script(folder / name, wish)
    raise Refusal(f"{folder} is a directory, but no Django project (it has no manage.py), and has none of "
                  f"{', '.join(_FILES)}: name the file or the module of the application.")


def find_application(target: str, wish: Wish, folder: Path, mount: str = "/") -> Application:
    """The application that a target names, mounted there: FILE, FILE:NAME, FOLDER, MODULE or MODULE:NAME. Modules are
    looked for from `folder` on. Throws a Refusal."""
    return replace(_found(target, wish, folder, mount), mount=mount)


def _found(target: str, wish: Wish, folder: Path, mount: str) -> Application:
    path = absolute(target)
    found = status("The script", path)
    if found and stat.S_ISDIR(found.st_mode):
        return _of_folder(path, wish, mount)
    of_file = _OF_FILE.fullmatch(target)
    if of_file and not os.path.lexists(path) and os.path.isfile(of_file["file"]):
        return _of_script(check_script(of_file["file"]), wish.refined(target, of_file))
    match = _MODULE.fullmatch(target)
    if match and not os.path.lexists(path) and _is_module(target, match, folder):
        return _of_module(target, match, wish, folder)
    if found is None and ":" in target:
        raise Refusal(f"{target!r} is neither a file, nor MODULE:NAME such as shop.web:app or shop.web:create_app().")
    return _of_script(check_script(target), wish)


def _is_module(target: str, match: re.Match[str], folder: Path) -> bool:
    """A name alone that leads to nothing here is rather a file that is missing; with an application's name, or of a
    package, it may be installed."""
    if match["name"]:
        return True
    first = folder / match["module"].partition(".")[0]
    is_here = first.is_dir() or first.with_suffix(".py").is_file()
    is_file_s = Path(target).suffix in (".py", ".wsgi") or bool(similar_file(absolute(target)))
    return is_here or "." in target and not is_file_s
