"""The names that `brine pickle scan` calls safe, proven: each is called with whatever there is, in a process of its own.

The process is limited in memory and time, and an audit hook ends it where something is opened, imported,
executed or reached. A rule that a name has (`_proofs`) decides what it is called with.
"""

import asyncio
import binascii
import collections
import concurrent.futures
import configparser
import copy
import copyreg
import datetime
import decimal
import email._policybase
import email.message
import email.mime.text
import email.policy
import enum
import fractions
import ftplib
import getopt
import gzip
import http.client
import http.cookies
import inspect
import io
import ipaddress
import json
import logging
import lzma
import multiprocessing
import operator
import os
import pathlib
import pickle
import pickletools
import plistlib
import queue
import random
import re
import resource
import shutil
import signal
import smtplib
import socket
import sqlite3
import ssl
import statistics
import struct
import subprocess
import sys
import time
import types
import unittest
import urllib.parse
import urllib.request
import uuid
import warnings
import xmlrpc.client
import zipfile
import zlib
import zoneinfo
from pathlib import Path

import pytest
from brine import cli
from brine.pickle import _keys, _mails, _multiples, _proofs, _safe, _scan, _weights, scan
from brine.pickle._lookup import Found

FUZZ = r'''
import importlib, itertools, json, os, pickle, random, resource, sys
names = json.load(sys.stdin)
sys.path[:0] = json.loads(sys.argv[1])
from brine.pickle import scan
import brine.pickle._scan as s
found = {}
for module, name in names:
    try:
        value = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
        found[module, name] = value
    except (ImportError, AttributeError):
        continue
import _strptime, zoneinfo, importlib.resources, encodings.latin_1, encodings.utf_8, encodings.ascii, encodings.idna, numbers  # what they use
import warnings
warnings.simplefilter("ignore")  # of a pattern: where a warning is told, the source's line is read
import email.policy
import decimal, fractions, ipaddress, datetime, _pydatetime if sys.version_info >= (3, 12) else datetime
'''.replace(", _pydatetime if sys.version_info >= (3, 12) else datetime", "") + r'''
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
BAD = ("import", "open", "exec", "compile", "socket.", "subprocess.", "os.", "ctypes.", "shutil.", "tempfile.",
       "marshal.", "code.__new__", "function.__new__", "sqlite3.", "urllib.", "ftplib.", "smtplib.", "winreg.")
current, watching = None, False
def hook(event, arguments):
    if watching and event.startswith(BAD):
        if current[1].startswith("ZoneInfo") and (event == "open" and "zoneinfo" in str(arguments[0]) or
                                                  event == "import" and arguments[0].startswith("tzdata")):
            return  # the data of the zone that it is asked for, in the folders and the package of such data alone
        os.write(2, f"{current} does {event} {arguments!r}\n".encode())
        os._exit(9)
sys.addaudithook(hook)
draw = random.Random(json.dumps(names))
VALUES = [None, True, 0, 1, -1, 2**31, -2**63, 10**30, 1.5, float("nan"), "", "x", "1/3", "utf-8", "../../etc/passwd",
          "/etc/passwd", "os", "%s%n", "a" * 5000, "\ud800", "2020-01-01", b"", b"\x00" * 10, b"\xff" * 8, [], [1, 2],
          ["x", ("a", 1)], (), (1, 2, 3), {}, {"a": 1}, {"__class__": int}, {1}, object, int, Exception, "hex", "rot13",
          "Europe/Berlin", "builtins.eval", ((),), [[]], (None, {}), {"__dict__": {}}, "O", "b", "I", 3]
for current in found:
    value = found[current]
    for _ in range(400):
        arguments = tuple(draw.choice(VALUES) for _ in range(draw.choice((0, 1, 1, 2, 2, 3, 4, 5, 8))))
        state = draw.choice(VALUES)
        class Call:
            def __reduce__(self):
                return (value, arguments, state) if draw.random() < .5 else (value, arguments)
        try:
            data = pickle.dumps(Call(), draw.choice((0, 2, 4)))
            report = scan(data)
        except Exception:
            continue
        if report.grade != "safe" or report.error:
            continue  # such arguments are no proof, and reported
        watching = True
        try:
            pickle.loads(data)
        except (Exception, RecursionError):
            pass
        finally:
            watching = False
os.write(1, json.dumps(len(found)).encode())
os._exit(0)
'''
COMPOSED = FUZZ[:FUZZ.index("for current in found:")] + r'''
import signal
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
def late(*_):
    os.write(2, f"{current} takes too long\n".encode())
    os._exit(9)
signal.signal(signal.SIGALRM, late)
def number(value):
    return b"\x8a" + bytes([len(data := value.to_bytes(9, "little", signed=True))]) + data
def text(value):
    return b"X" + len(data := value.encode("utf-8", "surrogatepass")).to_bytes(4, "little") + data
def named(module, name):
    return text(module) + text(name) + b"\x93"
HOOKS = ["append", "extend", "add", "__setstate__"]
TEXTS = HOOKS + ["__new__", "__init__", "keys", "__class__", "1e9999999", "99999999999", "OK", "x"]
NAMES = sorted(found)
HOLDERS = [name for name in NAMES if name[1] in ("SimpleNamespace", "ValueError", "OrderedDict", "deque", "_reconstructor")]
EATERS = [name for name in NAMES if name[1] in ("bytes", "bytearray", "int", "tuple", "Fraction", "Decimal", "struct_time", "range")]
def name():
    return named(*draw.choice(draw.choice((NAMES, HOLDERS, HOLDERS, EATERS, EATERS))))
def value(depth):
    kind = draw.randrange(14 if depth else 6)
    if kind < 2:
        return number(draw.choice((0, 1, 2**40, 2**40)))
    if kind == 2:
        return text(draw.choice(TEXTS))
    if kind < 6:
        return name()
    if kind > 8:
        return call(depth)
    inner = b"".join(value(depth - 1) for _ in range(draw.choice((0, 1, 1, 2, 3))))
    return (b"(" + inner + b"t", b"](" + inner + b"e", b"}" + text(draw.choice(TEXTS)) + value(depth - 1) + b"s")[kind - 6]
def call(depth):
    inner = b"".join(value(depth - 1) for _ in range(draw.choice((0, 0, 1, 1, 2, 3))))
    made = name() + b"(" + inner + b"t" + draw.choice((b"R", b"R", b"\x81"))
    for _ in range(draw.choice((0, 0, 1, 2, 2))):
        attribute = text(draw.choice(draw.choice((TEXTS, HOOKS)))) + (name() if draw.random() < .7 else value(depth - 1)) + b"s"
        made += draw.choice((b"}" + attribute + b"b", b"N}" + attribute + b"\x86b", value(0) + b"b", value(0) + b"a",
                             b"(" + value(0) + b"e", b"(" + value(0) + b"\x90", value(0) + value(0) + b"s"))
    return made
loaded = 0
for _ in range(8000):
    current = data = b"\x80\x04" + call(2) + b"."
    report = scan(data)
    if report.grade != "safe" or report.error:
        continue
    watching = True
    signal.alarm(5)
    try:
        pickle.loads(data)
        loaded += 1
    except MemoryError:
        os.write(2, f"{current} takes all memory\n".encode())
        os._exit(9)
    except Exception:
        pass
    finally:
        watching = False
        signal.alarm(0)
os.write(1, json.dumps(loaded).encode())
os._exit(0)
'''
COMPOSED = COMPOSED.replace('if current[1].startswith("ZoneInfo") and', "if")
RULED = [("builtins", name) for name in "bytes bytearray list tuple set frozenset dict str".split()]
RULED += [("collections", name) for name in "OrderedDict Counter deque defaultdict UserDict UserList UserString ChainMap".split()]
RULED += [("builtins", name) for name in "type Ellipsis NotImplemented".split()]
RULED += [("_codecs", "encode"), ("zoneinfo", "ZoneInfo"), ("zoneinfo", "ZoneInfo._unpickle"), ("array", "array"), ("fractions", "Fraction"), ("http", "HTTPStatus"), ("socket", "AddressFamily"),
          ("signal", "Signals"), ("inspect", "_ParameterKind"), ("builtins", "getattr"),
          ("builtins", "int"), ("types", "SimpleNamespace"), ("_operator", "or_"), ("random", "Random"), ("re", "_compile")]
RULED += [tuple(name) for name in sorted((*_mails.STATES, *_mails.CLASSES))]
RULED += [(module, name) for module, names in _proofs._PLAIN.items() for name in names.split()] + list(_proofs._COOKIES)
NUMPY = [("numpy", "dtype"), ("numpy", "ndarray"), ("numpy.core.multiarray", "_reconstruct"),
         ("numpy.core.multiarray", "scalar"), ("numpy", "matrix"), ("numpy.ma.core", "_mareconstruct"),
         ("numpy.ma.core", "MaskedArray"), ("numpy", "recarray"), ("numpy", "record"), ("numpy", "memmap"),
         ("numpy", "chararray"), ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"), ("numpy.ma.core", "MaskedConstant"),
         *((f"numpy.polynomial.{module}", name) for module, name in _proofs._POLYNOMIALS.items())]
ALL = sorted(_safe._SAFE) + RULED


def fuzz(names, environment, timeout=300, program=None):
    paths = environment["PYTHONPATH"].split(":")
    return subprocess.run([sys.executable, "-c", program or FUZZ, json.dumps(paths)], input=json.dumps(names), text=True,
                          capture_output=True, timeout=timeout, env=environment)


@pytest.mark.parametrize("at", range(6))
def test_each_safe_name_makes_a_value_and_nothing_else(at, environment):
    result = fuzz(ALL[at::6], environment)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > len(ALL[at::6]) // 2


@pytest.mark.parametrize("seed", range(3))
def test_safe_names_together_make_a_value_and_nothing_else(seed, environment):
    """Streams that a pickler never writes, of safe names alone; those that are graded safe are loaded."""
    result = fuzz(ALL, environment, program=COMPOSED.replace("draw = ", f"draw = random.Random({seed}) or "))
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout) > 500


def test_names_of_numpy(environment):
    pytest.importorskip("numpy")
    result = fuzz(NUMPY, environment)
    assert result.returncode == 0, result.stderr


SITES = ("import django\nfrom django.conf import settings\nsettings.configure(USE_I18N=True)\ndjango.setup()\nfrom django.utils import translation\n"
         "translation.gettext('x')\n")  # what each Django process has done
OF_SITES = [list(name) for name in (*_multiples.STATES, *_multiples.OF_PAIRS)]
LATER = [["django.utils.functional", "_lazy_proxy_unpickle"], ["django.utils.translation", "gettext"], ["django.utils.translation", "pgettext"]]
OF_SITES_ALSO = """VALUES += [{"_data": {"a": [1]}}, {"_data": {"a": [bytes(3)]}, "_mutable": False, "_encoding": "utf-8"}, {"_list": [("a", "b")]},
    {"_list": [("a", 1)]}, {"a": [1]}, [("a", 1), ("a", [2])], [(1, 2, 3)], {"_data": [1]}, {"_mutable": {}}, {"setlist": len}, {"_encoding": "rot13"}]
"""
LATER_ONLY = """from django.utils.translation import gettext, pgettext
VALUES = [gettext, pgettext, ("x",), ("a", "b"), {}, str, os.system]
"""


