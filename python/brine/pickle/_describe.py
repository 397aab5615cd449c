"""From a judgement to a Hazard: the path to the culprit, what it is, why that is a hazard, what to do."""

import types
from typing import Any, NamedTuple, Sequence

import _pickle
from brine.pickle._hazards import SEVERITIES, Hazard
from brine.pickle._judge import Judgement, is_class

_LONGEST_KEY = 60
_MOST_BITS = 128
_DEEPEST_KEY = 3
_WIDEST_KEY = 5
_MOST_STEPS = 40

Steps = Sequence[tuple[str, Any]]


class Culprit(NamedTuple):
    """What is pickled by its name, and the way to it."""

    object: Any
    steps: Steps


# --- the path -------------------------------------------------------------------------------------------


def render_path(name: str, steps: Steps) -> str:
    """The way from an object to a part, as Python would write it where it can.

    A dict's third key is `.keys()[2]`, a set's third member `{2}`; what only pickle gets to is
    `.__reduce__()[1][0]` (an argument of the constructor) or `.__getstate__()`.
    """
    shown = [text for kind, where in steps if (text := _render_step(kind, where))]
    if len(shown) > _MOST_STEPS:
        half = _MOST_STEPS // 2
        shown[half:-half] = [f" ...{len(shown) - 2 * half:,} more steps... "]
    return name + "".join(shown)


def attribute_of(step: tuple[str, Any]) -> str | None:
    """The name of the attribute that a step leads to, if it leads to one."""
    kind, where = step
    return _key(where).strip("'") if kind in ("attribute", "state_item") else None


_STEPS = {
    "item": "[{}]",
    "index": "[{}]",
    "key": ".keys()[{}]",
    "member": "{{{}}}",
    "state": ".__getstate__()",
    "state_item": ".__getstate__()[{}]",
    "callable": ".__reduce__()[{}]",
    "argument": ".__reduce__()[1][{}]",
    "of_class": "",
}


def _render_step(kind: str, where: Any) -> str:
    if kind == "attribute":
        is_name = type(where) is str and where.isidentifier() and len(where) <= _LONGEST_KEY
        return f".{where}" if is_name else f".__dict__[{_key(where)}]"
    return _STEPS[kind].format(_key(where) if kind in ("item", "state_item") else where)


def _key(key: Any, depth: int = 0) -> str:
    """A dict's key; of the application's own objects only the class is told, since their repr is its code."""
    if type(key) is int and key.bit_length() > _MOST_BITS:  # Python may refuse to write so many digits
        return f"<int of {key.bit_length():,} bits>"
    if type(key) in (str, bytes):
        text = repr(key[:_LONGEST_KEY + 1])
        return text if len(text) <= _LONGEST_KEY else f"{text[:_LONGEST_KEY]}..."
    if type(key) in (int, float, bool, type(None)):
        return repr(key)
    if type(key) is tuple and depth < _DEEPEST_KEY:
        shown = [_key(part, depth + 1) for part in key[:_WIDEST_KEY]]
        return "(" + ", ".join(shown) + (", ...)" if len(key) > _WIDEST_KEY else ",)" if len(key) == 1 else ")")
    return f"<{type(key).__name__} object>"


# --- the words ------------------------------------------------------------------------------------------


def describe(judgement: Judgement, culprit: Culprit, path: str, where: str | None) -> Hazard:
    """The Hazard of a judgement about `culprit`, which `path` leads to."""
    noun = _noun(judgement, culprit)
    message, remedy = _WORDS[judgement.id](judgement, f"{path} is {_what(judgement, culprit)}", noun)
    return Hazard(judgement.id, SEVERITIES[judgement.id], path, judgement.module, judgement.qualname, message, remedy,
                  judgement.script, judgement.generation, judgement.current_generation,
                  words_of_pickle(culprit.object), where)


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
    if judgement.registered:
        where = ("is in sys.modules (WSGIScriptModules Registered) of the server's processes that have loaded the "
                 "script from this path: no other program can load the pickle, nor these once the script has moved.")
    elif judgement.script:
        where = "does not stay in sys.modules: no process can load the pickle, neither this one nor another."
    else:
        where = "is in sys.modules only where that script is loaded and registered: nobody else can load the pickle."
    return f"{subject}, defined in {_home(judgement)}. Its module, {judgement.module}, {where}", _move(noun)


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
