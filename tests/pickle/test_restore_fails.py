"""Pickles whose objects cannot be made again: the note says which class, where, and what to define."""

import codecs
import dataclasses
import functools
import io
import logging
import multiprocessing.reduction
import pickle
import re
import subprocess
import sys
import traceback

import _pickle
import brine.pickle
import pytest
from brine import _guard
from corpus import shapes

PROTOCOLS = range(2, 6)
IN_MESSAGE = sys.version_info < (3, 11)


class TwoArguments(Exception):
    def __init__(self, item, number):
        super().__init__(f"{number} x {item}")


class Outer:
    class Nested(Exception):
        def __init__(self, *, code):
            super().__init__(code)


class Raises(ValueError):
    def __init__(self, number):
        super().__init__(f"number {number}")
        self.number = number + 1


class NeedsArguments:
    def __new__(cls, number):
        return super().__new__(cls)


class SetState:
    x = 1

    def __getstate__(self):
        return {"x": 1}

    def __setstate__(self, state):
        raise KeyError("version")


class GetAttribute:
    def __init__(self):
        self.inner = {}

    def __getattr__(self, name):
        return getattr(self.inner, name)


class ItemsFirst(dict):
    def __init__(self):
        self.log = []

    def __setitem__(self, key, value):
        self.log.append(key)
        super().__setitem__(key, value)


class ListFirst(list):
    def __init__(self):
        self.log = []

    def append(self, value):
        self.log.append(value)
        super().append(value)

    def extend(self, values):
        for value in values:
            self.append(value)


class Hashed:
    def __init__(self):
        self.name = "x"
        self.all = {self}

    def __hash__(self):
        return hash(self.name)


class Meta(type):
    def __call__(cls, *args):
        if not args:
            raise TypeError("nothing")
        return super().__call__()


class WithMeta(metaclass=Meta):
    def __reduce__(self):
        return WithMeta, ()


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int
    __slots__ = ("x",)

    def __getstate__(self):
        return None, {"x": self.x}


class Called:
    def __reduce__(self):
        return refuses, (1,)


class Wrapped:
    def __reduce__(self):
        return wrapped, (1,)


