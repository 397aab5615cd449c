"""Python's own tests of pickle, with the guard in pickle's place or without it. Run by a Python whose tests they are.

pythons_own.py FOLDER guarded|plain: the folder has the package `test`. Prints a JSON object: the id of a test -> what
became of it, for each that has not succeeded; "run" -> how many have been run.
"""

import json
import logging
import os
import sys
import types
import unittest
from unittest import mock

MODULES = ("test_pickle", "test_pickletools", "test_copyreg", "test_shelve")


class Outcomes(unittest.TestResult):
    """Keeps what became of each test that has not succeeded, and is none to be skipped."""

    def __init__(self):
        super().__init__()
        self.outcomes = {}

    def note(self, test, error):
        self.outcomes.setdefault(test.id(), []).append(self._exc_info_to_string(error, test)[-2000:])

    def addError(self, test, err):
        self.note(test, err)

    def addFailure(self, test, err):
        self.note(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(test, err)

    def addUnexpectedSuccess(self, test):
        self.outcomes.setdefault(test.id(), []).append("unexpected success")


def provide_tests(folder):
    """Makes `test` the package in that folder: a Python may have it in part, or not at all."""
    try:
        import test
    except ImportError:
        test = sys.modules["test"] = types.ModuleType("test")
        test.__path__ = []
    test.__path__ = [folder, *test.__path__]


def main(folder, how):
    provide_tests(os.path.join(folder, "test"))
    if how == "guarded":
        import brine.pickle
        from brine import _guard
        brine.pickle.install()
        import pickle
        assert pickle.dumps is _guard.dumps
        logging.disable()
    result = Outcomes()
    with open(os.devnull, "w") as nowhere, mock.patch("sys.stdout", nowhere):
        for module in MODULES:
            unittest.defaultTestLoader.loadTestsFromName(f"test.{module}").run(result)
    print(json.dumps({**result.outcomes, "run": result.testsRun}))


if __name__ == "__main__":
    main(*sys.argv[1:])
