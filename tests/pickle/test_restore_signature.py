"""What is pickled as a call that cannot succeed is told when it is dumped; and nothing else is."""

import collections
import copyreg
import functools
import io
import random
import subprocess
import types
from pathlib import Path

import _pickle
import brine.pickle
import pytest
from brine import _guard
from brine.pickle import UnsafePickleError
from checking import Record
from corpus import shapes
from test_other_pythons import pythons


class TwoArguments(Exception):
    def __init__(self, item, number):
        super().__init__(f"{number} x {item}")


class ByKeyword(OSError):
    def __init__(self, *, code):
        super().__init__(code)


class NoArguments(ValueError):
    def __init__(self):
        super().__init__("nothing")


class New:
    def __new__(cls, number):
        return super().__new__(cls)


class NewTuple(tuple):
    def __new__(cls, a, b):
        return super().__new__(cls, (a, b))


class NewArguments:
    def __new__(cls, a, b):
        return super().__new__(cls)

    def __getnewargs__(self):
        return (1,)


class TooManyByName:
    def __new__(cls, *, a=1):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (1, 2), {"a": 2}


class Reduced:
    def __init__(self, a):
        self.a = a

    def __reduce__(self):
        return Reduced, (1, 2)


class Plain:
    def __reduce__(self):
        return Plain, (1,)


class ByFunction:
    def __reduce__(self):
        return make, (1, 2)


def make(number):
    return number


class ByTable:
    def __init__(self, a, b):
        pass


copyreg.pickle(ByTable, lambda obj: (ByTable, (1,)))

class Bounded(collections.deque):
    def __init__(self, size):
        super().__init__(maxlen=size)


class Settings(types.SimpleNamespace):
    def __init__(self, name):
        super().__init__(name=name)


class Dice(random.Random):
    def __init__(self, sides, seed):
        super().__init__(seed)


class Marked(functools.partial):
    def __init__(self, function, label):
        pass

    def __reduce__(self):
        return Marked, (len,)


class TooManyItems(tuple):
    def __getnewargs__(self):
        return 1, 2


class Price(float):
    def __getnewargs_ex__(self):
        return (1.5, "EUR"), {}


class Label(str):
    def __reduce__(self):
        return Label, ("a", "utf-8", "strict", 4)


class Few(frozenset):
    def __reduce_ex__(self, protocol):
        return Few, tuple(self)


#: The object, the callable, the first protocol for which it is so, a part of the message, and of the remedy.
CASES = {
    "exception": (lambda: TwoArguments("pen", 2), TwoArguments, 0,
                  "with 1 argument; TwoArguments.__init__(self, item, number) needs 2.", "pass all arguments of"),
    "keyword": (lambda: ByKeyword(code=1), ByKeyword, 0, "ByKeyword.__init__(self, *, code) takes at most none.",
                "pass all arguments of"),
    "none": (NoArguments, NoArguments, 0, "NoArguments.__init__(self) takes at most none.", "pass all arguments of"),
    "new": (lambda: New(1), New, 2, "for which pickle has no arguments; New.__new__(cls, number) needs 1.",
            "a __getnewargs__ that returns"),
    "tuple": (lambda: NewTuple(1, 2), NewTuple, 2, "NewTuple.__new__(cls, a, b) needs 2.", "a __getnewargs__"),
    "getnewargs": (lambda: NewArguments(1, 2), NewArguments, 2, "pickle has 1 argument; ", "a __getnewargs__"),
    "getnewargs_ex": (TooManyByName, TooManyByName, 4, "takes at most none", "a __getnewargs__"),
    "reduce": (lambda: Reduced(1), Reduced, 0, "Reduced.__init__(self, a) takes at most 1.", "Give class Reduced a __reduce__"),
    "no init": (Plain, Plain, 0, "Plain() takes none", "Give class Plain a __reduce__"),
    "function": (ByFunction, make, 0, "with 2 arguments; make(number) takes at most 1", "Let the __reduce__ that names"),
    "deque": (lambda: Bounded(3), Bounded, 0, "Bounded.__init__(self, size) takes at most 1", "Give class Bounded a __reduce__"),
    "namespace": (lambda: Settings("x"), Settings, 0, "Settings.__init__(self, name) needs 1", "Give class Settings a"),
    "random": (lambda: Dice(6, 1), Dice, 0, "Dice.__init__(self, sides, seed) needs 2", "Give class Dice a __reduce__"),
    "partial": (lambda: Marked(len, "x"), Marked, 0, "Marked.__init__(self, function, label) needs 2", "Give class Marked a"),
    "items": (TooManyItems, TooManyItems, 2, "pickle has 2 arguments; tuple.__new__ takes at most 1", "__getnewargs__"),
    "number": (lambda: Price(1), Price, 4, "pickle has 2 arguments; float.__new__ takes at most 1", "__getnewargs__"),
    "text": (lambda: Label("x"), Label, 0, "pickle has 4 arguments; str.__new__ takes at most 3", "Label"),
    "set": (lambda: Few((1, 2)), Few, 0, "pickle has 2 arguments; frozenset.__new__ takes at most 1", "Few"),
    "table": (lambda: ByTable(1, 2), ByTable, 0, "ByTable.__init__(self, a, b) needs 2", "Give class ByTable a"),
}


