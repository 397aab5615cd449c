"""Dumps that pickle refuses: what it stopped at, without looking further, and what the application went on with."""

import collections
import contextvars
import ctypes
import fractions
import functools
import hashlib
import importlib
import io
import logging
import pickle
import queue
import re
import select
import socket
import sqlite3
import subprocess
import sys
import threading
import types
import weakref

import _pickle
import brine.pickle
import pytest
from brine import _guard
from brine.pickle import _react
from corpus import shapes

PROTOCOLS = range(6)


class Cart:
    """Holds what refuses."""

    def __init__(self, lock):
        self.items = [1, 2]
        self.lock = lock


class LoggedOnce(Cart):
    """Another holder, of which no other test hears."""


class Told:
    """Takes note of being asked for its state."""

    def __init__(self):
        self.asked = 0

    def __getstate__(self):
        self.asked += 1
        return {"a": 1}


class Lazy(list):
    """A list that does not want to be read."""

    def __reduce__(self):
        raise AssertionError("nobody was to come here")


class Iterates(list):
    """A list that runs code where its items are asked for."""

    def __iter__(self):
        raise AssertionError("nobody was to come here")


class Refuses:
    """Its own code refuses."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        raise self.error


class ByName(pickle.Pickler):
    """Another way of pickling, for which locks are no matter."""

    def persistent_id(self, obj):
        return "lock" if type(obj) is type(threading.Lock()) else None


@pytest.fixture(autouse=True)
def fresh(policy):
    policy("Report")
    _react.forget()


def refused(session, protocol=None, error=(TypeError, pickle.PicklingError, ValueError)):
    """The hazards of a dump that fails; paths begin with "session", and so is every test's variable called.

    (The variables of functions with an `assert` are not looked at: pytest has put a call of locals() there.)
    """
    with brine.pickle.collect() as reports:
        with pytest.raises(error):
            brine.pickle.dumps(session, protocol)
    return [hazard for report in reports for hazard in report]


def generator():
    yield 1


OBJECTS = {
    "lock": threading.Lock, "rlock": threading.RLock, "module": lambda: sys, "file": lambda: open("/dev/null"),
    "binary file": lambda: open("/dev/null", "rb"), "socket": socket.socket, "generator": generator,
    "weakref": lambda: weakref.ref(Cart), "connection": lambda: sqlite3.connect(":memory:"),
    "pointer": lambda: ctypes.pointer(ctypes.c_int(1)), "proxy": lambda: types.MappingProxyType({}),
    "memoryview": lambda: memoryview(b"x"), "keys": lambda: {}.keys(), "frame": sys._getframe,
    "code": lambda: generator.__code__, "own": lambda: Refuses(TypeError("no")),
    "own value": lambda: Refuses(ValueError("no")), "own runtime": lambda: Refuses(NotImplementedError("no")),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", OBJECTS)
def test_what_refuses_is_told_with_its_path(name, protocol):
    session = {"user": 1, "cart": [0, Cart(OBJECTS[name]())]}
    try:
        _pickle.dumps(session, protocol)
    except Exception as error:
        words = str(error)
    else:
        pytest.skip("pickled by this protocol")
    hazard, = refused(session, protocol, Exception)
    assert (hazard.id, hazard.severity) == ("refuses-pickle", "error")
    assert hazard.path == "session['cart'][1].lock"
    assert f"in an instance of class {__name__}.Cart" in hazard.message
    assert f"Give class {__name__}.Cart a __getstate__ that leaves the attribute lock out" in hazard.remedy
    assert words in hazard.pickle_error
    assert hazard.holder == f"{__name__}.Cart.lock"
    assert [(each.id, each.path, each.remedy) for each in brine.pickle.inspect(session, protocol, name="session")
            if each.id == hazard.id] == [(hazard.id, hazard.path, hazard.remedy)]


async def coroutine():
    pass


class Event:
    """Of an application that has nothing to do with threads."""

    def __reduce__(self):
        raise TypeError("no")


@pytest.mark.parametrize("name, is_lock", [
    ("Clock", False), ("Blocked", False), ("Unlocked", False), ("Locker", False), ("block", False), ("FileLock", True),
    ("RLock", True), ("LockType", True), ("redis_lock", True), ("lock", True)])
def test_what_is_called_a_lock(name, is_lock):
    """A word of the name says what it is, and not any letters in it."""
    hazard, = refused({"cart": Cart(type(name, (Event,), {"__module__": "shop"})())})
    assert ("guards threads" in hazard.message) == is_lock, hazard.message


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the coroutine runs in no loop
@pytest.mark.parametrize("make, remedy", [
    (coroutine, "its result"), (lambda: re.match("a", "a"), ".groupdict()"), (lambda: hashlib.sha256(), "its digest"),
    (lambda: contextvars.ContextVar("x"), "the value that it stands for"), (lambda: queue.SimpleQueue(), "as a list"),
    (lambda: select.poll(), "to open it again"), (Event, "the data from which it can be made again")])
def test_what_to_store_instead(make, remedy):
    session = {"cart": Cart(make())}
    hazard, = refused(session)
    assert hazard.remedy.endswith(f"{remedy}."), hazard.remedy


def test_what_is_told_of_an_installed_package(module, tmp_path, monkeypatch):
    """Nobody changes its classes, but who has written them."""
    module("site-packages.bought", "import threading\nclass Cache:\n    def __init__(self): self.lock = threading.Lock()\n"
           "class Client:\n    def __init__(self): self.cache = Cache()\n"
           "class Callback:\n    def __init__(self): self.call = lambda: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    import bought
    hazard, = refused({"cart": Cart(bought.Client())})
    assert hazard.remedy.startswith(f"Give class {__name__}.Cart a __getstate__ that leaves the attribute lock out, and make a")
    hazard, = refused({"client": [bought.Client()]})
    assert hazard.remedy == (
        "The class is one of the package bought: leave the Client out of what is pickled, or give class bought.Client a "
        "__getstate__ that leaves the attribute cache out if it is yours; and make a new one when the object is loaded.")
    hazard, = refused({"client": [bought.Callback()]}, error=(AttributeError, pickle.PicklingError))
    assert hazard.id == "naming-local" and "which a function of the package bought has made for an" in hazard.message
    assert hazard.remedy.startswith("Leave that object out of what is pickled")


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_protocol_that_does_not_store_slots(protocol):
    """The class is as it should be, and the remedy is the protocol."""
    hazard, = refused({"cart": [Slotted(1)]}, protocol)
    assert hazard.path.endswith("['cart'][0]")
    assert "__slots__, which protocols 0 and 1 do not store" in hazard.message
    assert hazard.remedy == (f"Pickle it with protocol 2 or later, or give class {__name__}.Slotted a __getstate__ and a "
                             "__setstate__.")
    assert _pickle.dumps(Slotted(1), 2)


@pytest.mark.parametrize("make, protocol", [(io.StringIO, 0), (io.BytesIO, 1), (io.BytesIO, 4)])
def test_a_file_in_memory(make, protocol):
    file = make()
    if protocol > 1:
        file.close()
    hazard, = refused({"cart": Cart(file)}, protocol, Exception)
    assert "file in memory" in hazard.message and hazard.remedy.endswith("store its content: .getvalue().")


class Kept:
    """Gives pickle what it keeps under other names."""

    def __init__(self, lock):
        self.parts = [lock]

    def __getstate__(self):
        return ("version", self.parts)


class Made:
    """Gives pickle what it does not keep."""

    def __init__(self, lock):
        self.get = {"a b": lock}.get

    def __reduce__(self):
        return Made, ([self.get("a b")],)


class Slotted:
    __slots__ = ("lock", "empty")

    def __init__(self, lock):
        self.lock = lock


class Renamed(Cart):
    def __getstate__(self):
        return {"other name": self.lock}


def call(function, lock):
    pass


Point = collections.namedtuple("Point", "x y")
HOLDERS = {
    "dict": lambda lock: {"a": {2: lock}}, "value": lambda lock: {("a", 1): [(lock,)]}, "key": lambda lock: {1: 2, lock: 3},
    "in a key": lambda lock: {1: 2, (3, lock): 3}, "set": lambda lock: {1: frozenset([lock])}, "attribute": Cart,
    "odd attribute": lambda lock: vars(made := Cart(1)).update({"a b": lock}) or made, "slots": Slotted,
    "state": Kept, "state item": Renamed, "argument": Made, "list": lambda lock: shapes.ListOf([1, lock]),
    "dict subclass": lambda lock: shapes.DictOf(a=lock), "set subclass": lambda lock: shapes.SetOf([lock]),
    "tuple subclass": lambda lock: shapes.TupleOf([1, lock]), "namedtuple": lambda lock: Point(1, [lock]),
    "deque": lambda lock: collections.deque([1, lock]), "ordered": lambda lock: collections.OrderedDict(a=lock),
    "default": lambda lock: collections.defaultdict(functools.partial(call, lock)),
    "partial": lambda lock: functools.partial(call, 1, lock), "keyword": lambda lock: functools.partial(call, lock=lock),
    "method": lambda lock: Cart(lock).__init__, "built-in method": lambda lock: {"a": lock}.get,
    "exception": lambda lock: ValueError("text", lock), "key of a key": lambda lock: [{({1, 2}.pop(), lock): 1}],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_path_is_python_that_leads_to_the_culprit(holder, protocol):
    if holder == "slots" and protocol < 2:
        pytest.skip("there the object itself refuses")
    lock = threading.Lock()
    session = [HOLDERS[holder](lock)]
    for hazard in (*refused(session, protocol), *brine.pickle.inspect(session, protocol, name="session")):
        assert eval(hazard.path, {"session": session}) is lock, hazard.path


def test_what_is_looked_at_for_a_path_runs_no_code():
    class Hostile(Made):
        def __getattribute__(self, name):
            if name in ("get", "__reduce_ex__", "__reduce__", "__class__"):
                return object.__getattribute__(self, name)
            raise AssertionError(f"nobody was to ask for {name}")

    Hostile.__qualname__ = "Made"
    hazard, = refused([Hostile(threading.Lock())])
    assert hazard.path == "session[0].__reduce__()[1][0][0]"


def test_the_exception_is_pickles(policy):
    for way in ("Report", "Enforce", "BuiltinOnly"):
        policy(way)
        with pytest.raises(TypeError, match="cannot pickle"):
            brine.pickle.dumps([1, threading.Lock()])


def test_a_thread_is_left_out_and_not_its_lock():
    hazard, = refused({"worker": threading.Thread()})
    assert hazard.path == "session['worker']._started._cond._lock" and "Leave the Thread out" in hazard.remedy
    cart = Cart(threading.Thread())
    hazard, = refused([cart])
    assert f"Give class {__name__}.Cart a __getstate__ that leaves the attribute lock out" in hazard.remedy


@pytest.mark.parametrize("dump", ["dumps", "dump", "Pickler"])
def test_it_goes_no_further_than_pickle(dump):
    before, behind = Told(), Told()
    session = [before, {"lock": threading.Lock()}, behind, Lazy([1])]
    ways = {"dumps": lambda session: brine.pickle.dumps(session),
            "dump": lambda session: brine.pickle.dump(session, io.BytesIO()),
            "Pickler": lambda session: brine.pickle.Pickler(io.BytesIO()).dump(session)}
    with brine.pickle.collect() as reports, pytest.raises(TypeError):
        ways[dump](session)
    hazard, = [hazard for report in reports for hazard in report]
    assert hazard.path == "session[1]['lock']"
    assert behind.asked == 0
    assert before.asked == 2


def test_hazards_behind_the_culprit_are_told_without_any_code():
    def local():
        pass

    behind = Told()
    behind.local = local
    session = [threading.Lock(), {"a": [1, local], "told": behind, "lazy": Lazy([lambda: 0])},
               shapes.ListOf([shapes.Plain(), lambda: 0]), Iterates([1])]
    hazards = refused(session)
    assert [(hazard.id, hazard.path) for hazard in hazards] == [
        ("refuses-pickle", "session[0]"), ("naming-local", "session[1]['a'][1]"), ("naming-local", "session[2][1]")]
    assert behind.asked == 0


def test_what_goes_with_the_culprit_is_not_told():
    cart = Cart([threading.Lock(), lambda: 0])
    hazard, = refused({"cart": cart})
    assert hazard.path == "session['cart'].lock[0]"
    cart.more = lambda: 0
    assert [hazard.path for hazard in refused(cart)] == ["session.lock[0]", "session.more"]


def test_what_is_looked_at_behind_the_culprit_is_bounded():
    session = [threading.Lock(), *([i] for i in range(1000)), lambda: 0]
    assert [hazard.path for hazard in refused(session)] == ["session[0]"]


def test_a_class_of_pythons_library_that_was_reloaded_is_no_refusal(monkeypatch):
    monkeypatch.setattr(fractions, "Fraction", fractions.Fraction)  # comes back after the test
    session = fractions.Fraction(1, 3)
    importlib.reload(fractions)
    hazard, = refused(session)
    assert (hazard.id, hazard.path) == ("reload-stale", "session")


def test_what_has_raised_is_not_asked_again():
    class Counts:
        asked = 0

        def __getstate__(self):
            Counts.asked += 1
            raise TypeError("only once")

    Counts.__qualname__ = "Counts"
    session = [Counts()]
    hazard, = refused(session, error=TypeError)
    assert (hazard.id, hazard.path, Counts.asked) == ("refuses-pickle", "session[0]", 1)


def count_calls(monkeypatch, module, name):
    """A list that gets an item for each call of a module's function."""
    calls, function = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args: calls.append(name) or function(*args))
    return calls


