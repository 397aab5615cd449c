"""Names for WSGI scripts: the table of names, the finder of the import system, and the modules that it gives out.

The operator's table says which file a name means, never a pickle: httpd's configuration (WSGIScriptName), or
elsewhere `brine.scripts`. What is imported by such a name is no copy of the script but a view of it, a
`NamedScript`: it shows the classes that `brine.pickle.stable` marks, of the version that serves at that moment.

Needs no extension module, and nothing of a server.
"""

import keyword
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, NamedTuple, Sequence

#: The attribute by which a class is marked: the number of its schema, in the class's own namespace.
MARK = "__brine_schema__"
#: The package below which each name can be imported too.
PACKAGE = "brine.scripts."
#: How the modules of scripts without a name are called, here and by mod_wsgi.
PREFIX = "_mod_wsgi_"
LONGEST = 100
#: Modules of Brine's, and what is in brine.scripts, of which each script is a part too.
_TAKEN = ("brine", "mod_wsgi", "apache", "load", "names", "register", "script_names", "ScriptLoadError")


class ScriptLoadError(ImportError):
    """A named script does not load. `name` and `path` say which; the cause is what it raised, if that is known."""


class Home(NamedTuple):
    """How this program gets at scripts: a server's ways, or those of `brine.scripts`."""

    serving: Callable[[str], ModuleType]
    """The module of a script by its name, loaded if need be: of the version that serves the calling thread."""
    present: Callable[[str], ModuleType | None]
    """The same, or None where it is not loaded."""
    shows_all: Callable[[str], bool]
    """Whether all of its names are shown: WSGIScriptModules Registered."""
    look_again: Callable[[str], object]
    """Loads the script anew where its file has changed, and a request would do so here."""


table: dict[str, str] = {}
"""Name -> absolute path of the script."""

_old_names: dict[str, str] = {}
"""What mod_wsgi calls a script's module -> its name here."""

_home: Home | None = None


def provide(home: Home) -> None:
    """Says how scripts are got at; called once, before the first name is added."""
    global _home
    _home = home


def present(name: str) -> ModuleType | None:
    """The module of the script called so, if it is loaded."""
    return _home.present(name) if _home is not None else None


def look_again(module: str) -> None:
    """Newer code than this process runs has been met: a script, of which no request may come here, is looked at."""
    if _home is not None and module in table:
        _home.look_again(module)


def is_provided() -> bool:
    """Whether a server has done so."""
    return _home is not None


def add(name: str, path: str) -> None:
    """Adds a name to the table. The caller has checked it."""
    table[name] = path
    raw = os.fsencode(path)
    for each in (raw.lower(), raw):
        _old_names[mod_wsgi_name(each)] = name
    if FINDER not in sys.meta_path:
        sys.meta_path.append(FINDER)
        _watch_paths()


def mod_wsgi_name(path: bytes) -> str:
    """What mod_wsgi calls the module of a script, and Brine one without a name."""
    try:
        from _md5 import md5  # type: ignore[import]  # a small module
    except ImportError:  # left out of this Python
        from hashlib import md5
    return PREFIX + md5(path, usedforsecurity=False).hexdigest()