@pytest.fixture(autouse=True)
def report(policy):
    policy("Report")
    _guard.forget_verdicts()


def told(dump, *args):
    with brine.pickle.collect() as reports:
        dump(*args)
    return [hazard for each in reports for hazard in each]


def ways(obj, protocol):
    yield brine.pickle.dumps, obj, protocol
    yield brine.pickle.dump, obj, io.BytesIO(), protocol
    yield brine.pickle.Pickler(io.BytesIO(), protocol).dump, obj


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("case", CASES)
def test_what_will_never_load_is_told_with_its_path(case, protocol):
    make, culprit, first, message, remedy = CASES[case]
    if protocol < first:
        pytest.skip("with this protocol it is pickled in another way")
    obj = {"results": [shapes.Plain(), make(), make()], "more": ["x"] * 1000}
    with pytest.raises(TypeError):
        _pickle.loads(_pickle.dumps(obj, protocol))
    for dump, *args in ways(obj, protocol):
        hazard, = told(dump, *args)
        assert (hazard.id, hazard.severity) == ("restore-signature", "error")
        assert (hazard.module, hazard.qualname) == (__name__, culprit.__qualname__)
        assert hazard.path == "obj['results'][1]"
        assert message in hazard.message and remedy in hazard.remedy
    assert brine.pickle.inspect(obj, protocol).ids == ("restore-signature",)


class Fits(Exception):
    def __init__(self, item, number=1):
        super().__init__(item)


class PassesOn(Exception):
    def __init__(self, item, number):
        super().__init__(item, number)


class OwnReduce(TwoArguments):
    def __reduce__(self):
        return OwnReduce, ("pen", 2)


class Meta(type):
    def __call__(cls, *args):
        return super().__call__("pen", 2)


class WithMeta(TwoArguments, metaclass=Meta):
    pass


class MadeByNew(Exception):
    """What its __new__ makes is of another class, so that __init__ is not called."""

    def __new__(cls, *args):
        return ValueError("x") if args == ("y",) else super().__new__(cls, *args)

    def __init__(self, a, b):
        self.args = ("y",)


class NewWithArguments(NewArguments):
    def __getnewargs__(self):
        return 1, 2


class Size(int):
    def __getnewargs__(self):
        return "ff", 16


class Text(str):
    def __reduce__(self):
        return Text, (b"x", "utf-8", "strict")


class Ring(collections.deque):
    def __init__(self, items=(), size=None):
        super().__init__(items, 3)


class Options(types.SimpleNamespace):
    def __init__(self, *names):
        super().__init__(**dict.fromkeys(names))


class Pair(tuple):
    def __new__(cls, *items):
        return super().__new__(cls, items)

    def __getnewargs__(self):
        return tuple(self)


INNOCENT = [Size(1), Text("x"), Ring(), Options("a"), Pair(1, 2), random.Random(1), collections.deque([1], 3), Fits("x"), PassesOn("x", 2), OwnReduce("pen", 2), WithMeta(), MadeByNew(1, 2), NewWithArguments(1, 2),
            TwoArguments, make, [New, Reduced, make], KeyError("x"), OSError(1, "x", "f"), UnsafePickleError(
                brine.pickle.Report()), StopIteration(), UnicodeDecodeError("a", b"b", 1, 2, "x")]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("obj", INNOCENT, ids=lambda obj: type(obj).__name__)
def test_what_loads_is_no_hazard(obj, protocol):
    _pickle.loads(_pickle.dumps(obj, protocol))
    for dump, *args in ways([obj, obj], protocol):
        assert told(dump, *args) == []
    assert not brine.pickle.inspect([obj], protocol)


def test_each_object_counts_and_not_its_class():
    both = [Sometimes(1), Sometimes(2)]
    assert [hazard.path for hazard in told(brine.pickle.dumps, both)] == ["obj[1]"]
    assert told(brine.pickle.dumps, [Sometimes(1)]) == []


class Sometimes(Exception):
    def __init__(self, a):
        super().__init__(*["x"] * a)


