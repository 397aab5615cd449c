"""Tells what this interpreter's settings are: path, flags, hash, streams, signals, bytecode."""

import json
import locale
import signal
import sys
import warnings


def stdin():
    try:
        return repr(sys.stdin.read())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def stdout():
    try:
        print("printed")
        return "printed"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def handler():
    before = signal.getsignal(signal.SIGTERM)
    result = signal.signal(signal.SIGTERM, print)
    return [result is print, signal.getsignal(signal.SIGTERM) is before]


def try_warn():
    try:
        warnings.warn("a deprecation", DeprecationWarning)
    except DeprecationWarning:
        return "raised"
    return "passed"


FACTS = {
    "path": lambda: sys.path,
    "optimize": lambda: [sys.flags.optimize, __debug__],
    "hash": lambda: [hash("brine"), sys.flags.hash_randomization],
    "stdin": stdin,
    "stdout": stdout,
    "signal": handler,
    "switch": sys.getswitchinterval,
    "bytecode": lambda: sys.dont_write_bytecode,
    "warnings": try_warn,
    "prefix": lambda: [sys.prefix, sys.base_prefix],
    "import": lambda: __import__("brine_test_extra").ANSWER,
    "locale": lambda: [locale.getlocale()[1], locale.getpreferredencoding(False).lower(), locale.setlocale(locale.LC_NUMERIC)],
    "eggs": lambda: __import__("os").environ.get("PYTHON_EGG_CACHE"),
}


def application(environ, start_response):
    body = json.dumps(FACTS[environ["QUERY_STRING"]]()).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