def wrap(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper


@wrap
def wrapped(number):
    raise ValueError(f"never again {number}")


def refuses(number):
    raise ValueError(f"never again {number}")


def filled(made):
    if isinstance(made, dict):
        made["a"] = 1
    else:
        made.append(1)
    return made


CASES = {  # the object, whose class is told, a part of the remedy
    "two arguments": (lambda: TwoArguments("pen", 2), TwoArguments, "pass all arguments of TwoArguments.__init__ on"),
    "keyword": (lambda: Outer.Nested(code=1), Outer.Nested, "pass all arguments of Outer.Nested.__init__ on"),
    "raises": (lambda: Raises(1), Raises, "pass all arguments of Raises.__init__ on"),
    "new": (lambda: NeedsArguments(1), NeedsArguments, "__getnewargs__"),
    "state": (SetState, SetState, "Let SetState.__setstate__ take"),
    "getattr": (GetAttribute, GetAttribute, "let GetAttribute.__getattr__ raise AttributeError"),
    "dict": (lambda: filled(ItemsFirst()), ItemsFirst, "let ItemsFirst.__setitem__ do without"),
    "list": (lambda: filled(ListFirst()), ListFirst, "Pickle puts the items in before the attributes"),
    "hash": (Hashed, Hashed, "let Hashed.__hash__ do without"),
    "metaclass": (lambda: WithMeta(1), WithMeta, "Give class WithMeta a __reduce__"),
    "frozen": (lambda: Frozen(1), Frozen, "give class Frozen a __setstate__ that sets them by object.__setattr__"),
    "wrapped": (Wrapped, wrapped, "Let wrapped take"),
    "function": (Called, refuses, "Let refuses take"),
}


@pytest.fixture(autouse=True)
def report(policy):
    policy("Report")


def failed(load, *args):
    """(the exception of a load that fails, the hazards)."""
    with brine.pickle.collect() as reports:
        with pytest.raises(Exception) as caught:
            load(*args)
    return caught.value, [hazard for each in reports for hazard in each]


def words(error):
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", CASES)
def test_the_class_is_named_and_what_to_define(case, protocol):
    make, culprit, remedy = CASES[case]
    data = brine.pickle.dumps([shapes.Plain(), make()], protocol)
    with pytest.raises(Exception) as plain:
        _pickle.loads(data)
    error, (hazard,) = failed(brine.pickle.loads, data)
    assert type(error) is plain.type
    assert (hazard.id, hazard.module, hazard.qualname) == ("restore-fails", __name__, culprit.__qualname__)
    assert hazard.pickle_error.startswith(f"{plain.type.__name__}: ")
    assert IN_MESSAGE or f"Brine: {hazard.message} {hazard.remedy}" in words(error)
    assert remedy in hazard.remedy
    position, = [each.position for each in brine.pickle.scan(data).globals
                 if each.module == __name__ and culprit.__qualname__.startswith(each.name)]
    assert f"which the pickle names at byte {position}" in hazard.message


@pytest.mark.parametrize("case", CASES)
def test_the_exception_is_what_it_is_without_the_guard(case):
    data = _pickle.dumps(CASES[case][0]())
    with pytest.raises(Exception) as plain:
        _pickle.loads(data)
    error, _ = failed(brine.pickle.loads, data)
    assert (type(error), vars(error) | {"__notes__": 0}) == (plain.type, vars(plain.value) | {"__notes__": 0})
    assert [each.line for each in traceback.extract_tb(error.__traceback__)[-1:]] == [
        each.line for each in traceback.extract_tb(plain.tb)[-1:]] or len(traceback.extract_tb(plain.tb)) == 1
    if not IN_MESSAGE:
        assert error.args == plain.value.args
        assert len(error.__notes__) == 1


def made_without_new(cls):
    """An object of a class of C whose state copyreg pickles, although nothing makes it anew."""
    return {"re.Match": lambda: re.match("a", "a"), "codecs.CodecInfo": lambda: codecs.lookup("utf-8")}[cls]()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["re.Match", "codecs.CodecInfo"])
def test_of_the_library_s_classes_it_says_whose_they_are(name, protocol):
    try:
        data = _pickle.dumps([made_without_new(name)], protocol)
        _pickle.loads(data)
    except Exception as error:
        if "pickle" in str(error):
            pytest.skip("refused when it is dumped")
    else:
        pytest.skip("it loads")
    _, (hazard,) = failed(brine.pickle.loads, data)
    assert (hazard.id, f"{hazard.module}.{hazard.qualname}") == ("restore-fails", name)
    assert "The class is one of Python itself: keep its objects out" in hazard.remedy
    assert "copyreg" not in hazard.message and f"copyreg.pickle({name}, FUNCTION)" in hazard.remedy


def test_of_an_installed_package_it_says_which(module, tmp_path):
    module("site-packages.bought", "class Problem(Exception):\n    def __init__(self, a, b): super().__init__(a)\n")
    sys.path.insert(0, str(tmp_path / "site-packages"))
    try:
        import bought
        data = _pickle.dumps(bought.Problem(1, 2))
        _, (hazard,) = failed(brine.pickle.loads, data)
    finally:
        del sys.path[0]
    assert hazard.remedy.startswith("The class is one of the package bought: let an exception of your own")


def test_an_exception_that_is_raised_again_has_the_note_once():
    data = pickle.dumps(RaisesKept())
    for _ in range(3):
        error, hazards = failed(brine.pickle.loads, data)
        assert len(hazards) == 1
    assert IN_MESSAGE or len(error.__notes__) == 1


class RaisesKept(SetState):
    kept = ValueError("x")

    def __setstate__(self, state):
        raise self.kept