def test_it_is_counted_each_time_and_told_once(caplog):
    def counted():
        return _guard.counters().get("restore-signature", 0)

    before = counted()
    for _ in range(3):
        brine.pickle.dumps([Counted(1, 2)])
    assert counted() == before + 3
    assert [record.message.split(":")[0] for record in caplog.records] == ["pickle hazard restore-signature"]


class Counted(TwoArguments):
    pass


@pytest.mark.parametrize("policy_name", ["Enforce", "Report", "Off"])
def test_policies(policy, policy_name):
    policy(policy_name)
    file = Record()
    if policy_name == "Enforce":
        for dump, *args in ((brine.pickle.dumps, TwoArguments(1, 2)), (brine.pickle.dump, TwoArguments(1, 2), file)):
            with pytest.raises(UnsafePickleError) as caught:
                dump(*args)
            assert caught.value.report.ids == ("restore-signature",)
        assert file.chunks == []
        return
    obj = [TwoArguments(1, 2)]
    assert brine.pickle.dumps(obj) == _pickle.dumps(obj)
    assert bool(told(brine.pickle.dumps, obj)) == (policy_name == "Report")


def test_no_code_of_the_object_s_runs_where_all_is_well():
    asked = []

    class Signature:
        def __get__(self, *args):
            asked.append("signature")

    Asked.__signature__ = Asked.__init__.__signature__ = Signature()
    Asked.asked = asked
    try:
        brine.pickle.dumps(Asked(1))
    finally:
        del Asked.__signature__, Asked.__init__.__signature__
    assert asked == ["reduce"]


class Asked(Exception):
    def __init__(self, a):
        super().__init__(a)

    def __reduce__(self):
        self.asked.append("reduce")
        return Asked, (1,)


def test_a_pickler_that_dumps_twice_names_the_class_by_its_memo():
    pickler = brine.pickle.Pickler(io.BytesIO())
    assert told(pickler.dump, [Sometimes(1)]) == []
    assert [hazard.id for hazard in told(pickler.dump, [Sometimes(2)])] == ["restore-signature"]


def test_a_class_that_always_fits_is_trusted_after_a_while(monkeypatch):
    from brine.pickle import _signatures
    for _ in range(200):
        assert told(brine.pickle.dumps, Fits("x")) == []
    monkeypatch.setattr(_signatures, "is_misfit", lambda *args: pytest.fail("it is asked again"))
    assert told(brine.pickle.dumps, Fits("y")) == []


@pytest.mark.parametrize("dump", [
    brine.pickle.dumps, lambda obj: brine.pickle.dump(obj, io.BytesIO()),
    lambda obj: brine.pickle.dump(obj, io.BytesIO(), 2),
], ids=["dumps", "dump", "dump by lines"])
@pytest.mark.parametrize("megabytes, trusted", [(3, False), (7, True)])
def test_a_long_dump_counts_as_many(dump, megabytes, trusted):
    from brine.pickle import _react
    _react.forget()
    assert told(dump, [Sometimes(1), ["x" * 50_000 for _ in range(20 * megabytes)], Sometimes(1)]) == []
    assert bool(told(dump, [Sometimes(2)])) != trusted


def test_what_a_hook_makes_of_it_counts():
    class Hooked(brine.pickle.Pickler):
        def reducer_override(self, obj):
            return (str, ("x",)) if isinstance(obj, TwoArguments) else NotImplemented

    assert told(Hooked(io.BytesIO()).dump, [TwoArguments(1, 2)]) == []


# --- the rule, and what pickle does ---------------------------------------------------------------------

PROGRAM = Path(__file__).with_name("round_trips.py")


def check(program, environment, *names):
    run = subprocess.run([program, PROGRAM, *names], env=environment, capture_output=True, text=True,
                         stdin=subprocess.DEVNULL)
    assert run.returncode == 0, (run.stdout + run.stderr)[:20_000]
    classes, fail, told = [int(word) for word in run.stdout.splitlines()[-1].replace(",", " ").split() if word.isdigit()
                           ][:3]
    return classes, fail, told


@pytest.mark.parametrize("tag, program", pythons())
def test_classes_of_the_standard_library(tag, program, environment):
    classes, fail, told = check(program, environment)
    assert classes > 1000 and fail > 20
    assert told > 0.8 * fail


@pytest.mark.parametrize("library", ["django", "flask", "sqlalchemy", "numpy", "jinja2", "werkzeug", "joblib"])
def test_classes_of_a_library(library, environment):
    pytest.importorskip(library)
    assert check("/usr/bin/python3", environment, library)[0] > 10
