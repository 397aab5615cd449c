"""The round trip: what is pickled is loaded in a fresh process, pickled there again, and compared."""

import collections
import datetime
import decimal
import fractions
import io
import os
import pickle
import signal
import subprocess
import threading
import tracemalloc
from types import SimpleNamespace

import brine.pickle
import pytest
import test_restore_fails
from brine import _guard
from brine.pickle import CheckError, _react, _sampling, check
from brine.pickle._round_trip import Helper, check_pickle
from brine.pickle._structure import difference
from corpus import shapes
from waiting import until


class Loses:
    """Its state comes back without what it had."""

    def __init__(self, number):
        self.number, self.kept = number, "x"

    def __setstate__(self, state):
        self.__dict__.update(state, number=0)


class Becomes:
    def __reduce__(self):
        return dict, ([("a", 1)],)


class Sleeps:
    def __reduce__(self):
        return wait, ()


class Eats:
    def __reduce__(self):
        return bytes, (3 << 30,)


class Crashes:
    def __reduce__(self):
        return end_by, (signal.SIGSEGV,)


class Killed:
    def __reduce__(self):
        return end_by, (signal.SIGKILL,)


class Exits:
    def __reduce__(self):
        return os._exit, (3,)


class Grows(shapes.Plain):
    """Is what it is made as, and has a state from then on."""

    def __init__(self):
        self.x = 1


class Shrinks:
    def __reduce__(self):
        return Grows, ()


def wait():
    threading.Event().wait()


def end_by(number):
    os.kill(os.getpid(), number)


class SetOf:
    """A container that lists its members in the order of their hashes."""

    def __init__(self, members):
        self.members = frozenset(members)

    def __reduce__(self):
        return SetOf, (list(self.members),)


INNOCENT = {
    "values": [1, 2.5, "x", None, b"b", (1,), {2}, float("nan")], "plain": shapes.Plain(), "slots": shapes.Slots(),
    "enum": shapes.Color.RED, "function": shapes.function, "class": shapes.Plain, "date": datetime.datetime(2020, 1, 1),
    "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3), "error": KeyError("x"),
    "counter": collections.Counter("abca"), "set": {f"key{number}" for number in range(100)},
    "listed": SetOf([f"key{number}" for number in range(100)]), "braces": {"{x}": {"a{}": shapes.Plain()}},
    "shared": [[1]] * 3,
}


@pytest.mark.parametrize("protocol", [None, 0, 2, 5])
@pytest.mark.parametrize("name", INNOCENT)
def test_what_comes_back_is_no_hazard(name, protocol):
    if (name, protocol) == ("slots", 0):
        pytest.skip("protocol 0 refuses it")
    assert not check(INNOCENT[name], protocol)


def test_what_contains_itself_comes_back():
    ring = [1]
    ring.append({"ring": ring})
    assert not check(ring)


@pytest.mark.parametrize("case", ["raises", "state", "getattr", "dict", "list", "hash", "metaclass", "frozen", "wrapped",
                                  "function"])
def test_what_does_not_load_is_told_with_its_class(case):
    make, culprit, remedy = test_restore_fails.CASES[case]
    hazard, = check([1, make()])
    assert (hazard.id, hazard.qualname) == ("restore-fails", culprit.__qualname__)
    assert remedy in hazard.remedy and "fresh process" in hazard.message and hazard.pickle_error


def test_what_inspect_finds_is_not_loaded():
    assert check([test_restore_fails.TwoArguments("pen", 2)]).ids == ("restore-signature",)
    assert check(lambda: 0).ids == ("naming-local",)


def test_a_state_that_is_not_the_same_is_told_with_its_path():
    cart = {"items": [shapes.Plain(), Loses(3)]}
    hazard, = check(cart)
    assert (hazard.id, hazard.severity, hazard.qualname) == ("restore-differs", "warning", "Loses")
    assert hazard.path.endswith("['items'][1].number")
    assert hazard.message.startswith(f"{hazard.path} is 3 when it is pickled, and 0 when it has been loaded")


def test_a_state_that_was_none_is_told():
    hazard, = check(Shrinks())
    assert "Grows (0 arguments, no state) when" in hazard.message and "(0 arguments, a state) when" in hazard.message


