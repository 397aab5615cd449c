"""doctest, which is given the script's name, its module, a function of it, or nothing.

>>> double(4)
8
"""

import doctest
import importlib
import io
import unittest


def double(number):
    """Doubles.

    >>> double(2)
    4
    """
    return 2 * number


def application(environ, start_response):
    found = doctest.DocTestFinder().find(double, "double")
    run = doctest.testmod(importlib.import_module(__name__))
    counts = []
    for suite in (doctest.DocTestSuite(__name__), doctest.DocTestSuite()):
        result = unittest.TextTestRunner(io.StringIO()).run(suite)
        counts += [result.testsRun, len(result.failures)]
    start_response("200 OK", [])
    return [repr((len(found), run.failed, run.attempted, counts)).encode()]