def test_no_text_is_made_for_what_has_been_logged(monkeypatch, caplog):
    counted = _guard.counters().get("refuses-pickle", 0)
    described = count_calls(monkeypatch, _react._refusals, "explain")
    with caplog.at_level(logging.WARNING, "brine.pickle"):
        for _ in range(3):
            _guard.forget_verdicts()  # as a reload does: the hazard is not recognised by what it is about
            with pytest.raises(TypeError):
                brine.pickle.dumps(LoggedOnce(threading.Lock()))
    assert _guard.counters()["refuses-pickle"] == counted + 3
    assert (len(described), len(caplog.records)) == (1, 1)


def test_what_was_told_is_not_searched_again(monkeypatch, caplog):
    described = count_calls(monkeypatch, _react, "on_refusal")
    before = Told()
    for _ in range(5):
        with pytest.raises(TypeError):
            brine.pickle.dumps({"told": before, "again": Cart(threading.Lock())})
    assert len(described) == 1
    assert before.asked == 5 + 1  # by pickle, and once more for the path
    with pytest.raises(TypeError):
        brine.pickle.dumps({"told": before, "elsewhere": threading.Lock()})
    assert len(described) == 2


class ByState:
    """Has code of its own that gives pickle what its attributes keep."""

    asked = 0

    def __init__(self, kept):
        self.kept = kept

    def __getstate__(self):
        type(self).asked += 1
        return vars(self).copy()