def test_another_type_is_told():
    hazard, = check([Becomes()])
    assert hazard.id == "restore-differs" and "is an object of builtins.dict when it is" in str(hazard)


def test_a_module_that_needs_another_to_be_imported_first(module):
    module("needs_first", "import needed_before\nclass Item: pass\n")
    module("needed_before", "import sys\nassert sys.modules.get('imported_before_all')\n")
    module("imported_before_all", "")
    import imported_before_all  # noqa: F401
    import needs_first
    hazard, = check(needs_first.Item())
    assert hazard.pickle_error == "AssertionError: "


def test_the_helper_is_kept_and_each_load_is_fresh():
    helper = Helper()
    try:
        data = pickle.dumps(counted())
        assert [check_pickle(pickle.dumps(Numbers()), by=helper).ids for _ in range(3)] == [()] * 3
        first = helper._process.pid
        assert not check_pickle(data, by=helper)
        assert helper._process.pid == first
        os.kill(first, signal.SIGKILL)
        with pytest.raises(CheckError):
            for _ in range(2):  # it may be seen only when it is asked
                check_pickle(data, by=helper)
                raise CheckError
        assert not check_pickle(data, by=helper)
        assert helper._process.pid != first
    finally:
        helper.end()


class Numbers:
    """Fails where it was loaded before in the process."""

    made = 0

    def __setstate__(self, state):
        type(self).made += 1
        assert type(self).made == 1

    def __getstate__(self):
        return 1


def counted():
    return collections.Counter("aab")


@pytest.mark.parametrize("obj, limits, words", [
    (Sleeps(), {"seconds": 0.5}, "takes more than 0.5 s"), (Eats(), {"memory": 1 << 30}, "more memory"),
    (Killed(), {}, "ended by signal 9"), (Exits(), {}, "has ended itself, with exit status 3"),
    (bytes(200 << 20), {"memory": 512 << 20}, "more memory"),
    (shapes.Plain(), {"setup": "no_such_module:function"}, "could not be set up: ModuleNotFoundError"),
], ids=["time", "memory", "killed", "exits", "long", "setup"])
def test_what_could_not_be_checked_is_no_hazard(obj, limits, words):
    with pytest.raises(CheckError, match=words):
        check(obj, **limits)
    assert not check(shapes.Plain())


def test_an_object_that_writes_to_the_files_of_others(module):
    """As a text of the helper's, which goes on."""
    module("scribbles", """
import os


class Item:
    x = 1

    def __getstate__(self):
        return 1

    def __setstate__(self, state):
        for file in range(3, 100):
            try:
                os.write(file, b"\\1" + bytes(7) + b"?")
            except OSError:
                pass
""")
    import scribbles
    with pytest.raises(CheckError, match="its code has written to the pipe"):
        check(scribbles.Item())
    assert not check(shapes.Plain())


def test_an_exception_whose_name_is_no_plain_text(module):
    module("oddly_named", """
class Text(str):
    pass


class Item:
    x = 1

    def __getstate__(self):
        return 1

    def __setstate__(self, state):
        raise type(Text("Odd"), (Exception,), {})("why")
""")
    import oddly_named
    hazard, = check(oddly_named.Item())
    assert hazard.pickle_error == "Odd: why"


def test_a_crash_is_a_hazard():
    hazard, = check(Crashes())
    assert (hazard.id, hazard.pickle_error) == ("restore-fails", "ended by SIGSEGV")


def test_setup_is_called_first(module):
    module("needs_setup", "ready = False\ndef setup():\n    global ready\n    ready = True\n"
           "class Item:\n    x = 1\n    def __getstate__(self): return 1\n"
           "    def __setstate__(self, state): assert ready, 'not ready'\n")
    import needs_setup
    assert check(needs_setup.Item()).ids == ("restore-fails",)
    assert not check(needs_setup.Item(), setup="needs_setup:setup")


