"""Objects of the standard library, each picklable or not: none of them is a hazard."""

import argparse
import array
import ast
import asyncio
import builtins
import calendar
import codecs
import collections
import concurrent.futures
import configparser
import contextlib
import copy
import csv
import ctypes
import datetime
import decimal
import difflib
import email.message
import email.mime.text
import email.policy
import enum
import fractions
import functools
import hashlib
import heapq
import html.parser
import http
import http.client
import http.cookiejar
import http.cookies
import inspect
import io
import ipaddress
import itertools
import json
import locale
import logging
import logging.handlers
import math
import multiprocessing.shared_memory
import numbers
import operator
import os
import pathlib
import platform
import queue
import random
import re
import sched
import secrets
import shlex
import signal
import socket
import sqlite3
import ssl
import statistics
import string
import struct
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
import traceback
import types
import typing
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request
import uuid
import warnings
import weakref
import wsgiref.headers
import xml.dom.minidom
import xml.etree.ElementTree
import xmlrpc.client
import zipfile
import zoneinfo


def instances():
    """Name -> an object."""
    return {f"{at}-{type(obj).__module__}.{type(obj).__qualname__}": obj
            for at, obj in enumerate([*values(), *times(), *texts(), *callables(), *errors(), *net(), *others()])}


def values():
    deque = collections.deque([1, [2]], maxlen=5)
    counter = collections.Counter("abca")
    chain = collections.ChainMap({"a": 1}, {"b": 2})
    ordered = collections.OrderedDict(a=1, b=[2])
    ordered.extra = 1
    default = collections.defaultdict(list, a=[1])
    randomness = random.Random(3)
    bits = decimal.Context(prec=5)
    return [
        None, True, 0, -1, 255, 256, 65536, 2**31, -(2**31), 2**63, 2**2000, -(2**2000), 1.5, float("inf"),
        float("nan"), 1j, "", "text", "é€\U0001f600", "\ud800", "a\nb\\", "x" * 300, "y" * 70_000, b"", b"bytes",
        b"\0\xff" * 200, b"z" * 70_000, bytearray(), bytearray(b"array"), bytearray(70_000), (), (1,), (1, 2),
        (1, 2, 3), (1, 2, 3, 4), [], [1] * 2000, {}, {n: str(n) for n in range(2000)}, set(), {1, 2}, frozenset(),
        frozenset([1, (2,)]), set(range(2000)), ..., NotImplemented, range(5), range(1, 10, 2), slice(1, None, 2),
        type(None), type(...), type(NotImplemented), deque, counter, chain, ordered, default,
        collections.defaultdict(functools.partial(list, [1])), collections.UserDict(a=1), collections.UserList([1]),
        collections.UserString("s"), array.array("i", [1, 2]), array.array("d", [1.0]), array.array("b"),
        decimal.Decimal("1.50"), decimal.Decimal("NaN"), bits, decimal.ROUND_UP, fractions.Fraction(1, 3), randomness,
        random.SystemRandom(), statistics.NormalDist(1, 2), memoryview(b"m"), iter([1, 2]), iter((1,)),
        iter({1: 2}), iter({1}), iter("s"), iter(range(3)), reversed([1, 2]), enumerate([1]), zip([1], [2]),
        map(str, [1]), filter(None, [1]), {}.keys(), {1: 2}.values(), {1: 2}.items(), itertools.count(3),
        itertools.cycle([1]), itertools.repeat(1, 2), itertools.chain([1], [2]), itertools.islice([1, 2], 1),
        itertools.product([1], [2]), itertools.permutations([1, 2]), itertools.accumulate([1, 2]),
        types.SimpleNamespace(a=1, b=types.SimpleNamespace()), types.MappingProxyType({"a": 1}),
        numbers.Number, math.pi, sys.flags, sys.version_info, sys.float_info, os.stat("/"), os.times(), os.uname(),
        os.terminal_size((1, 2)), platform.uname(), ctypes.c_int(3), (ctypes.c_int * 3)(1, 2, 3), struct.Struct("i"),
    ]