class ByPair(ByState):
    def __getstate__(self):
        type(self).asked += 1
        return "version", [self.kept]


class ByReduce(ByState):
    def __reduce__(self):
        type(self).asked += 1
        return type(self), (self.kept,)


@pytest.mark.parametrize("cls", [ByState, ByPair, ByReduce])
@pytest.mark.parametrize("make", [lambda cls: cls(threading.Lock()), lambda cls: cls(cls(threading.Lock())),
                                  lambda cls: {"a": cls([1, {"b": threading.Lock()}])}])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_a_class_s_own_code_gives_is_not_searched_again(cls, make, protocol):
    """The attributes that keep it lead to the culprit too, and no code has to run for that."""
    cls.asked = 0
    with pytest.raises(Exception):
        _pickle.dumps(make(cls), protocol)
    plain = cls.asked
    _guard.forget_verdicts()
    for _ in range(2):  # what is told the first time
        with pytest.raises(Exception):
            brine.pickle.dumps(make(cls), protocol)
    cls.asked = 0
    with pytest.raises(Exception):
        brine.pickle.dumps(make(cls), protocol)
    assert cls.asked == plain


def test_it_is_counted_each_time_and_logged_once(caplog):
    counted = _guard.counters().get("refuses-pickle", 0)

    class Once:
        pass

    Once.__qualname__ = "Once"
    monkeyed = Once()
    monkeyed.generator = generator()
    sys.modules[__name__].Once = Once
    try:
        with caplog.at_level(logging.WARNING, "brine.pickle"):
            for _ in range(3):
                with pytest.raises(TypeError):
                    brine.pickle.dumps(monkeyed)
    finally:
        del sys.modules[__name__].Once
    assert _guard.counters()["refuses-pickle"] == counted + 3
    assert [record.message.split(":")[0] for record in caplog.records] == ["pickle hazard refuses-pickle"]


