"""Pickles by way of other modules.

Branches: `by=` one of USERS, with `what=` value or item; `clean` pickles one of many classes of libraries.
"""

import array
import asyncio
import collections
import concurrent.futures
import copy
import copyreg
import dataclasses
import datetime
import decimal
import email.message
import enum
import fractions
import functools
import http.cookies
import io
import ipaddress
import itertools
import json
import logging.handlers
import multiprocessing.queues
import multiprocessing.reduction
import operator
import os
import pathlib
import pickle
import queue
import random
import re
import shelve
import ssl
import string
import sys
import tempfile
import time
import types
import typing
import unittest.mock
import urllib.parse
import uuid
import xml.dom.minidom
import xml.etree.ElementTree
import zoneinfo

import cloudpickle
import flask
import joblib
import markupsafe
import numpy
import ordinary
import sqlalchemy
import werkzeug.datastructures
from attempts import tells, watch
from sqlalchemy.orm import declarative_base


class Item:
    def __init__(self, number=1):
        self.number = number


class Registered:
    """Is pickled as copyreg says."""


copyreg.pickle(Registered, lambda registered: (dict, ()))
FOLDER = tempfile.mkdtemp()


def by_shelve(value):
    with shelve.open(os.path.join(FOLDER, "shelf")) as shelf:
        shelf["key"] = value
        return shelf["key"]


def by_forking_pickler(value):
    return pickle.loads(multiprocessing.reduction.ForkingPickler.dumps(value))


def by_joblib(value):
    path = os.path.join(FOLDER, "joblib")
    joblib.dump(value, path)
    return joblib.load(path)


def by_socket_handler(value):
    """logging.handlers pickles a record's __dict__, its arguments as text."""
    record = logging.LogRecord("name", logging.INFO, "file", 1, "%s", (value,), None)
    return len(logging.handlers.SocketHandler("localhost", 1).makePickle(record))


USERS = {
    "shelve": by_shelve,
    "forking-pickler": by_forking_pickler,
    "deepcopy": copy.deepcopy,
    "cloudpickle": lambda value: pickle.loads(cloudpickle.dumps(value)),
    "joblib": by_joblib,
    "logging": by_socket_handler,
}
CLEAN = [
    datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(1), zoneinfo.ZoneInfo("Europe/Berlin"),
    decimal.Decimal("1.5"), fractions.Fraction(1, 3), uuid.uuid4(), pathlib.Path("/tmp"),
    re.compile("a(b)"), range(3), slice(1, 2), ..., NotImplemented, type(None), int, ValueError, len, print,
    "text".upper, [].append, array.array("i", [1, 2]), collections.Counter("aab"),
    collections.deque([1], 3), collections.OrderedDict(a=1), collections.defaultdict(list),
    collections.ChainMap({}), collections.UserDict(a=1), functools.partial(int, "1"),
    operator.itemgetter(1), operator.attrgetter("a"), itertools.count(3), itertools.chain([1], [2]),
    iter([1, 2]), random.Random(1), time.gmtime(), os.stat("/"), os.stat("/").__class__, sys.maxsize,
    types.SimpleNamespace(a=1), typing.List[int], typing.Optional[str], list[int],
    dataclasses.MISSING.__class__, enum.Enum, http.HTTPStatus.NOT_FOUND, http.cookies.SimpleCookie("a=b"),
    ipaddress.ip_address("127.0.0.1"), email.message.EmailMessage(), urllib.parse.urlsplit("http://h/p?q"),
    string.Template("$a"), json.JSONDecodeError("m", "d", 1), OSError(2, "gone"),
    UnicodeDecodeError("utf-8", b"x", 0, 1, "why"), StopIteration(1), KeyError("k"),
    xml.etree.ElementTree.fromstring("<a><b/></a>"), xml.dom.minidom.parseString("<a/>"), io.BytesIO(b"x"),
    logging.LogRecord("n", 1, "f", 1, "m", (), None), logging.getLogger("some.name"), queue.Empty(),
    concurrent.futures.TimeoutError(), asyncio.CancelledError(), ssl.SSLError(1, "x"),
    ssl.TLSVersion.TLSv1_2, unittest.mock.sentinel.thing, unittest.mock.call, functools.reduce,
    os.path.join, os.environ.__class__, os.getcwd, time.time, datetime.date.today, dict.fromkeys, str.join,
    numpy.arange(5), numpy.float64(1.5), numpy.dtype("i4"), numpy.array([{"a": 1}], dtype=object),
    numpy.random.default_rng(1), numpy.ma.array([1, 2]), numpy.datetime64("2000-01-02"), numpy.add,
    numpy.linalg.LinAlgError(), numpy.linalg.norm, numpy.zeros(1000),
    numpy.rec.array([(1, 2.0)], dtype="i4,f8"), numpy.matrix([[1]]), numpy.poly1d([1, 2]),
    werkzeug.datastructures.ImmutableMultiDict([("a", "1")]), werkzeug.datastructures.Headers([("a", "b")]),
    markupsafe.Markup("<b>"), sqlalchemy.Integer(), sqlalchemy.text("select 1"), sqlalchemy.MetaData(),
    sqlalchemy.Table("t", sqlalchemy.MetaData(),
                     sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True)),
    sqlalchemy.create_engine("sqlite://").connect().execute(sqlalchemy.text("select 1 as a")).fetchone(),
    joblib.hash, cloudpickle.dumps, ordinary.Holder(x=1), ordinary.Holder, Registered(), pickle.dumps,
    pickle.Pickler, pickle.PicklingError("x"),
]


def is_right(went):
    """No alarm about what was pickled; of what pickle itself refuses the one object, with pickle's words."""
    if "value" in went:
        return went["hazards"] == []
    told = [(hazard["id"], went["text"] in hazard["pickle_error"]) for hazard in went["hazards"]]
    return told == [("refuses-pickle", True)]


def clean():
    """What the guard says of each that pickle can write: nothing."""
    found = []
    for value in CLEAN:
        for protocol in (0, 2, pickle.HIGHEST_PROTOCOL):
            went = watch(pickle.dumps, value, protocol)
            if not is_right(went):
                found.append([ascii(value), protocol, went])
    return found


def flask_session(value):
    """Flask's own session is JSON: the guard has nothing to do there."""
    app = flask.Flask(__name__)
    app.secret_key = "for tests only"

    @app.route("/")
    def index():
        flask.session["value"] = value
        return "done"

    return app.test_client().get("/").text


def sqlalchemy_pickle_type(value):
    base = declarative_base()

    class Row(base):
        __tablename__ = "rows"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        value = sqlalchemy.Column(sqlalchemy.PickleType)

    engine = sqlalchemy.create_engine("sqlite://")
    base.metadata.create_all(engine)
    with sqlalchemy.orm.Session(engine) as session:
        session.add(Row(id=1, value=value))
        session.commit()
        session.expire_all()
        return session.get(Row, 1).value


USERS["flask"] = flask_session
USERS["sqlalchemy"] = sqlalchemy_pickle_type


@tells
def application(query):
    if "clean" in query:
        return clean()
    numbers = numpy.array([1, 2, 3])
    value = {"value": {"a": [1, numbers, ordinary.Holder(x=2), Registered()]}, "item": {"cart": [1, Item()]},
             "array": numpy.array([1, Item()], dtype=object), "plain": {"a": [1, "two"]}}[query["what"]]
    return watch(USERS[query["by"]], value)
