"""Whether something that pickles by its name is a hazard: pickle's own rules, and what pickle cannot know.

Pickle writes a class or function as a module's name and a name in it, and asks that both lead back to the
same object, here and now. A WSGI script's module is found by no one else.
"""

import builtins
import gc
import pickle
import sys
import types
from typing import Any, NamedTuple

from brine import script_names
from brine.pickle import _scripts

#: How the modules of WSGI scripts are called; also those of another server, whose pickle this one reads.
SCRIPT_PREFIX = "_mod_wsgi_"
MAIN = ("__main__", "__mp_main__")

importable_modules: set[str] = set()
"""Names of modules that is_importable() has found, until `forget`."""


class Judgement(NamedTuple):
    """A hazard without its path: what is wrong with one object that pickles by its name."""

    id: str
    module: str
    qualname: str
    script: str | None
    generation: int | None
    current_generation: int | None
    registered: bool = False
    """The script's module stays in sys.modules: WSGIScriptModules Registered."""
    marked: bool = False
    """It is a class that `brine.pickle.stable` marks."""


def judge(obj: Any, name: str | None = None) -> Judgement | None:
    """The hazard that a class, function or other object by its name is; `name` if __reduce__ returned one."""
    try:
        qualname = name or getattr(obj, "__qualname__", None) or obj.__name__
        module = pickle.whichmodule(obj, qualname)  # type: ignore[attr-defined]
        if type(qualname) is not str or type(module) is not str:
            return None
    except Exception:  # the object's own code may do anything; pickle fails in its own way
        return None
    script = _scripts.find(module)
    hazard = _hazard(obj, module, qualname, script)
    if hazard is None:
        return None
    generation = _scripts.generation(getattr(obj, "__module__", None)) if script else None
    return Judgement(hazard, module, qualname, script.path if script else None, generation,
                     script.generation if script else None, bool(script and script.registered),
                     script_names.is_marked(obj, module))


def _hazard(obj: Any, module: str, qualname: str, script: Any) -> str | None:
    if "<locals>" in qualname or qualname.endswith("<lambda>"):
        return "naming-local"
    namespace = script.module if script else import_as_pickle_does(module)
    if namespace is None:
        return "naming-script" if module.startswith(SCRIPT_PREFIX) else "naming-unimportable"
    try:
        found = resolve(namespace, qualname)
    except AttributeError:
        return "reload-missing"
    if found is not obj:
        return "naming-foreign" if is_foreign(obj) else "reload-stale"
    return hazard_of_name(module, qualname)


def hazard_of_name(module: str, qualname: str) -> str | None:
    """The hazard of what a name leads back to here, and perhaps nowhere else."""
    if module.startswith(SCRIPT_PREFIX) or (module in script_names.table and not _is_marked(module, qualname)):
        return "naming-script"
    if module in MAIN:
        return "naming-main"
    return None if is_importable(module) else "naming-unimportable"


def _is_marked(module: str, qualname: str) -> bool:
    """Whether that is a class of a named script that `brine.pickle.stable` marks."""
    try:
        return script_names.is_marked(resolve(script_names.present(module), qualname), module)
    except AttributeError:
        return False


def judge_name(module: str, qualname: str, script: Any) -> Judgement | None:
    """Likewise by the name alone, which pickle has written."""
    hazard = hazard_of_name(module, qualname)
    if hazard is None:
        return None
    return Judgement(hazard, module, qualname, script and script.path, None, script and script.generation,
                     bool(script and script.registered))


def judge_anything(obj: Any, name: str | None = None) -> Judgement:
    """For the policy BuiltinOnly: an object that is not of a built-in value type."""
    named = obj if names_itself(obj) else type(obj)
    found = judge(named, name) if named is obj else judge(named)
    if found is not None and (found.module == "builtins" or (found.marked and named is not obj)):
        found = None  # Python's own types need not have a name there; marked classes' objects name the one that serves
    return found or Judgement("not-builtin", str(named.__module__), named.__qualname__, None, None, None)


def names_itself(obj: Any) -> bool:
    """Whether it is a class or function, which is pickled as its own name."""
    if type(obj) is types.BuiltinFunctionType:
        return type(obj.__self__) is types.ModuleType
    return is_class(obj) or type(obj) is types.FunctionType


def is_class(obj: Any) -> bool:
    """Whether pickle takes it for a class: by its type, whatever its `__class__` says."""
    return issubclass(type(obj), type)


def import_as_pickle_does(module: str) -> Any:
    """The module of that name, imported if need be; None where that fails."""
    found = sys.modules.get(module)
    if found is not None:
        return found
    try:
        __import__(module)
        return sys.modules[module]
    except Exception:
        return None


def resolve(namespace: Any, qualname: str) -> Any:
    """What a dotted name leads to. Raises AttributeError, whatever a module's __getattr__ raises."""
    for part in qualname.split("."):
        try:
            namespace = getattr(namespace, part)
        except Exception as error:
            raise AttributeError(part) from error
    return namespace


def found(module: str, qualname: str) -> Any:
    """What a name of a pickle leads to, in a script too; None: it leads nowhere."""
    script = _scripts.find(module)
    try:
        return resolve(script.module if script else import_as_pickle_does(module), qualname)
    except AttributeError:
        return None


def is_foreign(obj: Any) -> bool:
    """Whether a class or function was made in another interpreter of this process.

    Its functions tell, by the built-ins that they use. Other objects: the garbage collector of each
    interpreter knows its own alone.
    """
    functions: list[Any] = [obj] if type(obj) is types.FunctionType else [
        value for value in vars(obj).values() if type(value) is types.FunctionType] if is_class(obj) else []
    if any(function.__builtins__ is vars(builtins) for function in functions):
        return False
    if gc.get_freeze_count() == 0:
        return gc.is_tracked(obj) and not any(known is obj for known in gc.get_objects())
    return bool(functions)


# --- whether another process finds a module -------------------------------------------------------------


def is_importable(name: str) -> bool:
    """Whether another process with this one's sys.path would find the module. Imports nothing."""
    if name in importable_modules:
        return True
    found = _find(name)
    if found:  # a module that is not found may be by and by: sys.path changes
        importable_modules.add(name)
    return found


def _find(name: str) -> bool:
    parent, _, leaf = name.rpartition(".")
    if not parent:
        return _has_spec(name, None)
    if not is_importable(parent):
        return False
    package = sys.modules.get(parent)
    path = getattr(package, "__path__", None)
    if path is not None and _has_spec(name, path):
        return True
    # os.path, six.moves: importing the parent puts it there.
    module = sys.modules.get(name)
    return module is not None and getattr(package, "__dict__", {}).get(leaf) is module


def _has_spec(name: str, path: Any) -> bool:
    finders: list[Any] = list(sys.meta_path)
    for finder in finders:
        try:
            if hasattr(finder, "find_spec"):
                found = finder.find_spec(name, path)
            else:  # before Python 3.12 there are those of an older kind
                found = finder.find_module(name, path) if sys.version_info < (3, 12) else None
        except Exception:  # a finder of the application's
            continue
        if found is not None:
            return True
    return False


def forget() -> None:
    """A script has been loaded: modules may be where they were not."""
    importable_modules.clear()