OF_MAILS = [list(name) for name in sorted(_mails.STATES)] + [["email.message", "EmailMessage"], ["email.policy", "EmailPolicy"]]
OF_MAILS_ONLY = """from email.headerregistry import BaseHeader, UniqueAddressHeader, UnstructuredHeader
VALUES = ["x", "a.b", "", (UnstructuredHeader, BaseHeader), (UniqueAddressHeader, BaseHeader), (int,), [], {"defects": []}, {"token_type": "x"},
    {"_name": "To", "_parse_tree": ["x"], "_defects": [], "_groups": ()}, {"append": len}, {"_headers": [("a", "b")], "_payload": "x"},
    {"_display_name": None, "_addresses": ()}, {"utf8": True, "max_line_length": 7}, {"defects": 1, "as_ew_allowed": False}]
"""


@pytest.mark.parametrize("names, values, rounds", [(OF_SITES, OF_SITES_ALSO, 400), (LATER, LATER_ONLY, 5000),
                                                   (OF_MAILS, OF_MAILS_ONLY, 400)], ids=["dicts", "texts", "mails"])
def test_names_of_django_werkzeug_and_mails(names, values, rounds, environment):
    pytest.importorskip("django")
    pytest.importorskip("werkzeug")
    program = FUZZ.replace("import warnings\n", SITES + "import warnings\n").replace("for current in found:", values + "for current in found:")
    program = program.replace("range(400)", f"range({rounds})").replace(
        "(0, 1, 1, 2, 2, 3, 4, 5, 8)", "(4,)" if names is LATER else "(0, 0, 1, 2, 3)").replace("pickle.loads(data)", "hash((lambda v: v if type(v).__hash__ else 1)("
                              "pickle.loads(data)))\n            proven = globals().get('proven', 0) + 1").replace("len(found)", "proven")
    result = fuzz(names, environment, program=program)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 0


@pytest.mark.parametrize("seed", range(2))
def test_names_of_django_and_werkzeug_together(seed, environment):
    pytest.importorskip("django")
    pytest.importorskip("werkzeug")
    program = COMPOSED.replace("draw = ", f"draw = random.Random({seed}) or ").replace("import warnings\n", SITES + "import warnings\n")
    program = program.replace('HOOKS = [', 'HOOKS = ["_data", "_list", "_mutable", "setlist", "items", "_encoding", ').replace(
        "HOLDERS = [", f"HOLDERS = {[tuple(name) for name in OF_SITES]} + [")
    result = fuzz(ALL + OF_SITES + LATER, environment, program=program.replace("range(8000)", "range(5000)").replace(
        "NAMES = sorted(found)", "NAMES = sorted(found)\nHELD = set(found)").replace("def name():", "HOLDERS = [n for n in HOLDERS if n in HELD]\ndef name():"))
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout) > 300


TYPES = COMPOSED[:COMPOSED.index("def number(value):")] + r"""
import numpy
class Given:
    def __init__(self, *reduced):
        self.reduced = reduced
    def __reduce__(self):
        return self.reduced
LETTERS = ["i4", "f8", "U3", "S0", "S5", "V8", "V24", "V0", "O8", "M8", "b1", "V16", "V32", "V4", "V1"]
SIZES = [0, 1, 2, 4, 8, 12, 16, 24, 32, 2**31, -1]
def size(letters):
    return int(letters[1:]) * (4 if letters[0] == "U" else 1)
def field(depth):
    entry = [dtype(depth - 1), draw.choice(SIZES)]
    return tuple(entry + ([draw.choice(("T", "a", 1))] if draw.random() < .3 else []))
def fit(depth):
    # What numpy writes, nearly.
    base = numpy.dtype(draw.choice(("i4", "f8", "U3", "b1", [("a", "i2", 3), (("T", "c"), "i4")])))
    shape = tuple(draw.choice((1, 2, 3)) for _ in range(draw.choice((0, 1, 2))))
    made = numpy.dtype((base, shape)) if shape else numpy.dtype([("a", base), (("T", "b"), base, (2,))])
    state = list(made.__reduce__()[2])
    if draw.random() < .5:
        at = draw.randrange(1, 8)
        state[at] = draw.choice((state[at], draw.choice(SIZES), None, (base, (draw.choice((2, 2**30)),)), ("a", "T"), {"a": (base, 0, "T")}, "<"))
    return Given(numpy.dtype, (made.__reduce__()[1][0], False, True), tuple(state))
def dtype(depth):
    if draw.random() < .7:
        return fit(depth)
    letters, names, of = draw.choice(LETTERS), None, None
    fields = {name: field(depth) for name in draw.sample(("a", "b", "T"), draw.choice((0, 1, 2)))} if depth else None
    if fields:
        names = tuple(draw.sample(sorted(fields), draw.choice((len(fields), max(1, len(fields) - 1)))))
    elif depth and draw.random() < .5:
        of = (dtype(depth - 1), tuple(draw.choice((0, 1, 2, 3, 2**40)) for _ in range(draw.choice((1, 2)))))
    state = (3, "|", of, names, fields, draw.choice((size(letters), draw.choice(SIZES))), draw.choice((1, 4, 3)), draw.choice((0, 16, 24, 27, 63)))
    return Given(numpy.dtype, (letters, False, True), state)
make = numpy.zeros(0).__reduce__()[0]
def used():
    of = dtype(2)
    if draw.random() < .4:
        return of
    return Given(make, (numpy.ndarray, (0,), b"b"), (1, (2,), of, False, draw.choice((bytes(64), bytes(32), bytes(16), [1, 2]))))
loaded = 0
for _ in range(6000):
    try:
        current = data = pickle.dumps(used(), 4)
        report = scan(data)
    except (ValueError, TypeError):
        continue
    if report.grade != "safe" or report.error:
        continue
    watching = True
    signal.alarm(5)
    try:
        value = pickle.loads(data)
        loaded += 1
        if isinstance(value, numpy.dtype):
            value = numpy.zeros(3, value)
        watching = False
        value.copy(), value.tobytes(), value.tolist(), repr(value), pickle.dumps(value)
        for name in value.dtype.names or ():
            value[name], value[0][name]
    except Exception:
        pass
    finally:
        watching = False
        signal.alarm(0)
os.write(1, json.dumps(loaded).encode())
os._exit(0)
"""


@pytest.mark.parametrize("seed", range(2))
def test_types_of_numpy_with_fields_and_shapes(seed, environment):
    """Those that are graded safe are loaded, and arrays of them made and read."""
    pytest.importorskip("numpy")
    result = fuzz(NUMPY, environment, program=TYPES.replace("draw = ", f"draw = random.Random({seed}) or "))
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout) > 200


@pytest.mark.parametrize("name", [("subprocess", "getoutput"), ("os", "listdir"), ("builtins", "open")])
def test_the_fuzz_would_notice(name, environment, monkeypatch):
    patched = FUZZ.replace("import brine.pickle._scan as s\n", "import brine.pickle._scan as s\n"
                           "s.is_safe, s.runs_code = (lambda *name: True), (lambda *name: False)\n")
    assert patched != FUZZ
    monkeypatch.setattr(sys.modules[__name__], "FUZZ", patched)
    result = fuzz([name], environment)
    assert result.returncode == 9 and name[1] in result.stderr


# --- what pickle writes is safe -------------------------------------------------------------------------



def mail(parsed=False):
    made = email.message.EmailMessage()
    for name, value in (("Subject", "x ü"), ("To", "A <a@b.c>, g: d@e.f;"), ("Date", "Mon, 30 Nov 2026 10:00:00 +0000"), ("X-Y", "z"),
                        ("Message-ID", "<a@b>"), ("From", "=?utf-8?q?=C3=A4?= <x@y.z>"), ("Reply-To", '"q w" <q@[127.0.0.1]>')):
        made[name] = value
    made.set_content("hi")
    made.add_attachment(b"x", maintype="image", subtype="png", filename="ä.png")
    return email.message_from_bytes(bytes(made), policy=email.policy.SMTP) if parsed else made


def gaussian():
    generator = random.Random(1)
    generator.gauss(0, 1)
    return generator


def attributed(value):
    value.note = ["x"]
    return value


INNOCENT = {
    "None": None, "bool": True, "int": 7, "large int": 2**80, "float": 1.5, "complex": 2j, "str": "ä", "bytes": b"\xff\0",
    "bytearray": bytearray(b"abc\xff"), "list": [1, [2]], "tuple": (1, (2,)), "dict": {"a": {1: 2}}, "set": {1, 2},
    "frozenset": frozenset({1}), "range": range(2**60), "slice": slice(1, 2), "object": object(), "int type": int,
    "exception": ValueError("x"), "OSError": OSError(2, "no", "file"), "KeyError": KeyError("k"),
    "UnicodeDecodeError": UnicodeDecodeError("utf-8", b"x", 0, 1, "why"), "StopIteration": StopIteration(1),
    "OrderedDict": collections.OrderedDict(a=1), "Counter": collections.Counter("abca"),
    "deque": collections.deque([1, 2], 5), "endless deque": collections.deque([1]),
    "defaultdict": collections.defaultdict(list, a=[1]), "nested defaultdict": collections.defaultdict(set, {1: {2}}),
    "UserDict": collections.UserDict(a=[1]), "UserList": collections.UserList([1, {}]), "UserString": collections.UserString("x"),
    "ChainMap": collections.ChainMap({"a": 1}, collections.OrderedDict(b=2)), "constants": [..., NotImplemented],
    "types without a name": [type(None), type(...), type(NotImplemented)],
    "date": datetime.date(2020, 1, 1), "time": datetime.time(1, 2), "datetime": datetime.datetime(2020, 1, 1),
    "aware datetime": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), "timedelta": datetime.timedelta(3),
    "timezone": datetime.timezone(datetime.timedelta(hours=2)), "Decimal": decimal.Decimal("1.50"),
    "large Decimal": decimal.Decimal("1E+999999"), "Fraction": fractions.Fraction(1, 3),
    "negative Fraction": fractions.Fraction(-7), "UUID": uuid.UUID(int=1), "SafeUUID": uuid.SafeUUID.safe,
    "IPv4Address": ipaddress.ip_address("127.0.0.1"), "IPv6Network": ipaddress.ip_network("::/8"),
    "IPv4Interface": ipaddress.ip_interface("10.0.0.1/8"), "Path": pathlib.PurePosixPath("/a/b"),
    "SimpleNamespace": types.SimpleNamespace(a=1), "HTTPStatus": http.HTTPStatus.OK, "Signals": signal.Signals.SIGTERM,
    "AddressFamily": socket.AF_INET, "RegexFlag": re.RegexFlag.IGNORECASE,
    "Parameter kind": inspect.Parameter.POSITIONAL_ONLY, "FlagBoundary": getattr(enum, "KEEP", None),
    "struct_time": time.gmtime(0), "array": __import__("array").array("d", [1.0, 2.0]),
    "array of texts": __import__("array").array("u", "ab"), "many dates": [datetime.date(2000, 1, day) for day in range(1, 29)],
    "pattern": re.compile("[a-z]+(?P<x>.)", re.I), "pattern of bytes": re.compile(b"a|b"), "Random": random.Random(1),
    "Random that has had gauss()": gaussian(), "url": urllib.parse.urlparse("http://a/b?c#d"),
    "url of bytes": urllib.parse.urlsplit(b"http://a/b"), "stat": os.stat("/"), "statvfs": os.statvfs("/"),
    "size of a terminal": os.terminal_size((80, 24)), "uname": os.uname(), "times": os.times(),
    "usage": resource.getrusage(resource.RUSAGE_SELF), "cookies": http.cookies.SimpleCookie("a=b; c=d"),
    "mail": email.message_from_string("From: a\n\nx"), "record": logging.makeLogRecord({"msg": "x", "args": (1,)}),
    "mail with parsed headers": mail(), "mail that was read": mail(True), "subject": mail()["subject"], "addresses": mail()["to"],
    "default policy": email.policy.default, "mail with a file": email.message_from_string("Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\n"),
    "exception with attributes": attributed(KeyError("k")), "OrderedDict with attributes": attributed(collections.OrderedDict(a=1)),
    "all of it": [collections.OrderedDict(x=decimal.Decimal(1)), {uuid.UUID(int=2): fractions.Fraction(1, 2)}],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", INNOCENT)
