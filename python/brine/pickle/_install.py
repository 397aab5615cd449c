"""Putting the guard into the place of pickle."""

import sys
from functools import wraps
from typing import Any

import _pickle
from brine import _guard

#: The policies, as the directive WSGIPickleGuard names them.
POLICIES = ("Off", "Report", "Enforce", "BuiltinOnly")

#: What of pickle the guard stands for.
NAMES = ("dumps", "dump", "loads", "load", "Pickler", "Unpickler")


def install(policy: str = "Report") -> None:
    """Puts the guard into the place of `pickle` in this interpreter, with a policy for all of its threads.

    Modules that took functions from `pickle` earlier (`from pickle import dumps`) get the guard's too;
    classes that were derived from `pickle.Pickler` before that stay as they are. Under httpd this has been
    done, and a request's policy is that of its WSGIPickleGuard, whatever is said here.

    Raises ValueError where there is no such policy.
    """
    import pickle  # here, so that who only wants the API does not load it

    _guard.set_policy(policy)
    guarded = {id(getattr(_pickle, name)): getattr(_guard, name) for name in NAMES}
    for module in [pickle, *sys.modules.values()]:
        names = _names_of(module)
        if type(names) is not dict or module is _pickle or module is _guard:
            continue
        for name, value in list(names.items()):
            if id(value) in guarded:
                names[name] = guarded[id(value)]
    _watch_others(pickle)


def _watch_others(pickle: Any) -> None:
    """Takes note of what the Pickler that is written in Python has pickled, from which dill's is derived.

    Who tries pickle first and goes on with such a Pickler has no hazard.
    """
    dump = pickle._Pickler.dump
    if hasattr(dump, "__wrapped__"):  # installed before
        return

    @wraps(dump)
    def watched(self: Any, obj: Any) -> None:
        dump(self, obj)
        _guard.pickled_otherwise(obj, self)

    pickle._Pickler.dump = watched


def _names_of(module: Any) -> Any:
    """Its `__dict__`, past code of its own: to ask a module that loads when it is first used would load it."""
    try:
        return object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