@pytest.mark.parametrize("load", ["load", "Unpickler"])
@pytest.mark.parametrize("case", ["state", "getattr", "dict", "list", "raises"])
def test_of_a_file_the_class_is_known_by_its_code(case, load):
    data = pickle.dumps(CASES[case][0]())
    ways = {"load": brine.pickle.load, "Unpickler": lambda file: brine.pickle.Unpickler(file).load()}
    _, (hazard,) = failed(ways[load], io.BytesIO(data))
    assert (hazard.id, hazard.qualname) == ("restore-fails", CASES[case][1].__qualname__)


def test_it_is_logged_once_and_counted(caplog):
    counted = _guard.counters().get("restore-fails", 0)
    class_of_its_own = type("Own", (SetState,), {"__module__": __name__})
    globals()["Own"] = class_of_its_own
    data = pickle.dumps(class_of_its_own())
    with caplog.at_level(logging.WARNING, "brine.pickle"):
        for _ in range(3):
            with pytest.raises(KeyError):
                brine.pickle.loads(data)
    assert _guard.counters()["restore-fails"] == counted + 3
    assert [record.message.split(":")[0] for record in caplog.records] == ["pickle hazard restore-fails"]


@pytest.mark.parametrize("data", [b"", b"x", b"\x80\x04.", pickle.dumps([1])[:-1], b"I1\n", b"(lp0\nI1\nx."])
def test_a_broken_pickle_is_not_the_fault_of_a_class(data):
    _, hazards = failed(brine.pickle.loads, data)
    assert hazards == []


def test_what_the_program_itself_refuses_is_none():
    class Strict(brine.pickle.Unpickler):
        def find_class(self, module, name):
            raise ValueError(f"{module}.{name} is not allowed")

    class Broken:
        def read(self, size):
            raise OSError("gone")

        def readline(self):
            raise OSError("gone")

    data = pickle.dumps(shapes.Plain())
    for load in (lambda: Strict(io.BytesIO(data)).load(), lambda: brine.pickle.load(Broken()),
                 lambda: brine.pickle.loads("text"), lambda: brine.pickle.loads(data, buffers=5)):
        assert failed(load)[1] == []


def test_off_says_nothing(policy):
    policy("Off")
    error, hazards = failed(brine.pickle.loads, pickle.dumps(SetState()))
    assert (hazards, "Brine" in words(error)) == ([], False)


def test_the_answer_of_a_pools_worker():
    """multiprocessing reads answers by `loads` of a view of the bytes."""
    data = multiprocessing.reduction.ForkingPickler.dumps(TwoArguments("pen", 2))
    assert failed(brine.pickle.loads, data)[1][0].qualname == "TwoArguments"


POOL = """
import brine.pickle
brine.pickle.install()
import logging, multiprocessing, os, pool_problems
class Tell(logging.Handler):
    def emit(self, record):
        print(record.getMessage(), flush=True)

logging.getLogger("brine.pickle").addHandler(Tell())
pool = multiprocessing.get_context("fork").Pool(1)
pool.apply_async(pool_problems.raises)
pool._result_handler.join(60)
print("waits for ever" if not pool._result_handler.is_alive() else "went on", flush=True)
os.kill(pool._pool[0].pid, 9)
os._exit(0)
"""


def test_a_pool_whose_worker_raises_such_an_exception_says_why(module, environment, tmp_path):
    module("pool_problems", """
class Problem(Exception):
    def __init__(self, item, number):
        super().__init__(f"{number} x {item}")

def raises():
    raise Problem("pen", 2)
""")
    environment["PYTHONPATH"] += f":{tmp_path}"
    run = subprocess.run([sys.executable, "-c", POOL], env=environment, capture_output=True, text=True, timeout=120)
    assert "pickle hazard restore-fails: an object of class pool_problems.Problem, which the pickle names" in run.stdout
    assert "waits for ever" in run.stdout, run.stdout + run.stderr