def times():
    zone = datetime.timezone(datetime.timedelta(hours=2), "X")
    now = datetime.datetime(2024, 5, 6, 7, 8, 9, 10)
    return [
        now, now.replace(tzinfo=datetime.timezone.utc), now.replace(tzinfo=zone), now.replace(fold=1), now.date(),
        now.time(), now.time().replace(tzinfo=zone), datetime.timedelta(1, 2, 3), zone, datetime.timezone.utc,
        zoneinfo.ZoneInfo("Europe/Berlin"), zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo.no_cache("Asia/Tokyo"),
        now.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), time.gmtime(0), time.localtime(0),
        calendar.TextCalendar(), calendar.HTMLCalendar(), uuid.UUID(int=5), uuid.uuid1(), uuid.SafeUUID.safe,
        datetime.datetime.now, datetime.date.max,
    ]


def texts():
    message = email.message.Message()
    message["Subject"] = "x"
    mime = email.mime.text.MIMEText("text")
    modern = email.message.EmailMessage(policy=email.policy.SMTP)
    modern["To"] = "a@example.org"
    modern.set_content("body")
    cookie = http.cookies.SimpleCookie("a=1; b=2")
    cookie["a"]["path"] = "/"
    document = xml.dom.minidom.parseString("<a b='1'><c>t</c></a>")
    element = xml.etree.ElementTree.fromstring("<a b='1'><c>t</c></a>")
    parser = configparser.ConfigParser()
    parser.read_string("[a]\nb=1")
    return [
        re.compile("a(b)", re.I), re.compile(b"x"), re.I, re.match("a", "a"), string.Template("$a"),
        string.Formatter(), textwrap.TextWrapper(), message, mime, modern, email.policy.default, modern["To"], cookie,
        cookie["a"], document, document.documentElement, element, xml.etree.ElementTree.ElementTree(element), parser,
        parser["a"], json.JSONEncoder(), json.JSONDecoder(), csv.excel(), csv.excel, csv.unix_dialect,
        csv.Sniffer(), difflib.SequenceMatcher(None, "a", "b"), html.parser.HTMLParser(), shlex.shlex("a b"),
        ast.parse("x = 1"), ast.Constant(1), ast.Load(), io.StringIO("text"), io.BytesIO(b"bytes"),
        io.TextIOWrapper(io.BytesIO()), codecs.lookup("utf-8"), codecs.getincrementaldecoder("utf-8")(),
        argparse.Namespace(a=1), argparse.ArgumentParser, inspect.signature(copy.copy),
        inspect.Parameter("a", inspect.Parameter.KEYWORD_ONLY), inspect.Parameter.empty, locale.localeconv(),
        traceback.FrameSummary("f", 1, "n"), tarfile.TarInfo("t"), zipfile.ZipInfo("z"),
    ]


def callables():
    text = "text"
    return [
        len, print, max, open, isinstance, sorted, getattr, __import__, int, str, list, dict, type, object, Exception,
        operator.itemgetter(1), operator.itemgetter(1, "b"), operator.attrgetter("a.b"), operator.attrgetter("a", "c"),
        operator.methodcaller("m", 1), operator.methodcaller("m", 1, k=2), operator.add,
        functools.partial(int, base=2), functools.partial(functools.partial, print, 1), functools.reduce,
        functools.partialmethod(len), functools.cmp_to_key(cmp), functools.cached_property(len), math.sin,
        math.factorial, "".join, text.upper, [].append, {}.get, dict.fromkeys, str.upper, list.append, int.from_bytes,
        bytes.fromhex, object.__init__, int.__add__, (1).__add__, str.maketrans, float.fromhex, os.path.join,
        os.getcwd, json.dumps, json.JSONEncoder().encode, random.random, random.Random().random, time.time,
        datetime.datetime.strptime, datetime.datetime(2020, 1, 1).isoformat, collections.OrderedDict.fromkeys,
        collections.abc.Mapping, collections.abc.Callable, typing.Any, typing.Optional[int], typing.List[int],
        typing.Dict[str, typing.Any], typing.Callable[[int], str], typing.Literal["a"], typing.Union[int, str],
        typing.Tuple[int, ...], typing.ClassVar[int], typing.Annotated[int, "x"], list[int], dict[str, int],
        collections.deque[int], collections.abc.Callable[[int], str], int | None, typing.AnyStr, typing.Text,
        typing.NewType("UserId", int), typing.get_type_hints, copy.deepcopy, heapq.heappush, hashlib.sha256,
        secrets.token_hex, itertools.chain.from_iterable, threading.Thread.run, contextlib.suppress(ValueError),
        contextlib.nullcontext(1), contextlib.ExitStack, warnings.warn, enum.auto, builtins.__build_class__,
        staticmethod(len), classmethod(len), property(len), asyncio.run, asyncio.sleep, abs.__call__,
    ]