def test_innocent_values(kind, protocol):
    try:
        data = pickle.dumps(INNOCENT[kind], protocol)
    except (TypeError, pickle.PicklingError):
        pytest.skip("this protocol cannot store it")
    report = scan(data)
    assert report.grade == "safe" and not report, str(report)


def raised(function, *arguments, **named):
    try:
        function(*arguments, **named)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def exceptions_of_python():
    """What a queue's worker or a pool stores of what has gone wrong."""
    config = configparser.ConfigParser()
    config.read_string("[a]\nb = %(c)s\n")
    return [raised(json.loads, "{"), raised(subprocess.run, ["false"], check=True), raised(subprocess.check_output, ["false"]),
            subprocess.TimeoutExpired(["x"], 1.5, b"out", b"err"), raised(config.get, "x", "y"), raised(config.get, "a", "x"),
            raised(config.get, "a", "b"), raised(configparser.ConfigParser().read_string, "x"), raised(re.compile, "("),
            raised(zipfile.ZipFile, __file__), raised(decimal.Decimal, "x"), raised(zoneinfo.ZoneInfo, "No/Such"),
            raised(urllib.request.urlopen, "nosuch:x"), ssl.SSLError(1, "x"), ssl.SSLCertVerificationError(1, "x"),
            socket.gaierror(-2, "x"), socket.timeout("x"), asyncio.IncompleteReadError(b"ab", 3), asyncio.CancelledError(),
            asyncio.TimeoutError(), smtplib.SMTPResponseException(1, b"x"), smtplib.SMTPRecipientsRefused({"a@b": (1, b"x")}),
            smtplib.SMTPSenderRefused(1, b"m", "s"), raised(getopt.getopt, ["-x"], ""), raised(plistlib.loads, b"xx"),
            raised(sqlite3.connect(":memory:").execute, "x"), raised(queue.Queue().get_nowait), raised(struct.unpack, "i", b""),
            raised(zlib.decompress, b"x"), raised(lzma.decompress, b"x"), shutil.Error([("a", "b", "c")]), copy.Error("x"),
            raised(gzip.decompress, b"xxxx"), raised(binascii.unhexlify, "x"), http.client.RemoteDisconnected("x"),
            http.client.IncompleteRead(b"x", 5), raised(ipaddress.IPv4Address, "x"), raised(statistics.mean, []),
            concurrent.futures.BrokenExecutor("x"), multiprocessing.ProcessError("x"), ftplib.error_perm("550"),
            pickle.PicklingError("x"), unittest.SkipTest("x"), io.UnsupportedOperation("x"), http.cookies.CookieError("x")]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_exceptions_of_python_s_library(protocol):
    for error in exceptions_of_python():
        report = scan(pickle.dumps(error, protocol))
        assert not report, (error, str(report))


def test_exceptions_that_look_into_what_they_are_given():
    """They make texts of it: of what is nested, or has digits without end, this takes without end."""
    for error in (json.JSONDecodeError, configparser.NoSectionError, asyncio.IncompleteReadError):
        for given in ([1], (1,), {}, Exception(), 10**50_000):
            arguments = ("x", given, given)[:2 if error is asyncio.IncompleteReadError else 3 if error is json.JSONDecodeError else 1]
            arguments = (given,) * len(arguments)
            assert scan(pickle.dumps(Calls(error, arguments), 4)).grade in ("unknown", "runs-code"), (error, given)


@pytest.mark.parametrize("value", [io.BytesIO(b"x"), io.StringIO("x"), subprocess.CompletedProcess([], 0), xmlrpc.client.Binary(b"x")])
def test_what_runs_nothing_is_not_said_to_run_code(value):
    """It is in a module of which most does."""
    assert scan(pickle.dumps(value)).grade == "unknown"


def test_headers_of_mails_that_nobody_writes():
    from email import _header_value_parser as parser
    from email import headerregistry as registry
    bases = (registry.UnstructuredHeader, registry.BaseHeader)
    make = registry._reconstruct_header
    assert scan(pickle.dumps(Calls(make, ("X", bases, "x"), {"_name": "X", "_defects": []}), 4)).grade == "safe"
    for call in ((make, ("X", (int,), "x")), (make, ("X", (), "x")), (make, ("X", bases, ["x"])), (make, ("X", bases, "x"), {"parse": 1}),
                 (make, ("X", bases, "x"), {"_name": bytes}), (registry.BaseHeader, ("x",)), (parser.Atom, ([1],)), (parser.Atom, (), {"append": bytes}),
                 (parser.Terminal, (BIG, "x")), (parser.Terminal, ("x", "y"), {"__class__": 1}), (registry.Address, ("x", "y", "z@w")),
                 (email.policy.EmailPolicy, (), {"header_factory": bytes})):
        assert scan(pickle.dumps(Calls(*call), 4)).grade != "safe", call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_time_zones(protocol):
    moment = datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))
    report = scan(pickle.dumps([moment, zoneinfo.ZoneInfo("UTC")], protocol))
    assert not report, str(report)


def test_a_text_that_django_has_marked():
    safestring = pytest.importorskip("django.utils.safestring")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        report = scan(pickle.dumps({"message": safestring.mark_safe("<b>x</b>")}, protocol))
        assert not report, str(report)
    assert scan(pickle.dumps(Calls(safestring.SafeString, (b"x", "hex")), 4)).grade == "unknown"


def masked_objects(filled=None, shown=False):
    numpy = pytest.importorskip("numpy")
    array = numpy.ma.array([1, "x", None], object, mask=[0, 1, 0])
    if filled is not None:
        array.fill_value = filled
    if shown:
        str(array)
    return array


def values_of_sites():
    pytest.importorskip("django")
    datastructures = pytest.importorskip("werkzeug.datastructures")
    from django.conf import settings
    if not settings.configured:
        settings.configure(USE_I18N=True)
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict
    from django.utils.translation import gettext_lazy, pgettext_lazy
    pairs = [("a", "1"), ("a", "2"), ("b", "")]
    return {"MultiValueDict": MultiValueDict({"a": [1, "x"], "b": []}), "QueryDict": QueryDict("a=1&a=2&b="), "QueryDict that changes": QueryDict("a=1", mutable=True),
            "texts": [gettext_lazy("Save"), pgettext_lazy("verb", "Save"), {"a": gettext_lazy("x")}], "MultiDict": datastructures.MultiDict(pairs),
            "ImmutableMultiDict": datastructures.ImmutableMultiDict(pairs), "Headers": datastructures.Headers(pairs),
            "empty": [datastructures.MultiDict(), datastructures.ImmutableMultiDict(), datastructures.Headers(), MultiValueDict()]}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_sites_keep_of_a_request(protocol):
    for kind, value in values_of_sites().items():
        try:
            data = pickle.dumps(value, protocol)
        except TypeError:  # this protocol cannot store it
            continue
        report = scan(data)
        assert not report, (kind, str(report))


def test_what_nobody_keeps_of_a_request():
    values_of_sites()
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict
    from django.utils.functional import _lazy_proxy_unpickle as later
    from django.utils.translation import gettext, pgettext
    from werkzeug.datastructures import Headers, ImmutableMultiDict, MultiDict
    for call in ((MultiValueDict, ({},)), (MultiValueDict, (), {"_data": {"a": BIG}}), (MultiValueDict, (), {"keys": 1}), (MultiDict, (), {"a": BIG}),
                 (QueryDict, ("a=1",)), (QueryDict, (), {"_encoding": "rot13"}), (QueryDict, (), {"_mutable": bytes}), (ImmutableMultiDict, (BIG,)),
                 (ImmutableMultiDict, ([BIG],)), (ImmutableMultiDict, ([("a", 1)],), {"a": [1]}), (Headers, (), {"_list": [("a", 1)]}), (Headers, ([],)),
                 (later, (gettext, (["x"],), {}, str)), (later, (gettext, ("x",), {"y": 1}, str)), (later, (os.system, ("x",), {}, str)),
                 (later, (pgettext, ("x",), {}, str)), (later, (gettext, ("x",), {}, bytes)), (gettext, ("x",)), (later, (gettext, ("x",), {}))):
        assert scan(pickle.dumps(Calls(*call), 4)).grade != "safe", call
    shared = Calls(MultiDict, (), {"a": [1]})
    assert scan(pickle.dumps(Calls(dict, (shared,)), 4)).grade == "unknown"


def shown(masked):
    """A text has been made of it, so that it knows what fills its gaps."""
    assert str(masked) and masked.fill_value is not None
    return masked


