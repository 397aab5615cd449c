"""Pickles that cannot be restored: which global is not there, and what to do about it."""

import sys
from typing import Any

import _compat_pickle
from brine import script_names
from brine._guard import StreamScanner
from brine.pickle import _judge, _scripts
from brine.pickle._hazards import SEVERITIES, Hazard


def modern_name(module: str, name: str) -> tuple[str, str]:
    """Python 3's name for a global of a stream: protocols 0 to 2 write those of Python 2."""
    there = sys.modules.get(module)
    if (module, name) in _compat_pickle.NAME_MAPPING and name not in getattr(there, "__dict__", ()):
        return _compat_pickle.NAME_MAPPING[module, name]  # itertools.imap: the module is there, the name is not
    if there is not None:
        return module, name
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def first_missing(data: Any, error: BaseException) -> tuple[str, str] | None:
    """The global of a pickle that is not there now, and that pickle's error is about."""
    scanner = StreamScanner()
    scanner.feed(data)
    for kind, module, name, _, _ in scanner.finish()[0]:
        modern = modern_name(module, name)
        if kind == "named" and _missing(*modern) and _is_about(error, *modern):
            return module, name
    return None


def _is_about(error: BaseException, module: str, name: str) -> bool:
    """Whether that global was not found; else the code of an object that was restored earlier has failed."""
    if isinstance(error, AttributeError):
        return repr(name) in str(error)
    if f"{module}.".startswith(f"{getattr(error, 'name', None)}."):
        return True
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name == "<module>" and f"{module}.".startswith(f"{frame.f_globals.get('__name__')}."):
            return True
        traceback = traceback.tb_next
    return False


def _missing(module: str, name: str) -> str | None:
    """The hazard's id, or None: pickle has tried to import the module, so it is loaded if it can be."""
    found = sys.modules.get(module)
    if found is None:
        return "restore-no-module"
    try:
        _judge.resolve(found, name)
        return None
    except AttributeError:
        return "restore-no-attribute"


def describe(module: str, name: str, error: BaseException) -> Hazard | None:
    """The hazard of a global that pickle could not find; None: it is there, and something else went wrong."""
    hazard = _missing(module, name)
    if hazard is None:
        return None
    script = _scripts.find(module)
    message, remedy = _words(hazard, module, name, script)
    return Hazard(hazard, SEVERITIES[hazard], "", module, name, message, remedy, script.path if script else None,
                  current_generation=script.generation if script else None,
                  pickle_error=f"{type(error).__name__}: {error}")


def _words(hazard: str, module: str, name: str, script: _scripts.Script | None) -> tuple[str, str]:
    called = script_names.script_name(module)
    if called:
        return (f"the pickle names {module}.{name}, and the WSGI script {script_names.table[called]}, which is called "
                f"{called}, has no class {name} that brine.pickle.stable marks.",
                f"Mark class {name} there, or bind the name to the class that has taken its place, or discard what was "
                "stored.")
    if script or module.startswith(_judge.SCRIPT_PREFIX):
        home = (f"the module of the WSGI script {script.path}, which cannot be imported" if script else
                "the module of a WSGI script that is not loaded here: of another server, process or path")
        return (f"the pickle names {module}.{name}. {module} is {home}.",
                f"Define {name} in a module on sys.path, import it from the script, and discard what was stored.")
    if module in _judge.MAIN:
        return (f"the pickle names {module}.{name}. {module} is the program that is run, which was another one where "
                f"that was pickled{_OF_WORKER if module == '__mp_main__' else ''}.",
                f"Define {name} in a module that both import, and store it anew; until then, bind {name} in this "
                f"program's {module} before it is loaded.")
    if hazard == "restore-no-module":
        return (f"the pickle names {module}.{name}, and there is no module {module} on this process's sys.path, or it "
                "does not load.",
                "Install what provides it, keep a module of that name which has the object, or discard what was "
                "stored.")
    return (f"the pickle names {module}.{name}, and module {module} has no {name} (any more).",
            f"Bind {name} in {module} to what has taken its place, or discard what was stored.")


_OF_WORKER = ": a process that multiprocessing has started by `spawn` calls its program so"


def add_note(error: BaseException, note: str) -> None:
    """A note of the exception (Python 3.11), or more of its message where that is nothing but one of Python's own.

    Runs no code of the exception's class, unless that hides BaseException's methods from Python itself.
    """
    if sys.version_info >= (3, 11):
        if note not in (vars(error).get("__notes__") or ()):  # an exception that is kept and raised again has it
            BaseException.add_note(error, note)
        return
    if type(error).__module__ != "builtins" or isinstance(error, KeyError) or not error.args or \
            type(error.args[0]) is not str or note in error.args[0]:
        return
    text = f"{error.args[0]}\n{note}"
    error.args = (text, *error.args[1:])
    if isinstance(error, ImportError):
        error.msg = text