def cmp(left, right):
    """For functools.cmp_to_key."""
    return (left > right) - (left < right)


def errors():
    made = []
    for value in vars(builtins).values():
        if isinstance(value, type) and issubclass(value, BaseException):
            made.append(value)
            for arguments in ((), ("text",), (1, "text"), (2, "no", "file", None, "other")):
                try:
                    made.append(value(*arguments))
                    break
                except TypeError:
                    continue
    made += [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), UnicodeEncodeError("ascii", "é", 0, 1, "bad")]
    made += [OSError(2, "x", "file"), FileNotFoundError(2, "x"), ImportError("x", name="n", path="p"),
             KeyError(("a", 1)), StopIteration(5), SystemExit(3), BlockingIOError(1, "x", 5)]
    made += [json.JSONDecodeError("m", "doc", 1), decimal.InvalidOperation("x"), queue.Empty(), socket.timeout("x"),
             subprocess.CalledProcessError(1, ["a"], b"out"), subprocess.TimeoutExpired("a", 3), ssl.SSLError(1, "x"),
             sqlite3.OperationalError("x"), configparser.NoSectionError("s"), urllib.error.URLError("r"),
             asyncio.TimeoutError(), asyncio.CancelledError(), concurrent.futures.CancelledError(), re.error("m"),
             xmlrpc.client.Fault(1, "x"), http.client.IncompleteRead(b"x"), zipfile.BadZipFile("x"),
             argparse.ArgumentError(None, "x"), struct.error("x"), copy.Error("x"), binascii_error()]
    for error in (ValueError("caused"), KeyError("k")):
        try:
            raise error from TypeError("cause")
        except Exception as caught:
            made.append(caught)
    return made


def binascii_error():
    import binascii
    return binascii.Error("x")


def net():
    record = logging.LogRecord("n", logging.INFO, "path", 1, "m %s", ("a",), None)
    headers = http.client.HTTPMessage()
    headers["A"] = "b"
    return [
        ipaddress.ip_address("1.2.3.4"), ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_interface("10.0.0.1/8"), urllib.parse.urlparse("http://a/b?c#d"), urllib.parse.urlsplit("//a"),
        urllib.parse.urldefrag("a#b"), urllib.parse.urlparse(b"http://a"), urllib.request.Request("http://a/"),
        http.HTTPStatus.OK, headers, http.cookiejar.CookieJar(), wsgiref.headers.Headers([("a", "b")]), record,
        logging.getLogger("a.b"), logging.getLogger(), logging.Formatter("%(message)s"), logging.Filter("x"),
        logging.LoggerAdapter(logging.getLogger("x"), {}), logging.handlers.QueueHandler(None), socket.AF_INET,
        socket.SocketKind.SOCK_STREAM, socket.socket, signal.SIGTERM, signal.SIG_DFL, ssl.TLSVersion.TLSv1_2,
        ssl.PROTOCOL_TLS, xmlrpc.client.DateTime("20200101T00:00:00"), xmlrpc.client.Binary(b"x"),
        pathlib.Path("/a/b"), pathlib.PurePath("a"), pathlib.PureWindowsPath("c:/a"), pathlib.PurePosixPath("/"),
        pathlib.Path("/"), subprocess.CompletedProcess(["a"], 0), tempfile.gettempdir(),
    ]


def others():
    simple_queue = queue.SimpleQueue()
    return [
        queue.Queue(), queue.PriorityQueue(), simple_queue, threading.Lock(), threading.RLock(), threading.Event(),
        threading.local(), threading.current_thread(), sys, os, types, weakref.ref(types), weakref.WeakSet(),
        (number for number in (1,)), compile("1", "f", "eval"), sys._getframe(), hashlib.sha256(b"x"),
        hashlib.new("md5"), sqlite3.connect(":memory:"), sched.scheduler(), unittest.mock.sentinel.x,
        unittest.TestCase("run"), asyncio.Future, contextlib.ExitStack(),
        multiprocessing.shared_memory.SharedMemory, multiprocessing.shared_memory.ShareableList,
        concurrent.futures.ThreadPoolExecutor, types.FunctionType, types.ModuleType, types.GenericAlias,
        copy.copy, sqlite3.Row, memoryview, object(), type("Metaless", (), {"__module__": "builtins"}).__mro__[1:],
    ]