def numpy_values():
    numpy = pytest.importorskip("numpy")
    letters = ["?", "b", "B", "h", "i", "l", "q", "Q", "e", "f", "d", "F", "D", "O", "U5", "S3", "M8[ns]", "m8[s]", "V4", ">i4"]
    return {**{letter: numpy.zeros(3, letter) for letter in letters}, "matrix": numpy.zeros((3, 4), order="F"),
            "empty": numpy.zeros(0), "scalar": numpy.float64(1.5), "integer": numpy.int32(1),
            "dtype": numpy.dtype("f8"), "a matrix": numpy.matrix([[1, 2]]),
            **{f"masked {letter}": numpy.ma.array([1, 2], letter, mask=[0, 1]) for letter in ("?", "<i4", ">f8", "D", "U5", "S3", "M8[D]", "m8[s]")},
            **{f"masked {letter} that were shown": shown(numpy.ma.array([1, 2], letter, mask=[0, 1])) for letter in ("U5", "S3", "M8[D]", "i")},
            "masked": numpy.ma.masked, **{f"polynomial {kind}": getattr(numpy.polynomial, kind)([1, 2.5], [-2, 2]) for kind in
                                          ("Polynomial", "Chebyshev", "Hermite", "HermiteE", "Laguerre", "Legendre")},
            "masked and filled": numpy.ma.array([1.5, 2], mask=[0, 1], fill_value=7),
            "fields": numpy.zeros(2, [("a", "<i4"), ("b", "f8"), ("c", "U3")]), "type": numpy.float64,
            "several of one type": numpy.zeros(2, [("a", "<i4", (2, 3)), ("b", [("x", "U3", 2), ("y", "f8")], (2,))]),
            "a type of several": numpy.dtype(("<i4", (2, 2))), "titles": numpy.zeros(2, [(("Title", "a"), "i4"), ("b", "f8")]),
            "a record with a title": numpy.rec.array(numpy.zeros(2, [(("Title", "a"), "i4", 2), ("b", "f8")])),
            "one of several": numpy.zeros(2, [("a", "<i4", (2, 3))])[0], "polynomial": numpy.poly1d([1, 2.5]),
            **{f"masked objects, filled by {filled!r}": masked_objects(filled) for filled in (None, "x", 7, 1.5)},
            "masked objects that were shown": masked_objects(shown=True),
            "aligned": numpy.zeros(2, numpy.dtype([("a", "i1"), ("b", "f8")], align=True)),
            "records": numpy.rec.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
            "record": numpy.rec.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])[0], "texts": numpy.char.array(["a", "b"]),
            "a file's": numpy.zeros(3).view(numpy.memmap), "seed": numpy.random.SeedSequence(7),
            "random": numpy.random.RandomState(1), "generator": numpy.random.default_rng(1), "objects": numpy.array([1, "x", None], object), "list": [numpy.ones(2)] * 3}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays(protocol):
    for kind, value in numpy_values().items():
        report = scan(pickle.dumps(value, protocol))
        assert not report, (kind, str(report))


STORED = Path(__file__).parent / "corpus" / "stored"


@pytest.mark.parametrize("file", sorted(path.name for path in STORED.iterdir()))
def test_recorded_frames_and_models(file, monkeypatch, capsys):
    """What pandas 1.5, scikit-learn 1.2 and joblib 1.2 have written, as if they were installed here."""
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module"))
    assert cli.main(["pickle", "scan", str(STORED / file)]) == 0, capsys.readouterr().out
    data = (STORED / file).read_bytes()
    if b"_unpickle_block" in data or b"tree" in data:
        assert scan(data.replace(b"sklearn", b"sklearX").replace(b"pandas", b"pandaX"))


# --- what nobody stores is not --------------------------------------------------------------------------