def test_an_application_that_goes_on_has_no_hazard():
    cart = Cart(threading.Lock())
    with brine.pickle.collect() as reports:
        with pytest.raises(TypeError):
            brine.pickle.dumps(cart)
        assert len(reports) == 1
        Other = type("Other", (_guard.Pickler,), {"persistent_id": ByName.persistent_id})
        Other(io.BytesIO()).dump(Cart(threading.Lock()))
        assert len(reports) == 1  # another object
        Other(io.BytesIO()).dump(cart)
    assert reports == []


GOES_ON = """
import io, pickle, threading
import brine.pickle
brine.pickle.install("Report")
brine.pickle.install("Report")  # once more changes nothing

class WrittenInPython(pickle._Pickler):
    "As that of dill."
    def persistent_id(self, obj):
        return "lock" if type(obj) is type(threading.Lock()) else None

class Guarded(pickle.Pickler):
    "As that of cloudpickle."
    persistent_id = WrittenInPython.persistent_id

for other in (WrittenInPython, Guarded):
    lock = threading.Lock()
    with brine.pickle.collect() as reports:
        try:
            pickle.dumps(lock)
        except TypeError:
            assert len(reports) == 1
            other(io.BytesIO()).dump(threading.Lock())
            assert len(reports) == 1
            other(io.BytesIO()).dump(lock)
    assert reports == [], other
assert pickle._dumps([1], 4) == pickle.dumps([1], 4)
"""