def fault_of(name: str) -> str | None:
    """Why a script cannot have this name, as a clause, or None."""
    if not (isinstance(name, str) and name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        return "is no Python identifier of ASCII letters, digits and '_'"
    if name.startswith("_"):
        return "does not begin with a letter"
    if len(name) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if name in _TAKEN or name in sys.stdlib_module_names:
        return "is that of another module"
    return None


def script_name(module: str) -> str | None:
    """The script that a module's name means, by its own name in the table; None: it means none."""
    name = module.removeprefix(PACKAGE)
    return name if name in table else _old_names.get(module)


def is_marked(found: Any, name: str) -> bool:
    """Whether it is a class of the script called so that `brine.pickle.stable` marks."""
    return issubclass(type(found), type) and MARK in vars(found) and found.__module__ == name


def check_path(module: str, path: str) -> None:
    """Refuses what a pickle names by a path with dots: what it leads to, and what lies on the way, has to be a marked
    class. Behind a class whatever it has would be shown else, such as functions, and their globals. A name without a
    dot is the view's matter. Raises AttributeError, as pickle does for what is not there.
    """
    name = script_name(module)
    if name is None or "." not in path or _home is None or _home.shows_all(name):
        return
    __import__(module)
    if type(sys.modules.get(module)) is not NamedScript:
        return  # another module has the name
    found: Any = _home.serving(name)
    for part in path.split("."):
        found = vars(found).get(part)
        if not is_marked(found, name):
            raise AttributeError(_not_shown(name, path))


def _watch_paths() -> None:
    """Has check_path() called before pickle looks something up, whoever's Unpickler does."""
    try:
        from brine._guard import watch_find_class
    except ImportError:  # not installed: a hook in Python, which costs each audit event a call
        sys.addaudithook(lambda event, found: check_path(*found) if event == "pickle.find_class" else None)
    else:
        watch_find_class(check_path)


def _not_shown(name: str, path: str) -> str:
    return (f"module {name!r} shows no {path!r}: it is the WSGI script {table[name]}, of which only classes that "
            "brine.pickle.stable marks are shown")


class NamedScript(ModuleType):
    """What `import NAME` gives: a view of the script, of whichever version serves when it is looked at.

    It shows the marked classes alone, since pickle can call what a module shows. `brine.scripts.load(NAME)`
    returns the script's module itself.
    """

    def __getattribute__(self, attribute: str) -> Any:
        if attribute == "__dict__":  # for who looks up a class's globals
            module = present(_script_of(self))
            if module is not None:
                return module.__dict__
        return ModuleType.__getattribute__(self, attribute)

    def __getattr__(self, attribute: str) -> Any:
        name = _script_of(self)
        if not attribute.startswith("__") and _home is not None:
            names = _home.serving(name).__dict__
            if attribute in names and (_home.shows_all(name) or is_marked(names[attribute], name)):
                return names[attribute]
            raise AttributeError(_not_shown(name, attribute))
        raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

    def __dir__(self) -> list[str]:
        name = _script_of(self)
        names = _home.serving(name).__dict__ if _home is not None else {}
        return sorted(each for each, value in names.items() if is_marked(value, name))

    def __repr__(self) -> str:
        name = _script_of(self)
        return f"<module {name!r}, the WSGI script {table[name]!r}>"

    def __reduce__(self) -> str:
        raise TypeError(f"cannot pickle {self!r}")


def _script_of(module: ModuleType) -> str:
    name = script_name(ModuleType.__getattribute__(module, "__name__"))
    assert name is not None, "a NamedScript is made for a name of the table alone"
    return name


class _Finder:
    """Finds the names of the table. It is the last of all finders, so a module of that name comes first."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        name = script_name(fullname)
        return ModuleSpec(fullname, self, origin=table[name]) if name is not None else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return NamedScript(spec.name, f"The WSGI script {spec.origin}, as far as pickle may see it.")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the script is loaded when something of it is wanted."""


FINDER: Any = _Finder()


def view_of(name: str) -> NamedScript | None:
    """The view of a script, put into sys.modules if it is not there; None: another module has its name."""
    found = sys.modules.get(name)
    if found is None and other_module(name) is None:
        __import__(name)
        found = sys.modules[name]
    return found if type(found) is NamedScript else None


def other_module(name: str) -> str | None:
    """Where a module of that name is that is no script, or None."""
    finders: list[Any] = [finder for finder in sys.meta_path if finder is not FINDER]
    for finder in finders:
        if hasattr(finder, "find_spec") and (spec := finder.find_spec(name, None)) is not None:
            return str(spec.origin or spec.submodule_search_locations)
    return None