class Calls:
    """Is stored as a call."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def nested(make, width, levels):
    """What is made of others of its kind, each many times."""
    value = 1
    for _ in range(levels):
        value = make(*(value,) * width)
    return value


def doubled(levels):
    value = ()
    for _ in range(levels):
        value = (value, value)
    return value


MADE = Calls(bytes, (bytes(1 << 20),))
MADE_LIST = Calls(list, ([None] * 200_000,))
BOMBS = {
    "bytes": lambda: Calls(bytes, (2**40,)), "bytearray": lambda: Calls(bytearray, (2**40,)),
    "list of a range": lambda: Calls(list, (range(2**40),)), "tuple": lambda: Calls(tuple, (range(2**40),)),
    "set": lambda: Calls(set, (range(2**40),)), "bytes of a range": lambda: Calls(bytes, (range(2**40),)),
    "deque": lambda: Calls(collections.deque, (range(2**40),)), "Counter": lambda: Calls(collections.Counter, (range(2**40),)),
    "array": lambda: Calls(__import__("array").array, ("b", range(2**40))),
    "addresses": lambda: Calls(list, (ipaddress.ip_network("::/0"),)),
    "Fraction": lambda: Calls(fractions.Fraction, ("1e999999999",)),
    "copies": lambda: [Calls(bytearray, (SHARED,)) for _ in range(400)],
    "copies of what is made": lambda: [Calls(bytearray, (MADE,)) for _ in range(400)],
    "copies of what is made of that": lambda: [Calls(bytearray, (Calls(bytes, (MADE,)),)) for _ in range(200)],
    "copies of a list": lambda: [Calls(list, (MADE_LIST,)) for _ in range(400)],
    "copies of one range": lambda: [Calls(list, (NUMBERS,)) for _ in range(40)],
    "many bytes of one number": lambda: [Calls(bytes, (2**20,)) for _ in range(400)],
    "copies by a state": lambda: [Calls(ValueError, (), (SHARED, at)) for at in range(400)],
    "int of a Decimal": lambda: Calls(int, (decimal.Decimal("1e999999999"),)),
    "Fraction of a Decimal": lambda: Calls(fractions.Fraction, (decimal.Decimal("1e999999999"),)),
    "struct_time": lambda: Calls(time.struct_time, (range(2**40),)),
    "a path of a range": lambda: Calls(pathlib.PurePosixPath, (range(2**40),)),
    "pairs of a range": lambda: Calls(collections.OrderedDict, ([range(2**40)],)),
    "a syntax error": lambda: Calls(SyntaxError, ("x", range(2**40))),
    "stat_result": lambda: Calls(os.stat_result, (range(2**40),)),
    "digits of a Fraction": lambda: Calls(fractions.Fraction, (2**800_000 + 1, 3**500_000)),
    "a text of a Fraction": lambda: Calls(fractions.Fraction, ("0." + "1" * 10**6,)),
    "nested slices as a key": lambda: {nested(slice, 2, 40): 1},
    "nested times as a key": lambda: {nested(lambda *nine: Calls(time.struct_time, (nine,)), 9, 12): 1},
}
if sys.version_info >= (3, 11):
    BOMBS["a group of exceptions"] = lambda: Calls(ExceptionGroup, ("x", range(2**40)))  # noqa: F821
SHARED = bytes(1 << 20)
NUMBERS = range(1 << 20)


@pytest.mark.parametrize("padding", [0, 2**20])
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", BOMBS)
def test_bombs(kind, protocol, padding):
    """Also in a long pickle."""
    if kind in ("copies", "copies by a state") and protocol < 3:
        pytest.skip("bytes are stored as texts")
    if kind == "digits of a Fraction" and protocol < 2:
        pytest.skip("Python reads no number of so many digits")
    if kind == "nested slices as a key" and sys.version_info < (3, 12):
        pytest.skip("they are no keys")
    report = scan(pickle.dumps(["x" * padding, BOMBS[kind]()], protocol))
    assert "exhausts" in {found.kind for found in report.globals} and report.grade == "runs-code", str(report)


def test_a_key_whose_hash_takes_without_end():
    data = b"\x80\x04}" + b")" + b"".join(b"\x940h" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(40)) + b"Ns."
    report = scan(data)
    assert [found.kind for found in report.globals] == ["exhausts"], str(report)
    assert not scan(pickle.dumps({doubled(8): 1}, 4)).findings


KEPT_AND_DOUBLED = b"".join(b"\x940h" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(40))
HEAVY = {
    "by the memo": b"}" + b")" + KEPT_AND_DOUBLED + b"Ns", "by DUP": b"})" + b"2\x86" * 40 + b"Ns",
    "in a dict of a mark": b"()" + b"2\x86" * 40 + b"Nd", "in a set": b"\x8f()" + b"2\x86" * 40 + b"\x90",
    "in a frozenset": b"()" + b"2\x86" * 40 + b"\x91", "in three": b"})" + b"22\x87" * 30 + b"Ns",
    "behind a mark": b"}(1)" + b"2\x86" * 40 + b"Ns", "of marks": b"})" + b"q\x01(h\x01h\x01t" * 40 + b"Ns",
    "behind another pickle": b"N.})" + b"2\x86" * 40 + b"Ns",
}


@pytest.mark.parametrize("padding", [b"", b"N0" * 110_000, b"cno_such_module\nx\n0" + b"N0" * 110_000], ids=len)
@pytest.mark.parametrize("kind", HEAVY)
def test_a_heavy_key_that_much_else_hides(kind, padding):
    data = b"\x80\x04" + padding + HEAVY[kind] + b"."
    report = scan(data)
    assert report.error is None and report.findings[-1].kind == "exhausts", str(report)
    assert data[report.findings[-1].position:][:1] in b"sd\x90\x91"


PRIME = 2**61 - 1
"""Numbers are hashed modulo this one."""
MANY = 14_000
COLLIDING = {
    "numbers": lambda at: PRIME * at, "negative numbers": lambda at: PRIME * -at - 7,
    "tuples of numbers": lambda at: ("x", (PRIME * at, 1.5)), "frozensets": lambda at: frozenset([PRIME * at, 3]),
    "tuples of -1 and -2": lambda at: tuple(-1 - (at >> bit & 1) for bit in range(14)), "Decimals": lambda at: decimal.Decimal(PRIME * at),
    "Fractions": lambda at: fractions.Fraction(PRIME * at), "UUIDs": lambda at: uuid.UUID(int=PRIME * at),
    "networks": lambda at: ipaddress.IPv6Network((2**128 - 1) ^ PRIME * at), "interfaces": lambda at: ipaddress.IPv6Interface((PRIME * at, 0)),
    "complex numbers": lambda at: complex(2.0**40 - 1_000_003 * at, at), "urls": lambda at: urllib.parse.DefragResult(PRIME * at, 5),
    "ranges": lambda at: range(PRIME * at, PRIME * at + 5, 9 + PRIME * at),
}
HOLDERS = {"dict": dict.fromkeys, "set": set, "frozenset": frozenset, "OrderedDict": collections.OrderedDict.fromkeys,
           "Counter": lambda keys: collections.Counter(dict.fromkeys(keys)), "defaultdict": lambda keys: collections.defaultdict(list, dict.fromkeys(keys))}


class Apart:
    """Its objects are dict keys, and pickled as what they stand for, so that no dict of these has to be made."""

    def __init__(self, key):
        self.key = key

    def __reduce_ex__(self, protocol):
        return self.key


def pickled(holder, keys, protocol):
    """The pickle of a container that would take long to fill."""
    class Pickler(pickle._Pickler):
        def save(self, obj, save_persistent_id=True):
            super().save(obj.key if type(obj) is Apart else obj, save_persistent_id)
    stream = io.BytesIO()
    Pickler(stream, protocol).dump(holder([Apart(key) for key in keys]))
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", COLLIDING)
def test_keys_that_share_one_hash(kind, protocol):
    keys = [COLLIDING[kind](at) for at in range(MANY)]
    if kind != "frozensets":
        assert len(set(map(hash, keys))) < 20
    report = scan(pickled(set, keys, protocol))
    assert report.grade == "runs-code" and "share one hash" in str(report), str(report)
    assert scan(pickled(set, keys[:500], protocol)).grade == "safe"


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", HOLDERS)
def test_containers_of_keys_that_share_one_hash(kind, protocol):
    report = scan(pickled(HOLDERS[kind], [PRIME * at for at in range(MANY)], protocol))
    assert report.grade == "runs-code" and "share one hash" in str(report), str(report)


def test_keys_that_share_one_hash_in_lists_that_are_made_dicts_of():
    keys = [PRIME * at for at in range(MANY)]
    pairs = [(key, 1) for key in keys]
    for call in (Calls(dict, (pairs,)), Calls(collections.OrderedDict, (pairs,)), Calls(set, (keys,)), Calls(frozenset, (tuple(keys),)),
                 Calls(collections.Counter, (keys,)), Calls(dict, ([[key, 1] for key in keys],)),
                 Calls(copyreg.__newobj_ex__, (frozenset, (keys,), {}))):
        report = scan(pickle.dumps(call, 4))
        assert report.grade == "runs-code" and "share one hash" in str(report), str(report)
    multiple = (named("werkzeug.datastructures", "ImmutableMultiDict") + pickle.dumps(pairs, 4)[2:-1] + b"\x85R.")
    assert "share one hash" in str(scan(b"\x80\x04" + multiple))
    few = pickled(dict.fromkeys, keys[:2000], 4)[2:-1]  # one is no matter; to make many of it is
    frame = few.index(b"}")
    copies = b"\x80\x04" + few[frame:] + b"q\x00" + (named("builtins", "dict") + b"h\x00\x85R") * 100 + b"."
    assert "share one hash" in str(scan(copies))


def test_heavy_keys_of_which_each_is_light_enough():
    """Together they are not: the hash of a tuple is found anew each time, and so is that of a number of many digits."""
    tuples = b"})" + b"".join(b"\x940h" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(18)) + b"q\xff0"
    number = b"}\x8b" + (1 << 20).to_bytes(4, "little") + b"\x01" * (1 << 20) + b"q\xff0"
    for key in (tuples, number, number.replace(b"q\xff0", b"\x85q\xff0")):
        assert "to find its hash" in str(scan(b"\x80\x04" + key + b"h\xffNs" * 2000 + b".")) or (
            "share one hash" in str(scan(b"\x80\x04" + key + b"h\xffNs" * 2000 + b".")))
        assert not scan(b"\x80\x04" + key + b"h\xffNs" * 9 + b".")


def test_a_key_that_is_nested_too_deeply():
    """Python finds its hash by as many calls in C, and crashes."""
    assert "to find its hash" in str(scan(b"\x80\x04})" + b"\x85" * 100_000 + b"Ns."))
    assert not scan(b"\x80\x04})" + b"\x85" * 100 + b"Ns.")


INNOCENT_KEYS = {
    "numbers": lambda at: at, "ids": lambda at: 2**63 + at * 7919, "floats": lambda at: at * 1.5, "tuples": lambda at: (at % 300 - 150, at // 300),
    "texts": lambda at: (f"a{at}", "b"), "bytes": lambda at: (b"%d" % at,), "hashes": lambda at: int.from_bytes(os.urandom(16), "big"),
    "UUIDs": lambda at: uuid.UUID(int=at * 2**64 + 5), "Decimals": lambda at: decimal.Decimal(at) / 7, "frozensets": lambda at: frozenset([at, -at, "x"]),
    "dates": lambda at: datetime.date(1970, 1, 1) + datetime.timedelta(at), "addresses": lambda at: ipaddress.ip_address(at),
    "objects": lambda at: object(), "exceptions": lambda at: ValueError("x"), "a plane of numbers": lambda at: (at // 100, -1 - at % 100, None, True),
    "paths": lambda at: pathlib.PurePosixPath(f"/a/{at}"), "types": lambda at: (int, at),
}


@pytest.mark.parametrize("kind", INNOCENT_KEYS)
def test_many_keys_of_which_each_has_its_own_hash(kind):
    for protocol in (0, 2, 4):
        report = scan(pickle.dumps([{INNOCENT_KEYS[kind](at): 1 for at in range(20_000)}] * 2
                                   + [{("a", 1): at} for at in range(5000)], protocol))
        assert not report, str(report)[:500]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("text, is_safe", [(b"'caf\\xe9'", True), (b"\"it's\\n\"", True), (b"'\\\\d'", True), (b"'\\d'", True), (b"'\\x9'", False)])
def test_texts_that_python_2_has_written(text, is_safe):
    """Its str of any bytes, in a line; what repr() does not write is told by a warning where it is decoded."""
    report = scan(b"(S" + text + b"\nccollections\nCounter\n)Rt.")
    assert report.grade == ("safe" if is_safe else "unknown") and report.error is None
    report = scan(b"}(S" + text + b"\nNccollections\nCounter\n)RNu.")
    assert report.error is None


LONG = ["0", "-0", "1", "-1.5", "1e4000", "-1e4000", "1e-320", "3e-324", "1.1e-310", "1e-4940", "inf", "-inf", "1.7976931348623158e308",
        "1.797693134862315808e308", "0.1", "9007199254740993", "18446744073709551615", "123456789012345678901234567890"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="such numbers have another form there")
@pytest.mark.parametrize("kind", ["longdouble", "clongdouble"])
@pytest.mark.parametrize("order", "<>")
def test_numbers_of_80_bits_have_the_hashes_of_floats(kind, order):
    numpy = pytest.importorskip("numpy")
    for text_of in LONG:
        with numpy.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = getattr(numpy, kind)(numpy.longdouble(text_of))
        numbers = _keys._long_doubles(value.tobytes(), 2 if kind == "clongdouble" else 1)
        assert hash(complex(*numbers) if kind == "clongdouble" else numbers[0]) == hash(value), text_of
    type_ = numpy.dtype(kind).newbyteorder(order)
    many = numpy.arange(20_000).astype(type_) / 3
    assert not scan(pickle.dumps(dict.fromkeys(many.astype(type_)), 4))


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="such numbers have another form there")
def test_numbers_of_80_bits_that_share_one_hash():
    """Their last eleven bits are none of a float."""
    numpy = pytest.importorskip("numpy")
    near = [(numpy.longdouble(2**63) + at) * numpy.longdouble(2) ** power for at in range(1000) for power in range(0, 61 * 16, 61)]
    assert len({hash(value) for value in near}) == 1
    assert scan(pickle.dumps(dict.fromkeys(near), 4)).grade == "runs-code"


def short(value):
    """A pickle of a number or a text, to be put in others."""
    return pickletools.optimize(pickle.dumps(value, 2))[2:-1]


def in_memo(*names):
    """Names in the memo, from 0 on."""
    return b"\x80\x04" + b"".join(named(*name) + b"q" + bytes([at]) + b"0" for at, name in enumerate(names))


def calls_of(names, call):
    """A dict whose keys are what calls return."""
    return in_memo(*names) + b"}(" + b"".join(call(at) + b"N" for at in range(1, MANY)) + b"u."


def scalar_of(kind, order, form):
    return lambda at: (b"h\x00h\x01" + short(kind) + b"\x89\x88\x87R(K\x03" + short(order) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
                       + b"C\x10" + struct.pack(form, -1000003.0 * at, float(at)) + b"\x86R")


INT, FLOAT, DECIMAL, UUIDS = ("builtins", "int"), ("builtins", "float"), ("decimal", "Decimal"), ("uuid", "UUID")
SCALAR = [("numpy.core.multiarray", "scalar"), ("numpy", "dtype")]
MADE_KEYS = {
    "tuple of a list": ([("builtins", "tuple")], lambda at: b"h\x00](" + short(PRIME * at) + b"e\x85R"),
    "tuple of a list that grows": ([("builtins", "tuple")], lambda at: b"]" + short(PRIME * at) + b"aq\x090h\x00h\x09\x85Rh\x09"
                                   + short(at) + b"a0"),
    "tuple by OBJ": ([("builtins", "tuple")], lambda at: b"(h\x00" + short(PRIME * at) + b"\x85o"),
    "or": ([("_operator", "or_")], lambda at: b"h\x00" + short(PRIME * at) + b"K\x00\x86R"),
    "UUID of a number": ([UUIDS], lambda at: b"h\x00(NNNN" + short(PRIME * at) + b"tR"),
    "UUID of bytes": ([UUIDS], lambda at: b"h\x00NC\x10" + (PRIME * at).to_bytes(16, "big") + b"\x86R"),
    "UUID of two numbers": ([UUIDS], lambda at: b"h\x00)\x81}" + short("int") + short(at) + b"s" + short("int") + short(PRIME * at) + b"sb"),
    "UUID of a DICT": ([UUIDS], lambda at: b"h\x00)\x81(" + short("int") + short(PRIME * at) + b"db"),
    "UUID of much": ([UUIDS], lambda at: b"h\x00)\x81}(" + short("is_safe") + b"N" + short("int") + short(at) + short("is_safe") + b"N"
                     + short("int") + short(PRIME * at) + b"ub"),
    "UUID of a dict that is changed": ([UUIDS], lambda at: b"}" + short("int") + short(PRIME * at) + b"sq\x090h\x00)\x81h\x09bh\x09"
                                       + short("int") + short(at) + b"s0"),
    "int of escapes": ([INT], lambda at: b"h\x00V" + b"".join(b"\\u00%02x" % digit for digit in b"%d" % (PRIME * at)) + b"\n\x85R"),
    "hexadecimal number": ([], lambda at: b"I0x%x\n" % (PRIME * at)),
    "int of bytes": ([INT], lambda at: b"h\x00" + short("%x" % (PRIME * at)) + b"K\x10\x86R"),
    "complex of a call": ([("builtins", "complex"), FLOAT], lambda at: b"h\x00h\x01" + short(-1000003.0 * at) + b"\x85R" + short(float(at)) + b"\x86R"),
    "complex by names": ([("builtins", "complex")], lambda at: b"h\x00)}(" + short("real") + short(-1000003.0 * at) + short("imag")
                         + short(float(at)) + b"u\x92"),
    "Decimal of a call": ([DECIMAL, INT], lambda at: b"h\x00h\x01" + short(PRIME * at) + b"\x85R\x85R"),
    "Decimal of digits": ([DECIMAL], lambda at: b"h\x00K\x00(" + b"".join(b"K" + bytes([int(each)]) for each in str(PRIME * at))
                          + b"tK\x00\x87\x85R"),
    "range of a call": ([("builtins", "range"), INT], lambda at: b"h\x00h\x01" + short(PRIME * at) + b"\x85R" + short(PRIME * at + 5)
                        + short(9 + PRIME * at) + b"\x87R"),
    "stat_result": ([("os", "stat_result"), ("builtins", "dict")], lambda at: b"h\x00(" + short(PRIME * at) + b"K\x00" * 9 + b"th\x01)R\x86R"),
    "numbers of numpy": (SCALAR, scalar_of("c16", "<", "<dd")), "swapped numbers of numpy": (SCALAR, scalar_of("c16", ">", ">dd")),
    "types of numpy": ([("numpy", "dtype")], lambda at: b"h\x00" + short("M8[%ds]" % at) + b"\x89\x88\x87R"),
    "frozenset of equals": ([], lambda at: b"(" + short(PRIME + at) + short(at) + b"\x91"),
    "frozenset of a text and its bytes": ([], lambda at: b"(" + short(f"a{at}") + b"C" + bytes([len(f"a{at}")]) + f"a{at}".encode() + b"\x91"),
    "frozenset of tuples": ([], lambda at: b"(" + short(at) + b"\x85" + short(at) + b"\x85" + short(PRIME + at) + b"\x85\x91"),
    "frozenset of a Decimal": ([DECIMAL], lambda at: b"(" + short(at) + b"h\x00" + short(str(at)) + b"\x85R" + short(PRIME + at) + b"\x91"),
    "frozenset of a date and its bytes": ([("datetime", "date")], lambda at: b"(h\x00C\x04\x07\xe4\x01\x01\x85RC\x04\x07\xe4\x01\x01\x91"),
}


@pytest.mark.parametrize("kind", MADE_KEYS)
def test_keys_that_calls_make_share_one_hash(kind):
    names, call = MADE_KEYS[kind]
    report = scan(calls_of(names, call))
    assert report.grade == "runs-code" and "share one hash" in str(report), str(report)[:500]


def test_a_number_that_is_changed_when_its_hash_is_known():
    """It is not said to be clean: nobody writes that."""
    change = lambda number: b"}" + short("int") + short(number) + b"sb"  # noqa: E731
    data = in_memo(UUIDS) + b"h\x00)\x81" + change(1) + b"q\x01\x85q\x020}h\x02Ns0h\x01" + change(PRIME) + b"."
    assert scan(data)


def test_what_many_calls_are_given_is_gone_through_so_often():
    """Each call is quick. The time of the scan does not grow with both, and says so."""
    for name in (("builtins", "set"), ("collections", "Counter")):
        data = in_memo(name) + b"(" + b"K\x01" * 20_000 + b"t\x85q\x010" + b"h\x00h\x01R0" * 20_000 + b"N."
        assert _weights.weigh(data).costly is not None, name
    few = b"(" + b"K\x01" * 100 + b"t\x85q\x010"
    assert _weights.weigh(in_memo(("builtins", "set")) + few + b"h\x00h\x01R0" * 20_000 + b"N.") == (None, None, True)


def test_a_call_that_is_in_what_it_was_given():
    """A stream that holds itself is followed to its end, and not without end."""
    for name in (("urllib.parse", "ParseResult"), ("time", "struct_time"), ("builtins", "tuple"), ("builtins", "frozenset")):
        data = in_memo(name) + b"]q\x010h\x00h\x01\x85Rq\x020h\x01h\x02a0}h\x02Ns."
        assert scan(data).grade in ("safe", "unknown"), name
        many = in_memo(name) + b"]q\x010" + b"h\x00h\x01\x85Rq\x020]h\x02aq\x010" * 3000 + b"}h\x02Ns."
        assert scan(many).error is None


def test_what_a_safe_name_does_behind_much_else():
    numbers = b"N0" * 110_000 + named("builtins", "complex") + named("builtins", "range") + HUGE + b"\x85R\x85R"
    assert scan(b"\x80\x04" + numbers + b".").grade == "runs-code"


def test_what_is_too_long_to_be_followed(monkeypatch):
    """Nobody has looked for a heavy key in it."""
    data = pickle.dumps([list(range(1000)), {(1, 2): 3}], 4)
    assert not scan(data)
    monkeypatch.setattr(_weights.weigh, "__defaults__", (1000,))
    assert scan(data).grade == "unknown" and "too long" in str(scan(data))
    monkeypatch.undo()
    monkeypatch.setattr(_scan, "_FOLLOWED", 1000)
    assert scan(data).grade == "unknown" and "too long" in str(scan(data))
    assert scan(b"").grade == "safe" and scan(data[:-1]).grade == "safe"  # there is an error instead


def test_the_weight_of_a_key_is_no_hindrance():
    """Plain data of all opcodes is followed to its end."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for kind in ("None", "bool", "int", "large int", "float", "str", "bytes", "bytearray", "list", "tuple", "dict", "set"):
            data = pickle.dumps([INNOCENT[kind], (1, 2, 3, 4), {(1,): INNOCENT[kind]}, [{}] * 3], protocol)
            assert _weights.weigh(data * 2) == (None, None, True), (kind, protocol)
    assert _weights.weigh(pickle.dumps(pickle.PickleBuffer(b"x"), 5, buffer_callback=lambda buffer: None)).complete