def test_the_other_way_may_be_a_pickler_written_in_python(environment):
    done = subprocess.run([sys.executable, "-c", GOES_ON], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


def test_many_culprits_are_remembered():
    classes = [type(f"Root{i}", (dict,), {}) for i in range(600)]
    for cls in classes:
        cls.__module__, cls.__qualname__ = __name__, cls.__name__
        setattr(sys.modules[__name__], cls.__name__, cls)
    told = Told()
    try:
        for asked_by_the_guard in (len(classes), 0):
            before = told.asked
            for cls in classes:
                with pytest.raises(TypeError):
                    brine.pickle.dumps(cls(told=told, lock=threading.Lock()))
            assert told.asked - before == len(classes) + asked_by_the_guard
    finally:
        for cls in classes:
            delattr(sys.modules[__name__], cls.__name__)


def test_a_pickler_with_hooks_is_asked_nothing_twice():
    told = Told()

    class Hooked(_guard.Pickler):
        def persistent_id(self, obj):
            return "kept" if obj is told else None

    with brine.pickle.collect() as reports, pytest.raises(TypeError):
        Hooked(io.BytesIO()).dump([told, threading.Lock()])
    assert [hazard.path for report in reports for hazard in report] == ["obj[1]"]
    assert told.asked == 0


def test_errors_of_the_file_and_of_arguments_are_none_of_an_object():
    class Full:
        def write(self, data):
            raise ValueError("full")

    told = Told()
    with brine.pickle.collect() as reports:
        with pytest.raises(ValueError, match="full"):
            brine.pickle.dump([told], Full())
        with pytest.raises(ValueError):
            brine.pickle.dumps([told], 99)
        with pytest.raises(TypeError):
            brine.pickle.dumps([told], bogus=1)
    assert (reports, told.asked) == ([], 1)