def test_a_forked_process_has_a_helper_of_its_own():
    assert not check(shapes.Plain())
    child = os.fork()
    if child == 0:
        os._exit(17 if not check(shapes.Plain()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
    assert not check(shapes.Plain())


@pytest.mark.parametrize("before, after, path", [
    ([1, [2, 3]], [1, [2, 4]], "x[1][1]"), ({"a": 1}, {"b": 1}, "x"), ((1, "a"), (1, "b"), "x[1]"),
    ({1, 2}, {1, 3}, "x"), ([1], (1,), "x"), (1, True, "x"), (b"a", bytearray(b"a"), "x"),
    ({"a": b"x"}, {"a": b"y"}, "x['a']"), ([shapes.Plain()], [shapes.Color.RED], "x[0]"), (1.5, 2.5, "x"),
])
def test_differences(before, after, path):
    found = difference(pickle.dumps(before), pickle.dumps(after), "x")
    assert found is not None and found.path == path
    assert difference(pickle.dumps(before), pickle.dumps(before), "x") is None


# --- one in so many dumps -------------------------------------------------------------------------------


@pytest.fixture
def sampling(policy):
    policy("Report")
    yield _guard.set_sampling
    _guard.set_sampling(0)


def test_one_in_so_many_dumps_is_checked(sampling, monkeypatch):
    taken = []
    monkeypatch.setattr(_react, "samplers", [taken.append])
    sampling(3)
    for _ in range(9):
        brine.pickle.dumps(shapes.Plain())
        brine.pickle.dumps({"values": "are not counted"})
    assert taken == [pickle.dumps(shapes.Plain())] * 3
    sampling(0)
    brine.pickle.dumps(shapes.Plain())
    assert len(taken) == 3


def dump_by(pickler, protocol=None, **options):
    """A way to pickle: to a file, by a Pickler of that class."""
    return lambda obj: pickler(io.BytesIO(), protocol, **options).dump(obj)


class Sub(brine.pickle.Pickler):
    """A subclass without hooks."""


class Identifying(brine.pickle.Pickler):
    def persistent_id(self, obj):
        return "plain" if obj is shapes.Plain else None


class Overriding(brine.pickle.Pickler):
    def reducer_override(self, obj):
        return NotImplemented


class Tabled(brine.pickle.Pickler):
    """With a table as that of multiprocessing: what it makes of one class is for another process alone."""

    dispatch_table = {shapes.Slots: lambda obj: (shapes.function, ())}


@pytest.mark.parametrize("protocol", [None, 2, 5])
@pytest.mark.parametrize("dump", [
    lambda obj, protocol: brine.pickle.dumps(obj, protocol),
    lambda obj, protocol: brine.pickle.dump(obj, io.BytesIO(), protocol),
    lambda obj, protocol: dump_by(brine.pickle.Pickler, protocol)(obj),
    lambda obj, protocol: dump_by(Sub, protocol)(obj),
    lambda obj, protocol: dump_by(Tabled, protocol)(obj),
], ids=["dumps", "dump", "Pickler", "subclass", "dispatch table"])
def test_each_way_of_pickling_is_checked(sampling, monkeypatch, dump, protocol):
    taken = []
    monkeypatch.setattr(_react, "samplers", [taken.append])
    sampling(1)
    values = [shapes.Plain(), [shapes.Plain(), "x" * 200_000, b"y" * 100_000, bytearray(70_000), shapes.Plain()]]
    for value in values:
        dump(value, protocol)
    assert taken == [pickle.dumps(value, protocol) for value in values]


@pytest.mark.parametrize("dump", [
    lambda obj: brine.pickle.dumps(obj, 5, buffer_callback=lambda buffer: None),
    lambda obj: brine.pickle.dump(obj, io.BytesIO(), 5, buffer_callback=lambda buffer: None),
    dump_by(brine.pickle.Pickler, 5, buffer_callback=lambda buffer: None),
    dump_by(Identifying), dump_by(Overriding), lambda obj: dump_by(Tabled)([obj, shapes.Slots()]),
    lambda obj: brine.pickle.dump([obj, "x" * _sampling.LARGEST_SAMPLE], io.BytesIO()),
], ids=["buffers of dumps", "buffers of dump", "buffers of a Pickler", "persistent_id", "reducer_override",
        "dispatch table", "long"])
def test_what_only_the_program_can_load_is_not_checked(sampling, monkeypatch, dump):
    taken = []
    monkeypatch.setattr(_react, "samplers", [taken.append])
    sampling(1)
    dump(shapes.Plain())
    assert taken == []


@pytest.mark.parametrize("value", [bytearray(64 << 20), pickle.PickleBuffer(bytearray(64 << 20))], ids=type)
def test_what_is_too_long_to_be_checked_is_not_copied(sampling, value):
    sampling(1)
    tracemalloc.start()
    try:
        brine.pickle.dump([shapes.Plain(), value], SimpleNamespace(write=id), 5)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_of_a_pickler_what_can_be_loaded_by_itself_is_checked(sampling, monkeypatch):
    taken = []
    monkeypatch.setattr(_react, "samplers", [taken.append])
    sampling(1)
    pickler = brine.pickle.Pickler(io.BytesIO())
    pickler.dump(shapes.Plain())
    pickler.dump([shapes.Plain(), shapes.Slots()])  # takes Plain's name from the memo
    pickler.clear_memo()
    pickler.dump(shapes.Slots())
    pickler.__init__(io.BytesIO())
    pickler.dump(shapes.Slots())
    assert taken == [pickle.dumps(shapes.Plain()), pickle.dumps(shapes.Slots())]


def test_what_multiprocessing_hands_over_is_not_taken_away(environment):
    program = ("import brine.pickle\nbrine.pickle.install()\n"
               "from brine import _guard\nfrom brine.pickle import _react\n"
               "import decimal, multiprocessing\nfrom multiprocessing.reduction import ForkingPickler\n"
               "taken = []\n_react.samplers.append(taken.append)\n_guard.set_sampling(1)\n"
               "class_of_a_pool = ForkingPickler.dumps((0, decimal.Decimal, [decimal.Decimal(1)]))\n"
               "assert taken == [bytes(class_of_a_pool)], taken\n"
               "one, other = multiprocessing.Pipe()\nForkingPickler.dumps([one, decimal.Decimal(1)])\n"
               "assert len(taken) == 1, taken\n")
    subprocess.run(["/usr/bin/python3", "-c", program], env=environment, timeout=60, check=True)


def test_what_is_told_already_is_not_checked(sampling, monkeypatch):
    taken = []
    monkeypatch.setattr(_react, "samplers", [taken.append])
    sampling(1)
    brine.pickle.dumps(test_restore_fails.TwoArguments("pen", 2))
    assert taken == []


def test_a_finding_of_a_sample_is_counted_and_delivered(sampling):
    sampling(1)
    with brine.pickle.collect() as reports:
        brine.pickle.dumps([Loses(1)])
        until(lambda: reports)
    assert reports[0].ids == ("restore-differs",)


def test_one_sample_at_a_time_and_no_long_ones(monkeypatch):
    asked, go_on = [], threading.Event()

    def slow(stream, *args, **kwargs):
        asked.append(stream)
        go_on.wait()
        raise CheckError("x")

    monkeypatch.setattr(_sampling, "check_pickle", slow)
    for stream in (b"first", b"second", b"x" * (_sampling.LARGEST_SAMPLE + 1)):
        _sampling.offer(stream)
    until(lambda: asked)
    _sampling.offer(b"third")
    go_on.set()
    until(lambda: _sampling._free.acquire(blocking=False))
    _sampling._free.release()
    assert asked == [b"first"]


def test_a_program_ends_at_once_though_a_sample_is_being_checked(environment, module, tmp_path):
    module("endless", "import threading\ndef wait(): threading.Event().wait()\n"
           "class Sleeps:\n    def __reduce__(self): return wait, ()\n")
    environment["PYTHONPATH"] += f":{tmp_path}"
    program = ("import brine.pickle, endless, sys\nfrom brine import _guard\nfrom brine.pickle import _sampling\n"
               "_sampling.SECONDS = 600.0\n_guard.set_sampling(1)\nbrine.pickle.dumps(endless.Sleeps())\n")
    assert subprocess.run(["/usr/bin/python3", "-c", program], env=environment, timeout=60).returncode == 0