BIG = range(2**40)
POWER = decimal.Decimal("1e999999999")
STATES = {
    "arguments of an exception": lambda: Calls(ValueError, ("x",), {"args": BIG}),
    "a path": lambda: {Calls(pathlib.PurePosixPath, ("a",), (None, {"_cached_cparts": BIG, "_tail_cached": BIG})): 1},
    "an address": lambda: {Calls(ipaddress.IPv4Address, ("1.2.3.4",), (None, {"_ip": POWER})): 1},
    "a network": lambda: {Calls(ipaddress.IPv4Network, ("1.2.3.0/24",), {"network_address": POWER}): 1},
    "a fraction": lambda: {Calls(fractions.Fraction, ("1/2",), (None, {"_numerator": POWER, "_denominator": 3})): 1},
    "a UUID": lambda: {nested(lambda *two: Calls(uuid.UUID, ("0" * 32,), {"int": two}), 2, 40): 1},
    "a generator of numbers": lambda: Calls(random.Random, (), (2, BIG, None)),
    "a cookie's item": lambda: Cookie(),
    "a Morsel's name": lambda: Calls(http.cookies.Morsel, (), {"key": BIG}),
    **{f"a method of {cls.__module__}": lambda cls=cls: Calls(dict, (Calls(cls, (), {"_headers": [(2**40, 0)], "get": bytes}),))
       for cls in (email.message.Message, http.client.HTTPMessage, email.mime.text.MIMEText)},
    "a method of a mail, without dict()": lambda: Calls(email.message.Message, (), {"get": ["x"]}),
    "a method of a record": lambda: Calls(logging.LogRecord, (), {"getMessage": bytes}),
    "what a policy makes mails with": lambda: Calls(email._policybase.Compat32, (), {"message_factory": bytes}),
    "the methods of a mail's policy": lambda: Calls(dict, (Calls(email.message.Message, (), {
        "_headers": [("x", 0)], "policy": Calls(types.SimpleNamespace, (), {"header_fetch_parse": bytes})}),)),
    **{f"keys of {cls.__name__}": lambda cls=cls: Calls(dict, (Calls(cls, (), {"keys": list}),))
       for cls in (types.SimpleNamespace, collections.OrderedDict, ValueError)},
    "keys in pairs": lambda: Calls(collections.OrderedDict, ([Calls(email.message.Message, (), {"_headers": []})],)),
    "arguments under a name that is made": lambda: Calls(ValueError, ("x",), {Calls(str, ("args",)): BIG}),
    **{f"{cls.__name__} with a name that is made": lambda cls=cls: Calls(cls, (), {Calls(str, ("keys",)): 1})
       for cls in (types.SimpleNamespace, collections.OrderedDict)},
}


class Cookie:
    """A cookie of which a text is to be made that is longer than any memory."""

    def __reduce__(self):
        return http.cookies.SimpleCookie, (), None, None, iter([("a", nested(lambda *two: list(two), 2, 40))])


@pytest.mark.parametrize("padding", [0, 2**20])
@pytest.mark.parametrize("kind", STATES)
def test_what_a_state_makes_of_a_value(kind, padding):
    """A state is believed, and used as soon as the object is a key."""
    assert scan(pickle.dumps(["x" * padding, STATES[kind]()], 4)).grade != "safe"


PATTERNS = {"names of characters": (r"\N{BULLET}", 32), "output": ("a+", 128), "no pattern": (range(9), 32),
            "an argument more": ("a", 32, 1), "too many sets": ("[a-\uffff]" * 3000, 34),
            "wide ranges in one set": ("[" + "".join(chr(0x100 + at) + "-\uffff" for at in range(400)) + "]", 34),
            "the same by escapes": ("[" + "".join(rf"\u{0x100 + at:04x}-\uffff" for at in range(400)) + "]", 34),
            "many bytes": (b"[\x60-\xff]" * 20_000, 2), "bytes of a number": (Calls(bytes, (1 << 20,)), 2),
            "bytes of bytes": (Calls(bytes, (b"[\x60-\xff]" * 20_000,)), 2)}


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_pattern_that_is_not_compiled_in_peace(kind):
    assert scan(pickle.dumps(Calls(re._compile, PATTERNS[kind]), 4)).grade == "unknown"


