"""From a judgement to a Hazard: what the culprit is, why that is a hazard, what to do."""

import types
from typing import Any, NamedTuple

import _pickle
from brine import script_names
from brine.pickle import _causes
from brine.pickle._hazards import SEVERITIES, Hazard
from brine.pickle._judge import Judgement, is_class
from brine.pickle._paths import Steps


class Culprit(NamedTuple):
    """What is pickled by its name, and the way to it."""

    object: Any
    steps: Steps


def describe(judgement: Judgement, culprit: Culprit, path: str, where: str | None) -> Hazard:
    """The Hazard of a judgement about `culprit`, which `path` leads to."""
    noun = _noun(judgement, culprit)
    subject = f"{path} is {_what(judgement, culprit)}"
    message, remedy = _by_cause(judgement, culprit, subject) or _WORDS[judgement.id](judgement, subject, noun)
    return Hazard(judgement.id, SEVERITIES[judgement.id], path, judgement.module, judgement.qualname, message, remedy,
                  judgement.script, judgement.generation, judgement.current_generation,
                  words_of_pickle(culprit.object), where)


def _by_cause(judgement: Judgement, culprit: Culprit, subject: str) -> tuple[str, str] | None:
    """The message and the remedy, where something else than a reload is seen to be the cause."""
    find = _CAUSES.get(judgement.id)
    cause = find(judgement, culprit.object) if find and not judgement.script else None
    if cause is None:
        return None
    return f"{subject}, {cause.why}. Pickle refuses what its name does not lead back to.", cause.remedy


def _noun(judgement: Judgement, culprit: Culprit) -> str:
    """class Item, function total, a lambda."""
    if is_class(culprit.object) or judgement.id == "not-builtin":
        return f"class {judgement.qualname}"
    if judgement.qualname.endswith("<lambda>"):
        return "a lambda"
    if type(culprit.object) in (types.FunctionType, types.BuiltinFunctionType):
        return f"function {judgement.qualname}"
    return f"object {judgement.qualname}"


def _what(judgement: Judgement, culprit: Culprit) -> str:
    noun = _noun(judgement, culprit)
    if culprit.steps and culprit.steps[-1][0] == "of_class":
        return f"an instance of {noun}"
    if judgement.id == "not-builtin" and not is_class(culprit.object):
        return f"an instance of {noun}"
    return noun if noun.startswith("a ") else f"the {noun}"


def words_of_pickle(culprit: Any) -> str | None:
    """What pickle says of a class or function; other objects' own code is not run for that."""
    if is_class(culprit) or type(culprit) is types.FunctionType:
        try:
            _pickle.dumps(culprit)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None


def _home(judgement: Judgement) -> str:
    if judgement.script:
        number = judgement.generation or judgement.current_generation
        return f"the WSGI script {judgement.script} (generation {number})"
    if judgement.module.startswith("_mod_wsgi_"):
        return f"a WSGI script that is not loaded here (its module's name is {judgement.module})"
    return f"module {judgement.module}"


def _move(noun: str) -> str:
    what = "it" if noun == "a lambda" else noun
    return f"Move {what} into a module on sys.path and import it from the script."


def _mark(noun: str) -> str:
    if noun.startswith("class "):
        return f"Mark {noun} with @brine.pickle.stable, or move it into a module on sys.path."
    return _move(noun)


def _reload_stale(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    name = f"{judgement.module}.{judgement.qualname}"
    if judgement.script:
        reloaded = judgement.generation != judgement.current_generation
        since = f"generation {judgement.current_generation} has been loaded since, and " if reloaded else ""
        return (f"{subject}, defined in {_home(judgement)}, but {since}the name {judgement.qualname} is bound to "
                "another object now: pickle refuses what its name does not lead back to.",
                f"{_move(noun)} Do not keep objects of the script's classes, or its functions, beyond a request.")
    return (f"{subject}, but the name {name} is bound to another object now: the module was reloaded, or the name "
            "was given to something else (a decorator that copies names does so). Pickle refuses what its name "
            "does not lead back to.",
            "Make the object anew after the reload, or restart the process instead of reloading the module.")


def _reload_missing(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    remedy = (f"{_move(noun)}" if judgement.script else
              f"Keep {noun} under its own name in {judgement.module}, for as long as its objects live.")
    return (f"{subject}, of {_home(judgement)}, where the name {judgement.qualname} is not to be found: it was "
            "deleted, renamed or never bound there. Pickle refuses what its name does not lead back to.", remedy)


def _naming_script(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    if judgement.module in script_names.table:
        return (f"{subject}, defined in {_home(judgement)}, which is called {judgement.module}: of such a script only "
                "classes that brine.pickle.stable marks are shown to pickle.", _mark(noun))
    if judgement.registered:
        where = ("is in sys.modules (WSGIScriptModules Registered) of the server's processes that have loaded the "
                 "script from this path: no other program can load the pickle, nor these once the script has moved.")
    elif judgement.script:
        where = "does not stay in sys.modules: no process can load the pickle, neither this one nor another."
    else:
        where = "is in sys.modules only where that script is loaded and registered: nobody else can load the pickle."
    remedy = "Give the script a name, by WSGIScriptName." if judgement.marked else _move(noun)
    return f"{subject}, defined in {_home(judgement)}. Its module, {judgement.module}, {where}", remedy


def _naming_local(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    made = "" if noun == "a lambda" else ", defined inside a function"
    return (f"{subject}{made} in {_home(judgement)}: it has no name by which pickle could find it again.",
            "Define it with a name at the top level of a module on sys.path.")


def _naming_main(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    return (f"{subject}, defined in {judgement.module}, which is another module in each program: the pickle can be "
            "loaded by this very program only.", f"Move {noun} into a module on sys.path.")


def _naming_unimportable(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    return (f"{subject}, of module {judgement.module}, which no finder on sys.meta_path finds: it is in no import "
            "path, or was put into sys.modules by hand. Another process cannot load the pickle.",
            f"Put {noun} into a module on sys.path.")


def _naming_foreign(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    name = f"{judgement.module}.{judgement.qualname}"
    return (f"{subject}, but it belongs to another interpreter of this process: {name} is another object here, "
            "although nothing was reloaded. A C extension has kept it; pickle refuses what its name does not lead back "
            "to.",
            "Run the application in the main interpreter: WSGIApplicationGroup %{GLOBAL}.")


def _not_builtin(judgement: Judgement, subject: str, noun: str) -> tuple[str, str]:
    return (f"{subject} of {_home(judgement)}, and WSGIPickleGuard BuiltinOnly allows values of Python's built-in "
            "types alone.", "Store its data as numbers, texts, lists and dicts.")


_CAUSES = {"reload-missing": _causes.of_missing, "reload-stale": _causes.of_stale, "naming-local": _causes.of_local}

_WORDS = {
    "reload-stale": _reload_stale,
    "reload-missing": _reload_missing,
    "naming-script": _naming_script,
    "naming-local": _naming_local,
    "naming-main": _naming_main,
    "naming-unimportable": _naming_unimportable,
    "naming-foreign": _naming_foreign,
    "not-builtin": _not_builtin,
}
