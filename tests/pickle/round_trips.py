"""Compares restore-signature with what pickle does: python3 round_trips.py [MODULE or PACKAGE...]

Makes an object of each class of the modules (of the standard library, if none is named), pickles it, and loads the
pickle by pickle itself. Prints a line for each false alarm, and last a summary. Exceptions are made by a call;
other classes' objects without their __init__, so that nothing is opened or started.
"""

import contextlib
import gc
import importlib
import io
import os
import pkgutil
import sys
import warnings
from pathlib import Path

import _pickle

sys.path.insert(0, str(Path(__file__).parent))

import brine.pickle  # noqa: E402

PROTOCOLS = (0, 2, 4)
VALUES = ("x", 1, None, {}, ["x"], ValueError("x"), b"x")
SKIPPED = ("__main__", ".test", "_test", ".conftest", "idlelib", "turtle", "tkinter")


def modules_of(name):
    """Those of a package, as far as they can be imported."""
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit):
        return
    yield module
    for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}.", onerror=lambda name: None):
        if any(part in found.name for part in SKIPPED):
            continue
        try:
            yield importlib.import_module(found.name)
        except (Exception, SystemExit):
            continue


def classes_of(modules):
    """Each class that these define, once."""
    seen = set()
    for module in modules:
        for value in list(vars(module).values()):
            if issubclass(type(value), type) and value not in seen and value.__module__ == module.__name__:
                seen.add(value)
                yield value


def instance_of(cls):
    """An object of the class, or None."""
    if issubclass(cls, BaseException):
        return next(filter(None, (called(cls, count, value) for count in range(6) for value in VALUES)), None)
    for maker in (object, tuple, dict, list, int, float, str, bytes, set, frozenset):
        try:
            return maker.__new__(cls, ("x", "y")) if maker is tuple else maker.__new__(cls)
        except Exception:
            continue
    return None


def called(cls, count, value):
    """An exception that is made with so many arguments, and with those that must have their names."""
    code = getattr(cls.__init__, "__code__", None)
    named = code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount] if code else ()
    for keywords in ({}, dict.fromkeys(named, value)):
        try:
            made = cls(*[value] * count, **keywords)
        except Exception:
            continue
        if type(made) is cls:
            return made
    return None


def outcome(function, *args):
    try:
        return True, function(*args)
    except (Exception, SystemExit) as error:
        return False, error


class Counts:
    """What became of the round trips."""

    def __init__(self):
        self.classes, self.fail, self.told, self.wrong = set(), set(), set(), []

    def compare(self, cls, obj, protocol):
        pickled, data = outcome(_pickle.dumps, obj, protocol)
        if not pickled:
            return
        with brine.pickle.collect() as reports:
            again, _ = outcome(brine.pickle.dumps, obj, protocol)
        told = [hazard for report in reports for hazard in report if hazard.id == "restore-signature"]
        inspected = [each for each in brine.pickle.inspect(obj, protocol) if each.id == "restore-signature"]
        loads, error = outcome(_pickle.loads, data)
        name = f"{cls.__module__}.{cls.__qualname__}, protocol {protocol}"
        self.classes.add(cls)
        if loads and (told or inspected):
            self.wrong.append(f"{name}: false alarm: {(told or inspected)[0]}")
        if told and not inspected:
            self.wrong.append(f"{name}: not seen by inspect()")
        if not loads and type(error) is TypeError:
            self.fail.add(cls)
            if told:
                self.told.add(cls)


def walk(names):
    counts = Counts()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for name in names:
            for cls in classes_of(modules_of(name)):
                made, obj = outcome(instance_of, cls)
                if made and obj is not None:
                    for protocol in PROTOCOLS:
                        counts.compare(cls, obj, protocol)
    return counts


def main(names):
    warnings.simplefilter("ignore")
    if not names:
        from selfcheck import SKIPPED as not_imported
        names = sorted(set(sys.stdlib_module_names) - set(not_imported))
    counts = walk(names)
    print("\n".join(sorted(counts.wrong)))
    missed = sorted(f"{cls.__module__}.{cls.__qualname__}" for cls in counts.fail - counts.told)
    print("not told:", *missed[:20])
    print(f"{len(counts.classes)} classes, {len(counts.fail)} do not load, {len(counts.told)} of these told, "
          f"{len(counts.wrong)} wrong")
    sys.stdout.flush()
    os._exit(1 if counts.wrong else 0)  # whatever threads the modules have started


if __name__ == "__main__":
    # Some classes recurse without end when they are loaded: a finalizer at the limit would end the process.
    gc.disable()
    main(sys.argv[1:])