def test_patterns_that_are_stored():
    """Also many of them, and those of bytes, which old protocols store as a call."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        report = scan(pickle.dumps([re.compile(rf"[a-zA-Z0-9_.-]+@[\w\-.]+x{at}", re.I) for at in range(100)]
                                   + [re.compile(b"[a-z]+(%d)" % at) for at in range(100)] + [re.compile(b"")], protocol))
        assert not report, str(report)


def test_an_array_that_has_not_as_many_objects_as_it_says():
    """Where numpy reads them it crashes."""
    numpy = pytest.importorskip("numpy")
    made, arguments, state = numpy.array([1, None], object).__reduce__()
    for shape in ((3,), (2, 2), (2**40,)):
        assert scan(pickle.dumps(Calls(made, arguments, (state[0], shape, *state[2:])), 4)).grade == "unknown"


@pytest.mark.parametrize("name, key", [("MT19937", "pos"), ("Philox", "buffer_pos")])
def test_a_generator_that_is_outside_of_its_numbers(name, key):
    """It crashes when it is asked for one."""
    numpy = pytest.importorskip("numpy")
    generator = getattr(numpy.random, name)(1)
    made, arguments, state = generator.__reduce__()
    assert scan(pickle.dumps(Calls(made, arguments, state), 4)).grade == "safe"
    state = {**state, "state": {**state["state"]}}
    (state["state"] if key == "pos" else state)[key] = 2**31 - 1
    assert scan(pickle.dumps(Calls(made, arguments, state), 4)).grade == "unknown"


@pytest.mark.parametrize("kind", ["a key", "a dict", "a text"])
def test_a_generator_whose_state_is_made_by_calls(kind):
    """Its place outside of its numbers would not be seen."""
    numpy = pytest.importorskip("numpy")
    made, arguments, state = numpy.random.MT19937(1).__reduce__()
    inner = dict(state["state"], pos=2**31 - 1)
    place = inner.pop("pos")
    states = {"a key": {**state, "state": {**inner, Calls(str, ("pos",)): place}},
              "a dict": {**state, "state": collections.OrderedDict(inner, pos=place)},
              "a text": (Calls(str, ("MT19937",)), inner["key"], place, 0, 0.0)}
    assert scan(pickle.dumps(Calls(made, arguments, states[kind]), 4)).grade == "unknown"


def test_a_model_and_a_frame_with_names_that_are_made(monkeypatch):
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module"))
    for name in ("sklearn.svm._classes SVC", "pandas.core.series Series"):
        made, key = named(*name.split()) + b")\x81}", text("x")
        assert scan(b"\x80\x04" + made + key + b"K\x01sb.").grade == "safe"
        assert scan(b"\x80\x04" + made + named("builtins", "str") + key + b"\x85RK\x01sb.").grade == "unknown"


@pytest.mark.parametrize("name", ["sklearn.svm._base np.ctypeslib.ctypes.CDLL", "sklearn.pipeline joblib.Parallel",
                                  "pandas.core.frame DataFrame.Index", "pandas.core arrays.x.subprocess.DataFrame"])
def test_what_a_module_of_models_has_imported(name, monkeypatch):
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module"))
    assert scan(b"\x80\x04" + text(name.split()[0]) + text(name.split()[1]) + b"\x93)R.").grade != "safe"


def test_a_class_that_a_module_of_models_has_imported(monkeypatch):
    for own, grade in ((True, "safe"), (None, "safe"), (False, "unknown")):
        monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module", "", "class", own))
        assert scan(b"\x80\x04" + named("sklearn.pipeline", "Parallel") + b")R.").grade == grade


def test_a_seed_of_many_digits():
    numpy = pytest.importorskip("numpy")
    report = scan(pickle.dumps(Calls(numpy.random.bit_generator.SeedSequence, (2**8_000_000,)), 4))
    assert [found.kind for found in report.findings] == ["exhausts"]


ATTACKS = {
    "getattr of a class": lambda: Calls(getattr, (int, "__subclasses__")),
    "getattr of a class's method": lambda: Calls(getattr, (http.HTTPStatus, "mro")),
    "getattr of a dunder": lambda: Calls(getattr, (http.HTTPStatus, "__init__")),
    "getattr itself": lambda: [getattr], "getattr as a factory": lambda: collections.defaultdict(getattr),
    "an enum's member is changed": lambda: Calls(http.HTTPStatus, (200,), {"phrase": "gone"}),
    "an operator of dicts": lambda: Calls(operator.or_, ({}, {})),
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_attacks(kind):
    report = scan(pickle.dumps(ATTACKS[kind](), 4))
    assert report.grade != "safe" and "allow" not in str(report)


def named(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def text(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


NAMESPACE = named("types", "SimpleNamespace") + b")R"
ATTRIBUTE = b"}%s" + named("builtins", "bytes") + b"sb"  # a state with an attribute that is called later
HUGE = b"\x8a\x06" + (2**40).to_bytes(6, "little")
KEY = b")" + b"".join(b"\x940h" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(40))
FREE = {
    "append": NAMESPACE + ATTRIBUTE % text("append") + HUGE + b"a",
    "extend": NAMESPACE + ATTRIBUTE % text("extend") + b"(" + HUGE + b"e",
    "add": NAMESPACE + ATTRIBUTE % text("add") + b"(" + HUGE + b"\x90",
    "a second state": NAMESPACE + ATTRIBUTE % text("__setstate__") + HUGE + b"b",
    "of an exception": named("builtins", "ValueError") + b")R" + ATTRIBUTE % text("__setstate__") + HUGE + b"b",
    "of a container": named("collections", "OrderedDict") + b")R" + ATTRIBUTE % text("append") + HUGE + b"a",
    "by the memo": NAMESPACE + b"\x94" + ATTRIBUTE % text("append") + b"0h\x00" + HUGE + b"a",
    "by slots": NAMESPACE + b"N" + ATTRIBUTE[:-1] % text("append") + b"\x86b" + HUGE + b"a",
    "from a mapping": named("types", "SimpleNamespace") + ATTRIBUTE[:-1] % text("__setstate__") + b"\x85R" + HUGE + b"b",
    "a base that is made": named("copyreg", "_reconstructor") + named("builtins", "complex") + NAMESPACE
    + ATTRIBUTE % text("__new__") + HUGE + b"\x87R",
    "bytes of a number that is made": named("builtins", "bytes") + named("builtins", "int") + text("1" * 12) + b"\x85R\x85R",
    "a base with a rule": named("copyreg", "_reconstructor") + named("builtins", "object") + named("builtins", "bytes")
    + HUGE + b"\x87R",
    **{f"a heavy key of {name}": KEY + named(*name.split()) + b"]h\x27a\x85R"
       for name in ("builtins set", "builtins frozenset", "collections Counter", "builtins dict")},
    "a heavy member": KEY + named("http", "HTTPStatus") + b"h\x27\x85R",
}


@pytest.mark.parametrize("kind", FREE)
def test_what_is_harmless_by_itself_and_not_together(kind):
    """Attributes of a harmless object that other opcodes call; arguments that other calls have made."""
    report = scan(b"\x80\x04" + FREE[kind] + b".")
    assert report.grade in ("unknown", "runs-code") and "allow" not in str(report), str(report)


@pytest.mark.parametrize("state", [
    (3, "|", None, ("a", "b"), {"a": 1}, 16, 8, 16), (3, "|", None, ("a",), {"a": (2**40, 8)}, 8, 8, 16), (3, "<", None, None, None, 2**30, 1, 0), (3, "|", None, None, None, 8, 8, 63),
    (3, "<", (1, 2), None, None, -1, -1, 0), "x", (3,)])
def test_a_dtype_with_a_state_that_numpy_believes(state):
    numpy = pytest.importorskip("numpy")
    assert scan(pickle.dumps(Calls(numpy.dtype, ("f8", False, True), state), 4)).grade == "unknown"


def raw_type(size, at):
    """A type of raw bytes, kept in the memo under a number."""
    return named("numpy", "dtype") + text(f"V{size}") + b"\x89\x88\x87Rr" + struct.pack("<I", at)


def state_of(size, of=b"N", names=b"N", fields=b"N", order="|"):
    return b"(K\x03" + text(order) + of + names + fields + b"J" + struct.pack("<i", size) + b"K\x01K\x00tb"


def kept(at):
    return b"j" + struct.pack("<I", at)


def with_field(at, size=8, order="|"):
    """A state with a field of what is kept under a number; the dict of fields is kept under 99,999."""
    fields = b"}r" + struct.pack("<I", 99_999) + text("x") + kept(at) + b"K\x00\x86s"
    return state_of(size, names=text("x") + b"\x85", fields=fields, order=order)


def with_shape(at, size=8):
    return state_of(size, of=kept(at) + b"K\x01\x85\x86")


AS_KEY = b"0}" + kept(0) + b"Ns"
TWO = raw_type(8, 0) + b"0" + raw_type(8, 1)
ARRAY = (named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R(K\x01K\x01\x85"
         + kept(0) + b"\x89C\x08" + bytes(8) + b"tb")
CYCLES = {
    "a field of itself": raw_type(8, 0) + with_field(0) + AS_KEY,
    "several of itself": raw_type(8, 0) + with_shape(0) + AS_KEY,
    "the type of an array": raw_type(8, 0) + with_field(0, order=">") + b"0" + ARRAY,
    "two that are fields of each other": TWO + with_field(0) + b"0" + kept(0) + with_field(1) + AS_KEY,
    "a field and several": TWO + with_shape(0) + b"0" + kept(0) + with_field(1) + AS_KEY,
    "several and a field": TWO + with_field(0) + b"0" + kept(0) + with_shape(1) + AS_KEY,
    "three": TWO + with_field(0) + b"0" + raw_type(8, 2) + with_field(1) + b"0" + kept(0) + with_field(2) + AS_KEY,
    "by its fields, later": TWO + with_field(0) + b"0" + kept(99_999) + text("x") + kept(1) + b"K\x00\x86s" + AS_KEY,
    "outside of its memory, later": TWO + with_field(0) + b"0" + kept(99_999) + text("x") + kept(0) + b"J\0\0\0\x40\x86s"
    + AS_KEY,
    "by several fields, later": TWO + with_field(0) + b"0" + kept(99_999) + b"(" + text("x") + kept(1) + b"K\x00\x86u" + AS_KEY,
    "no field, and later one": raw_type(8, 0) + state_of(8, names=b")", fields=b"}r" + struct.pack("<I", 99_999)) + b"0"
    + kept(99_999) + text("x") + kept(0) + b"K\x00\x86s" + AS_KEY,
}


@pytest.mark.parametrize("kind", CYCLES)
def test_a_dtype_that_contains_itself(kind):
    """To load it, or to find its hash, goes through it until the stack ends: the process ends."""
    pytest.importorskip("numpy")
    report = scan(b"\x80\x04" + CYCLES[kind] + b".")
    assert report.grade in ("unknown", "runs-code") and "numpy.dtype" in {
        f"{found.module}.{found.name}" for found in report.findings}, str(report)


def nested_types(levels):
    return raw_type(8, 0) + b"".join(b"0" + raw_type(8, at) + with_field(at - 1) for at in range(1, levels + 1)) + b"."


@pytest.mark.parametrize("levels, kinds", [(20, set()), (50, set()), (51, {"exhausts"}), (3000, {"exhausts"})])
def test_how_deep_dtypes_may_be_nested(levels, kinds):
    pytest.importorskip("numpy")
    assert {found.kind for found in scan(b"\x80\x04" + nested_types(levels)).findings} == kinds


def test_a_dtype_that_is_shared():
    """A pickler writes a type's state before it is a part of others, however often it is one."""
    numpy = pytest.importorskip("numpy")
    inner = numpy.dtype([("a", "i4"), ("b", "f8", (2,))])
    outer = numpy.dtype([("x", inner), ("y", inner, 3), ("z", [("w", inner)])])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps([inner, outer, numpy.zeros(2, outer), numpy.zeros(1, inner), {outer: inner}], protocol)
        assert not scan(data), protocol


@pytest.mark.parametrize("times, grade", [(1, "safe"), (5000, "unknown")])
def test_one_state_of_many_fields_is_not_looked_through_over_and_over(times, grade):
    pytest.importorskip("numpy")
    names = [b"V%d\n" % at for at in range(3000)]
    fields = b"}(" + b"".join(name + kept(0) + b"K\x00\x86" for name in names) + b"u"
    state = state_of(8, names=b"(" + b"".join(names) + b"t", fields=fields)[:-1] + b"r" + struct.pack("<I", 9)
    types_ = b"".join(raw_type(8, at) + kept(9) + b"b0" for at in range(10, 10 + times))
    before = time.process_time()
    report = scan(b"\x80\x04" + raw_type(8, 0) + b"0" + state + b"0" + types_ + b"N.")
    assert report.grade == grade, str(report)
    assert time.process_time() - before < 20


NESTED = b")" + b"".join(b"\x940h" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(40))
UNASKED = {
    "the name of a dtype": named("numpy", "dtype") + NESTED + b"\x85R", "what is called": NESTED + b")R",
    "what is made by that": NESTED + b")R)b", "a base of a header": named("email.headerregistry", "_reconstruct_header")
    + text("a") + NESTED + b"\x85" + text("b") + b"\x87R",
    "a translator": named("django.utils.functional", "_lazy_proxy_unpickle") + b"(" + NESTED + b"(t}" + named("builtins", "str") + b"tR",
}


