"""WSGI scripts by their names, in programs without the server: a cron job, a shell, a task queue's worker.

A pickle of an object whose class is defined in a named script (WSGIScriptName) names the script by that name. This
module says which file it is: the table in the file that the environment variable BRINE_SCRIPTS names, or
`register()`. Each line of that file is a name and a script's absolute path; empty lines and those that begin
with '#' are passed over:

    shop_wsgi /srv/shop/shop.wsgi

Then `pickle.loads` finds `shop_wsgi.Item`, and runs the script when it first does. Under httpd the table is the
server's configuration, and what is handed out is the version that serves. docs/pickle.md tells it all.
"""

import importlib.util
import os
import sys
import threading
from importlib._bootstrap import _DeadlockError, _ModuleLockManager  # type: ignore[import]
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from brine import script_names
from brine.script_names import ScriptLoadError

__all__ = ["ScriptLoadError", "load", "names", "register"]

#: Makes this a package without files: `import brine.scripts.NAME` asks the finder.
__path__: list[str] = []

_loaded: dict[str, ModuleType] = {}
_executing: dict[str, tuple[ModuleType, int]] = {}
"""Name -> (the module whose script is being executed, the thread)."""

_under_server = script_names.is_provided()


def names() -> dict[str, str]:
    """The table: {name: the script's path}."""
    return dict(script_names.table)


def register(name: str, path: str | os.PathLike[str]) -> None:
    """Says that the script at `path` has this name. Nothing is loaded before it is needed.

    Raises ValueError where the name is no Python identifier (ASCII) that begins with a letter, is another script's, or
    that of a module which can be imported, or where the path is not absolute; RuntimeError under httpd, whose
    configuration says it.
    """
    if _under_server:
        raise RuntimeError("under httpd the configuration names scripts, by WSGIScriptName or name= of WSGIScriptAlias")
    script = os.fsdecode(path)
    if not os.path.isabs(script):
        raise ValueError(f"the path of the script {name!r} has to be absolute, and is {script!r}")
    fault = script_names.fault_of(name)
    if fault is not None:
        raise ValueError(f"a script cannot be called {name!r}, which {fault}")
    known = script_names.table.get(name)
    if known == script:
        return
    if known is not None:
        raise ValueError(f"{name!r} is the script {known} already, and cannot be {script} too")
    other = script_names.other_module(name)
    if other is not None:
        raise ValueError(f"a script cannot be called {name!r}, as a module is: {other}")
    script_names.add(name, script)


def load(name: str) -> ModuleType:
    """The module of the script called so, loaded if it is not yet; under httpd the version that serves.

    Raises KeyError where the table has no such name, and ScriptLoadError, an ImportError, where the script does not
    load.
    """
    if name not in script_names.table:
        raise KeyError(f"no script is called {name!r}: the table has {', '.join(sorted(script_names.table)) or 'none'}")
    assert script_names._home is not None
    return script_names._home.serving(name)


# --- without a server -----------------------------------------------------------------------------------


class _ScriptFile(SourceFileLoader):
    """Loads a script's file. Its byte code is kept nowhere: it would be taken for that of a module beside it."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _present(name: str) -> ModuleType | None:
    executing = _executing.get(name)  # another thread may end it at any time
    if executing is not None and executing[1] == threading.get_ident():
        return executing[0]
    return _loaded.get(name)


def _serving(name: str) -> ModuleType:
    """The script's module. One thread loads it; scripts that load each other see what there is, as with `import`."""
    found = _present(name)
    if found is not None:
        return found
    lock = _ModuleLockManager(f"{name} (script)")
    try:
        lock.__enter__()
    except _DeadlockError:
        return _executing[name][0]
    try:
        return _present(name) or _load(name)
    finally:
        lock.__exit__(None, None, None)


def _load(name: str) -> ModuleType:
    path = script_names.table[name]
    loader = _ScriptFile(name, path)
    spec: Any = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    _executing[name] = module, threading.get_ident()  # before it waits for modules
    try:
        if script_names.view_of(name) is None:
            raise ScriptLoadError(f"the WSGI script {path} cannot be loaded as {name}: a module is called so",
                                  name=name, path=path)
        _execute(loader, module)
    finally:
        del _executing[name]
    _loaded[name] = module
    return module


def _execute(loader: _ScriptFile, module: ModuleType) -> None:
    try:
        loader.exec_module(module)
    except Exception as error:
        raise ScriptLoadError(f"the WSGI script {loader.path}, called {loader.name}, does not load: "
                              f"{type(error).__name__}: {error}", name=loader.name, path=loader.path) from error


def _read_table(file: str) -> None:
    """Registers what the file of BRINE_SCRIPTS says."""
    with open(file, encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            words = line.strip().split(None, 1)
            if not words or words[0].startswith("#"):
                continue
            try:
                if len(words) == 1:
                    raise ValueError(f"the name {words[0]!r} has no path behind it")
                register(words[0], words[1])
            except ValueError as error:
                raise ValueError(f"BRINE_SCRIPTS: {file}:{number}: {error}") from None


def __getattr__(name: str) -> ModuleType:
    if name in script_names.table:
        __import__(f"{__name__}.{name}")
        return sys.modules[f"{__name__}.{name}"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if not _under_server:
    script_names.provide(script_names.Home(_serving, _present, lambda name: False, lambda name: None))
    if os.environ.get("BRINE_SCRIPTS"):
        _read_table(os.environ["BRINE_SCRIPTS"])
