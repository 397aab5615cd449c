"""Checks the pickle guard without pytest, so that it runs with any Python: python3 selfcheck.py

Prints what is wrong, and ends with 1 if anything is. PYTHONPATH is to lead to the package and its extension
module. `--sweep`: what pickle can pickle of all that the standard library defines is no hazard.
"""

import contextlib
import importlib
import io
import os
import pkgutil
import sys
import types
import warnings
from pathlib import Path

import _pickle

sys.path.insert(0, str(Path(__file__).parent))

import brine.pickle  # noqa: E402
import checking  # noqa: E402
from corpus import shapes, standard  # noqa: E402

#: Modules that are not imported, and why.
SKIPPED = {
    "antigravity": "opens a browser", "this": "prints a poem", "idlelib": "needs a display",
    "tkinter": "needs a display", "_tkinter": "needs a display", "turtle": "needs a display",
    "turtledemo": "needs a display", "test": "Python's own tests", "lib2to3": "has tests of its own in it",
    "ensurepip": "runs pip", "__phello__": "prints", "__hello__": "prints", "pydoc_data": "texts alone",
    "_pyrepl": "needs a terminal", "sre_compile": "warns", "site-packages": "not of the standard library",
    "dist-packages": "not of the standard library", "_testcapi": "crashes on purpose",
    "_testinternalcapi": "for Python's own tests", "_testlimitedcapi": "for Python's own tests",
    "_testexternalinspection": "for Python's own tests", "_ctypes_test": "for Python's own tests",
    "config-3": "no modules",
}


def standard_modules():
    """Imports every module of the standard library that this system has, and yields it."""
    folder = os.path.dirname(os.__file__)
    names = set(sys.stdlib_module_names) | set(sys.builtin_module_names)
    for found in pkgutil.walk_packages([folder, os.path.join(folder, "lib-dynload")], onerror=lambda name: None):
        names.add(found.name)
    for name in sorted(names):
        if name.split(".")[0] in SKIPPED or "__main__" in name or ".test" in name or "_test" in name:
            continue
        try:
            yield importlib.import_module(name)
        except (Exception, SystemExit):  # not on this system
            continue


def sweep():
    """Findings about classes and functions that pickle pickles by their names; and how many those are."""
    seen = {}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for module in standard_modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) and id(value) not in seen:
                    seen[id(value)] = f"{module.__name__}.{name}", value
    wrong, count = [], 0
    for name, value in seen.values():
        for protocol in (0, 2, 4, 5):
            expected = checking.outcome(_pickle.dumps, value, protocol)
            with brine.pickle.collect() as reports:
                got = checking.outcome(brine.pickle.dumps, value, protocol)
            if got != expected:
                wrong.append(f"{name}: {got} is not {expected}")
            if not expected[0]:
                continue
            count += 1
            wrong += [f"{name}: {report}" for report in (*reports, brine.pickle.inspect(value, protocol)) if report]
    return wrong, count


def corpus():
    """Findings about the objects of the corpus; and how many those are."""
    wrong, count = [], 0
    for module in (shapes, standard):
        for name, obj in module.instances().items():
            for protocol in checking.PROTOCOLS:
                count += 1
                wrong += [f"{name}, protocol {protocol}: {what}" for what in checking.differences(obj, protocol)]
                made = checking.outcome(_pickle.dumps, obj, protocol)
                if made[0]:
                    wrong += [f"{name}, protocol {protocol}: {what}" for what in checking.loads_differences(made[1])]
    return wrong, count


def hazards():
    """What has to be found; the module __main__ is this program's."""
    wrong = []
    for name, obj, id_ in (("lambda", lambda: None, "naming-local"), ("main", InMain, "naming-main"),
                           ("instance", {"a": [InMain()]}, "naming-main")):
        found = brine.pickle.inspect(obj).ids
        if found != (id_,):
            wrong.append(f"{name}: {found} is not {id_}")
    try:
        brine.pickle.loads(b"cno_such_module\nname\n.")
    except ModuleNotFoundError as error:
        told = str(error) + "".join(getattr(error, "__notes__", ()))
        if "Brine: the pickle names no_such_module.name" not in told:
            wrong.append(f"no note: {told}")
    try:
        brine.pickle.loads(b"cfractions\nFraction\n(I1\nI0\ntR.")
    except ZeroDivisionError as error:
        told = str(error) + "".join(getattr(error, "__notes__", ()))
        if "Brine: an object of class fractions.Fraction, which the pickle names at byte 0," not in told:
            wrong.append(f"no note: {told}")
    brine._guard.set_policy("Enforce")
    for obj, is_hazard in ((InMain(), True), ({"a": 1}, False), (shapes.Plain(), False)):
        if isinstance(checking.outcome(brine.pickle.dumps, obj)[1], bytes) is is_hazard:
            wrong.append(f"Enforce: {obj} was {'allowed' if is_hazard else 'refused'}")
    brine._guard.set_policy("BuiltinOnly")
    for obj, is_hazard in ((shapes.Plain(), True), ({"a": (1, {2}, b"")}, False)):
        if isinstance(checking.outcome(brine.pickle.dumps, obj)[1], bytes) is is_hazard:
            wrong.append(f"BuiltinOnly: {obj} was {'allowed' if is_hazard else 'refused'}")
    brine._guard.set_policy("Report")
    return wrong, 8


class InMain:
    """A class of __main__."""


def main(arguments):
    """Runs the checks; the exit code."""
    warnings.simplefilter("ignore")
    wrong, count = [], 0
    for check in (sweep,) if "--sweep" in arguments else (corpus, hazards):
        found, number = check()
        wrong, count = wrong + found, count + number
    print("\n".join(what[:1000] for what in wrong))
    print(f"Python {sys.version.split()[0]}: {count} checks, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