@pytest.mark.parametrize("kind", UNASKED)
def test_values_that_are_nested_are_not_asked_for_a_hash_or_a_text(kind, environment):
    """That of what holds itself many times over takes without end, in the scan itself."""
    data = named("builtins", "list") + b"0" + UNASKED[kind] + b"."
    program = ("import resource, sys; from brine.pickle import scan; resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"
               "scan(sys.stdin.buffer.read())")
    done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, timeout=200, env=environment)
    assert done.returncode == 0, done


def test_a_name_is_looked_up_once(monkeypatch):
    """A module that is not loaded is looked for on the disk, which many objects of one class would ask for."""
    asked = []
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: asked.append(name) or Found("", "module"))
    one = named("no_such_module", "Cart") + b")R}b0"
    assert scan(named("builtins", "list") + b"0" + one * 500 + b"N.").grade == "missing"
    assert asked.count("Cart") < 5


class Record:
    """A type of records, and the state that it is given."""

    def __init__(self, given):
        self.given = given

    def __reduce__(self):
        numpy = pytest.importorskip("numpy")
        return (numpy.dtype, (numpy.record, False, True)) + ((self.given,) if self.given else ())


@pytest.mark.parametrize("given", [
    (3, "|", None, None, None, 12, 1, 16), (3, "|", None, ("a",), {"a": (None, 0)}, 12, 1, 16),
    (3, "|", None, ("a",), "one that is too large", 4, 1, 16), (3, "|", None, ("a",), "one", 2**40, 1, 16)])
def test_a_type_of_records_with_a_state_that_numpy_believes(given):
    numpy = pytest.importorskip("numpy")
    field = {"one": {"a": (numpy.dtype("f8"), 0)}, "one that is too large": {"a": (numpy.dtype("f8"), 0)}}
    given = tuple(field.get(each, each) if type(each) is str else each for each in given)
    assert scan(pickle.dumps(Record(given), 4)).grade == "unknown"


def test_a_type_of_records_that_has_its_size_too_late():
    """The array would then lie outside of its memory."""
    numpy = pytest.importorskip("numpy")
    state = (3, "|", None, ("a",), {"a": (numpy.dtype("f8"), 0)}, 8, 1, 16)
    made, arguments, _ = numpy.zeros(0).__reduce__()
    late = Record(None)
    stream = pickle.dumps([Calls(made, arguments, (1, (5,), late, False, b"")), late, state], 2)
    assert scan(stream).grade == "safe"
    # The list is taken apart: the state is given to the type, which the array has already.
    built = stream[:stream.rindex(b"e.")] + b"b0."
    report = scan(built)
    assert "used already" in str(report) and report.grade == "unknown", str(report)


def test_a_type_of_records_whose_arguments_are_shared():
    """Another type of the same arguments does not make the first one unused again."""
    numpy = pytest.importorskip("numpy")
    state = (3, "|", None, ("a",), {"a": (numpy.dtype("f8"), 0)}, 8, 1, 16)
    made, _, _ = numpy.zeros(0).__reduce__()
    arguments = (numpy.record, False, True)
    late = Calls(numpy.dtype, arguments)
    array = Calls(made, (numpy.ndarray, (0,), b"b"), (1, (100_000,), late, False, b""))
    stream = pickle.dumps([arguments, array, Calls(numpy.dtype, arguments), late, state], 2)
    report = scan(stream[:stream.rindex(b"e.")] + b"b0.")
    assert "used already" in str(report) and report.grade == "unknown", str(report)


KEEPERS = {"more than its data": (collections.UserDict, {"data": {}, "append": 1}), "other data": (collections.UserList, {"data": {}}),
           "no data": (collections.UserList, {"x": "y"}), "a map that is none": (collections.ChainMap, {"maps": [{}, 1]})}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", KEEPERS)
def test_a_keeper_of_something_else(kind, protocol):
    cls, state = KEEPERS[kind]
    keeper = cls.__new__(cls)
    keeper.__dict__.update(state)
    assert scan(pickle.dumps(keeper, protocol)).grade == "unknown"


@pytest.mark.parametrize("arguments", [("X", (), {}), (1,), (int,), (None, None)])
def test_a_type_that_is_made(arguments):
    assert scan(pickle.dumps(Calls(type, arguments), 4)).grade == "runs-code"


@pytest.mark.parametrize("change", [{1: (0,), 2: "U300000000"}, {2: "U9", 6: "x"}, {2: "S9", 6: 10**5000}, {2: "V9"}, {6: "x"},
                                    {6: [1]}, {5: 1}], ids=["claim", "texts", "digits", "bytes", "text", "list", "no mask"])
def test_a_mask_that_numpy_does_not_write(change):
    numpy = pytest.importorskip("numpy")
    function, arguments, state = numpy.ma.array([1, 2], mask=[0, 1]).__reduce__()
    assert scan(pickle.dumps(Calls(function, arguments, state), 4)).grade == "safe"
    changed = [numpy.dtype(change[at]) if at == 2 and at in change else change.get(at, each) for at, each in enumerate(state)]
    assert scan(pickle.dumps(Calls(function, arguments, tuple(changed)), 4)).grade == "unknown"


# --- what takes memory or time without end by a detour --------------------------------------------------

NEW = named("copyreg", "__newobj__")
RANGE = named("builtins", "range")
NETWORK = named("ipaddress", "IPv4Network")
SLOW = named("decimal", "Decimal") + text("1e999999999") + b"\x85R"
CHAIN = named("collections", "ChainMap") + b")\x81}" + text("maps") + b"]\x94sbh\x00" + RANGE + HUGE + b"\x85Ra0"
OBJECTS = (named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray") + b"K\x00\x85" + text("b") + b"\x87R(K\x01)"
           + named("numpy", "dtype") + text("O8") + b"\x89\x88\x87R\x89]" + SLOW + b"atb")
DAY = named("pandas._libs.tslibs.offsets", "Day")
DETOURS = {
    "ChainMap": named("builtins", "list") + CHAIN + b"\x85R",
    **{f"{kind} by copyreg, for {holder}": named(*holder.split()) + made + b"\x85R"
       for holder in ("builtins list", "collections deque", "builtins bytearray", "builtins set")
       for kind, made in {"range": NEW + RANGE + HUGE + b"\x86R", "network": NEW + NETWORK + text("0.0.0.0/0") + b"\x86R",
                          "range by its base": named("copyreg", "_reconstructor") + RANGE * 2 + HUGE + b"\x87R",
                          "range by NEWOBJ_EX": RANGE + HUGE + b"\x85}\x92", "range by NEWOBJ": RANGE + HUGE + b"\x85\x81",
                          "range by OBJ": b"(" + RANGE + HUGE + b"o"}.items()},
    "a moment": DAY + SLOW + b"\x85R", "a moment of a list": DAY + b"]" + SLOW + b"a\x85R",
    "a difference": named("pandas._libs.tslibs.timedeltas", "_timedelta_unpickle") + SLOW + b"K\x0a\x86R",
    "Decimal by copyreg": DAY + NEW + named("decimal", "Decimal") + text("1e999999999") + b"\x86R\x85R",
    "a Fraction": DAY + named("fractions", "Fraction") + text("1/3") + b"\x85R\x85R", "an array": DAY + OBJECTS + b"\x85R",
    "a state": DAY + b")R}" + text("n") + SLOW + b"sb", "a state of random numbers": named(
        "numpy.random._pickle", "__randomstate_ctor") + text("MT19937") + b"\x85R}" + text("has_gauss") + SLOW + b"sb",
    "a number of dimensions": named("pandas._libs.internals", "_unpickle_block") + OBJECTS + b")" + SLOW + b"\x87R",
    "an index": named("pandas.core.indexes.base", "_new_Index") + named("pandas.core.indexes.base", "Index")
    + b"}(" + text("data") + OBJECTS + text("dtype") + text("int64") + b"u\x86R",
    "nothing": OBJECTS.replace(text("O8"), text("V0")).replace(b"K\x01)", b"K\x01" + HUGE + b"\x85").replace(b"]" + SLOW + b"a", b"C\0"),
}


@pytest.mark.parametrize("kind", DETOURS)
def test_detours(kind, monkeypatch):
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module"))
    report = scan(b"\x80\x04" + DETOURS[kind] + b".")
    assert report.error is None and report.grade == "runs-code", str(report)
    assert "exhausts" in {found.kind for found in report.globals}, str(report)


FILLED = {"an int": b"K\x01", "numbers": OBJECTS.replace(text("O8"), text("i8")).replace(b"]" + SLOW + b"a", b"C\x08" + bytes(8)),
          "objects": OBJECTS, "nothing yet": OBJECTS[:OBJECTS.index(b"(")]}


@pytest.mark.parametrize("kind", FILLED)
def test_what_fills_a_mask(kind):
    """numpy makes a number of it."""
    pytest.importorskip("numpy")
    stream = (named("numpy.ma.core", "_mareconstruct") + b"(" + named("numpy.ma.core", "MaskedArray") + named("numpy", "ndarray")
              + b"K\x00\x85" + text("b") + b"tR(K\x01K\x01\x85" + named("numpy", "dtype") + text("i8") + b"\x89\x88\x87R\x89C\x08"
              + bytes(8) + b"C\x01\x00" + FILLED[kind] + b"tb")
    report = scan(b"\x80\x04" + stream + b".")
    assert report.error is None and (report.grade == "safe") == (kind in ("an int", "numbers")), str(report)


def test_items_are_set_in_dicts_alone(monkeypatch):
    """An array makes a number of what is set in it."""
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module"))
    numbers = FILLED["numbers"]
    assert scan(b"\x80\x04" + numbers + b".").grade == "safe"
    assert scan(b"\x80\x04" + numbers + b"K\x00" + SLOW + b"s.").grade == "unknown"
    assert scan(b"\x80\x04" + named("collections", "OrderedDict") + b")RK\x00" + SLOW + b"s.").grade == "safe"


def test_a_frame_and_an_index_of_decimals_are_no_attack(monkeypatch):
    monkeypatch.setattr(_scan.Lookup, "__call__", lambda self, module, name: Found("a module"))
    block = named("pandas._libs.internals", "_unpickle_block") + OBJECTS + b")K\x02\x87R"
    index = (named("pandas.core.indexes.base", "_new_Index") + named("pandas.core.indexes.base", "Index") + b"}("
             + text("data") + OBJECTS + text("name") + b"Nu\x86R")
    report = scan(b"\x80\x04" + block + index + b"\x86.")
    assert not report, str(report)


@pytest.mark.parametrize("name", ["IPv4Address", "IPv6Network"])
def test_an_address_of_no_text(name):
    """It would make a text of lists that hold each other many times over."""
    assert scan(b"\x80\x04" + named("ipaddress", name) + b"]\x85R.").grade == "unknown"
