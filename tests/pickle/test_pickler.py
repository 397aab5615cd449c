"""What stands in the place of pickle is pickle, to whoever does not look for the guard."""

import copy
import gc
import inspect
import io
import pickle
import pydoc
import sys
import threading
import types
import weakref

import _pickle
import brine.pickle
import pytest
from brine import _guard
from checking import PROTOCOLS, Record, outcome
from corpus import shapes

NAMES = ("dumps", "dump", "loads", "load")
DATA = _pickle.dumps([1, {"a": shapes.Plain()}])


@pytest.fixture(params=["Off", "Report", "Enforce", "BuiltinOnly"])
def any_policy(request, policy):
    policy(request.param)
    return request.param


class Writes:
    """A file whose write() does as it is told."""

    def __init__(self, write):
        self.write = write


class MainItem:
    """One of __main__."""


@pytest.fixture
def main_item(monkeypatch):
    monkeypatch.setattr(MainItem, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "MainItem", MainItem, raising=False)
    return MainItem()


def both(run, *args):
    """Runs with pickle's own module and with the guard; the outcomes are to be the same."""
    plain, guarded = outcome(run, _pickle, *args), outcome(run, _guard, *args)
    assert guarded == plain
    return plain


# --- signatures and bad arguments -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    ours, theirs = getattr(_guard, name), getattr(_pickle, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    assert ours.__name__ == name and ours.__module__ == "pickle"
    assert ours.__doc__.split(".")[0] == theirs.__doc__.split(".")[0]
    assert f"{name}(" in pydoc.render_doc(ours, renderer=pydoc.plaintext)


@pytest.mark.parametrize("name", ["Pickler", "Unpickler"])
def test_classes(name):
    ours, theirs = getattr(_guard, name), getattr(_pickle, name)
    assert issubclass(ours, theirs) and ours.__name__ == ours.__qualname__ == name and ours.__module__ == "pickle"
    assert ours.__doc__ == theirs.__doc__
    assert {member for member in dir(theirs)} <= set(dir(ours))
    assert f"class {name}" in pydoc.render_doc(ours, renderer=pydoc.plaintext)
    assert not hasattr(ours(io.BytesIO()), "__dict__")
    with pytest.raises(TypeError):
        weakref.ref(ours(io.BytesIO()))
    with pytest.raises(TypeError):
        copy.copy(ours(io.BytesIO()))


class Endless:
    """A file of the same pickle again and again."""

    def read(self, size):
        return b"."[:size]

    def readline(self):
        return b"1\n"

    def readinto(self, buffer):
        buffer[:] = b"I" * len(buffer)
        return len(buffer)


file = io.BytesIO()


@pytest.mark.parametrize("name, args, kwargs", [
    ("dumps", (), {}), ("dumps", (1, 2, 3), {}), ("dumps", (1, 6), {}), ("dumps", (1, "x"), {}),
    ("dumps", (1, 2**70), {}),
    ("dumps", (1, -2**70), {}), ("dumps", (1,), {"obj": 2}), ("dumps", (), {"obj": 2}), ("dumps", (), {"object": 2}),
    ("dumps", (1, 2), {"protocol": 3}), ("dumps", (), {"obj": 1, "protocol": 2}),
    ("dumps", (1,), {"fix_imports": False}),
    ("dumps", (1, 4), {"buffer_callback": print}), ("dumps", (1, 5), {"buffer_callback": 3}), ("dumps", (1, None), {}),
    ("dumps", (1, True), {}), ("dumps", (1, 2.0), {}), ("dumps", (1, -1), {}), ("dumps", (1, -5), {}),
    ("dump", (), {}), ("dump", (1,), {}), ("dump", (1, 2), {}), ("dump", (1, None), {}), ("dump", (1, file, 6), {}),
    ("dump", (1, file, "x"), {}), ("dump", (1, file, 2, 3), {}), ("dump", (1, file), {"obj": 2}),
    ("dump", (1, file), {"file": file}), ("dump", (1, file, 4), {"protocol": 2}),
    ("dump", (), {"obj": 1, "file": file}),
    ("dump", (1,), {"file": file, "protocol": 2, "fix_imports": False}), ("dump", (1, file), {"protokol": 2}),
    ("dump", (1, file, 4), {"buffer_callback": print}), ("dump", (1, file), {"buffer_callback": None}),
    ("dump", (1, file, 2**70), {}), ("dump", (1, file, None), {"fix_imports": 5}),
    ("loads", (), {}), ("loads", (1,), {}), ("loads", ("text",), {}), ("loads", (b"",), {}), ("loads", (b"x",), {}),
    ("loads", (DATA[:-3],), {}), ("loads", (DATA, 2), {}), ("loads", (), {"data": DATA}), ("loads", (DATA,), {"x": 1}),
    ("loads", (DATA,), {"encoding": 5}), ("loads", (DATA,), {"buffers": 5}), ("loads", (b"I1\n.",), {}),
    ("load", (), {}), ("load", (1,), {}), ("load", (None,), {}), ("load", (io.BytesIO(b""),), {}),
    ("load", (io.BytesIO(),), {"file": 1}), ("load", (io.BytesIO(), 1), {}), ("load", (io.BytesIO(),), {"x": 1}),
    ("load", (io.BytesIO(),), {"encoding": 5}), ("load", (), {"file": Endless()}),
])
def test_arguments(name, args, kwargs, any_policy):
    both(lambda module: getattr(module, name)(*args, **kwargs))


@pytest.mark.parametrize("name, args, kwargs", [
    ("Pickler", (), {}), ("Pickler", (1,), {}), ("Pickler", (file, 6), {}), ("Pickler", (file, "x"), {}),
    ("Pickler", (file, 4, True, print), {}), ("Pickler", (file, 4, True, None, 5), {}),
    ("Pickler", (file,), {"file": file}),
    ("Pickler", (), {"file": file, "protocol": 2}), ("Pickler", (file,), {"x": 1}), ("Pickler", (), {"protocol": 1}),
    ("Unpickler", (), {}), ("Unpickler", (1,), {}), ("Unpickler", (file, 5), {}), ("Unpickler", (file,), {"x": 1}),
    ("Unpickler", (), {"file": io.BytesIO(b"I1\n."), "encoding": "bytes"}),
])
def test_arguments_of_classes(name, args, kwargs, any_policy):
    def make(module):
        getattr(module, name)(*args, **kwargs)
    both(make)


@pytest.mark.parametrize("args", [(), (1, 2), (1, 2, 3)])
def test_arguments_of_methods(args, any_policy):
    for method in ("dump", "clear_memo"):
        both(lambda module: getattr(module.Pickler(io.BytesIO()), method)(*args))
    both(lambda module: module.Unpickler(io.BytesIO(b"I1\n.")).load(*args))
    both(lambda module: module.Unpickler(io.BytesIO()).find_class(*args))


def test_keyword_arguments_of_methods(any_policy):
    for module in (_pickle, _guard):
        with pytest.raises(TypeError):
            module.Pickler(io.BytesIO()).dump(obj=1)
        with pytest.raises(TypeError):
            module.Unpickler(io.BytesIO()).find_class(module_name="json", global_name="dumps")


# --- subclasses -----------------------------------------------------------------------------------------


def test_subclass_without_init(any_policy):
    def run(module):
        class Own(module.Pickler):
            def __init__(self):
                pass
        Own().dump(1)
    assert both(run)[1] == (pickle.PicklingError, "Pickler.__init__() was not called by Own.__init__()")


def test_subclass_with_init(any_policy):
    def run(module):
        class Own(module.Pickler):
            def __init__(self, file, more):
                super().__init__(file, protocol=2)
                self.more = more

            def dump(self, obj):
                return super().dump([obj, self.more])
        made = Own(file := io.BytesIO(), "more")
        weakref.ref(made)
        assert made.dump("obj") is None
        return file.getvalue()
    assert both(run)[0]


def test_subclass_of_several_classes(any_policy):
    def run(module):
        class Mixin:
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.mixed = True

        class Own(Mixin, module.Pickler):
            __slots__ = ()
        made = Own(file := io.BytesIO(), 4)
        made.dump(made.mixed)
        return file.getvalue()
    assert both(run)[0]


def test_reducer_override_and_persistent_id(any_policy):
    def run(module):
        class Own(module.Pickler):
            def reducer_override(self, obj):
                return (list, ((1, 2),)) if type(obj) is shapes.Plain else NotImplemented

            def persistent_id(self, obj):
                return "id" if obj == "secret" else None
        made = Own(file := io.BytesIO())
        made.dump(["secret", 1, None])
        return file.getvalue()
    assert both(run)[0]


def test_hooks_of_an_instance(any_policy):
    def run(module):
        class Own(module.Pickler):
            pass
        made = Own(file := io.BytesIO())
        made.persistent_id = lambda obj: "id" if obj == "secret" else None
        made.dispatch_table = {complex: lambda obj: (complex, (1, 2))}
        made.dump(["secret", 1j])
        return file.getvalue()
    assert both(run)[0]


def test_unpickler_hooks(any_policy):
    def run(module):
        class Own(module.Unpickler):
            def find_class(self, module_name, name):
                return super().find_class("corpus.shapes", "Slots")

            def persistent_load(self, pid):
                return ("persistent", pid)
        loaded = Own(io.BytesIO(b"(lPx\nacno_module\nPlain\na.")).load()
        return loaded[0], loaded[1].__name__
    assert both(run)[0]


# --- the memo -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_several_dumps_share_the_memo(protocol):
    def run(module):
        made = module.Pickler(file := Record(), protocol)
        shared = [shapes.Plain(), "text"]
        for _ in range(3):
            made.dump(shared)
        made.clear_memo()
        made.dump([shared, shapes.Plain])
        made.memo.clear()
        made.dump(shared)
        made.memo = {id(shared): (0, shared)}
        memo = dict(made.memo.copy())
        made.dump(shared)
        made.fast = True
        made.dump([shapes.Plain(), shapes.Plain()])
        return file.chunks, list(memo) == [id(shared)], made.fast, made.bin
    assert both(run)[0]


def test_memo_of_a_pickler(any_policy):
    def run(module):
        made = module.Pickler(io.BytesIO())
        made.dump([])
        return type(made.memo).__name__, len(made.memo.copy())
    assert both(run)[0]
    both(lambda module: setattr(module.Pickler(io.BytesIO()), "memo", 5))
    both(lambda module: delattr(module.Pickler(io.BytesIO()), "memo"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hazard_that_was_memoized_by_an_earlier_dump(protocol, main_item, policy):
    """The second dump names the class by the memo, in other words: the stream leaves the name out."""
    made = brine.pickle.Pickler(io.BytesIO(), protocol)
    for expected in (["naming-main"], [], ["naming-main"]):
        with brine.pickle.collect() as reports:
            made.dump([main_item])
        if expected:
            assert [hazard.id for report in reports for hazard in report] == expected
        else:
            made.clear_memo()


def test_parts_of_a_name_that_were_memoized_by_an_earlier_dump(main_item):
    made = brine.pickle.Pickler(io.BytesIO(), 4)
    module_name, name = MainItem.__module__, MainItem.__qualname__
    made.dump([module_name, name])
    with brine.pickle.collect() as reports:
        made.dump(main_item)
    assert [hazard.path for report in reports for hazard in report] == ["main_item"]


@pytest.mark.parametrize("spoil", [
    lambda made: made.memo.clear(), lambda made: made.__init__(io.BytesIO()), lambda made: setattr(made, "memo", {}),
    lambda made: outcome(made.dump, [shapes.Plain(), threading.Lock()]), lambda made: made.clear_memo(),
    lambda made: None,
], ids=["clear", "init", "set", "failed dump", "clear_memo", "nothing"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hazard_after_the_memo_was_changed(spoil, protocol, main_item):
    made = brine.pickle.Pickler(io.BytesIO(), protocol)
    made.dump([shapes.Plain(), shapes.Color.RED, "a", "b", "c"])
    spoil(made)
    with brine.pickle.collect() as reports:
        made.dump(["x", "y", shapes.Color.RED, main_item, shapes.Plain()])
    assert [hazard.path for report in reports for hazard in report] == ["obj[3]"]


def test_hazard_after_dumps_that_were_not_looked_at(main_item, policy):
    made = brine.pickle.Pickler(io.BytesIO(), 4)
    policy("Off")
    made.dump(["a", "b", shapes.Plain(), "c", "__main__"])
    policy("Enforce")
    made.dump([shapes.Plain(), "c", shapes.Slots()])
    with pytest.raises(brine.pickle.UnsafePickleError):
        made.dump([main_item])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_dump_after_a_failed_dump(protocol):
    def run(module):
        made = module.Pickler(file := Record(), protocol)
        failed = outcome(made.dump, [shapes.Plain(), "x" * 100_000, threading.Lock()])
        made.dump([shapes.Plain(), 1])
        made.dump([shapes.Plain()])
        return failed, file.chunks
    both(run)


# --- the file -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make_file", [
    lambda: object(), lambda: Writes(None), lambda: Writes(5), lambda: Writes(lambda: None),
    lambda: Writes(lambda chunk: 1 / 0), lambda: Writes(lambda chunk: "value"), lambda: io.StringIO(),
    lambda: sys.exit, lambda: type("Raises", (), {"write": property(lambda self: 1 / 0)})(),
], ids=["none", "None", "5", "no argument", "raises", "returns", "text", "function", "property"])
def test_files_of_all_kinds(make_file, any_policy):
    obj = [1, "x" * 100_000, b"y" * 100_000]
    both(lambda module: module.dump(obj, make_file()))
    both(lambda module: module.Pickler(make_file()).dump(obj))


def as_bytes(chunks, policy_name):
    """Where pieces are held until all has been judged, one that can change is copied."""
    return [bytes(chunk) for _, chunk in chunks] if policy_name == "Enforce" else chunks


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("policy_name", ["Off", "Report", "Enforce"])
def test_pieces_in_which_the_file_is_written(protocol, policy_name, policy):
    policy(policy_name)
    large = [b"x" * 70_000, "y" * 70_000, bytearray(b"z" * 70_000), b"small", list(range(50_000)), shapes.Plain()]
    for obj in (large, *large, [large, large]):
        def run(module):
            module.dump(obj, file := Record(), protocol)
            made = module.Pickler(file, protocol)
            made.dump(obj)
            made.dump(obj)
            return as_bytes(file.chunks, policy_name)
        both(run)


@pytest.mark.parametrize("policy_name", ["Report", "Enforce"])
def test_large_bytes_are_not_copied(policy, policy_name):
    policy(policy_name)
    large, chunks = b"x" * 1_000_000, []
    brine.pickle.dump([large], Writes(chunks.append), 5)
    assert any(chunk is large for chunk in chunks)


def test_file_that_keeps_what_it_is_given(policy):
    policy("Report")
    data = bytearray(b"x" * 100_000)
    for module in (_pickle, _guard):
        chunks = []
        module.dump([data, pickle.PickleBuffer(data)], Writes(lambda chunk: chunks.append(memoryview(chunk))), 5)
        assert pickle.loads(b"".join(chunks)) == [data, data]


def test_enforce_has_written_nothing(policy, main_item):
    policy("Enforce")
    for dump in (lambda file: brine.pickle.dump([b"x" * 100_000, main_item], file),
                 lambda file: brine.pickle.Pickler(file).dump([b"x" * 100_000, main_item]),
                 lambda file: brine.pickle.Pickler(file, 2).dump([list(range(100_000)), main_item]),
                 lambda file: brine.pickle.dump([b"x" * 100_000, lambda: None], file)):
        with pytest.raises(brine.pickle.UnsafePickleError):
            dump(file := Record())
        assert file.chunks == []


def test_enforce_writes_nothing_of_a_dump_that_pickle_refuses(policy):
    policy("Enforce")
    with pytest.raises(TypeError):
        brine.pickle.dump([b"x" * 100_000, threading.Lock()], file := Record())
    assert file.chunks == []


def test_enforce_hands_out_no_buffer(policy, main_item):
    policy("Enforce")
    buffers = []
    obj = [pickle.PickleBuffer(b"data"), main_item]
    for dump in (lambda: brine.pickle.dumps(obj, 5, buffer_callback=buffers.append),
                 lambda: brine.pickle.dump(obj, io.BytesIO(), 5, buffer_callback=buffers.append),
                 lambda: brine.pickle.Pickler(io.BytesIO(), 5, buffer_callback=buffers.append).dump(obj)):
        with pytest.raises(brine.pickle.UnsafePickleError):
            dump()
        assert not buffers


def test_file_whose_write_fails_when_all_has_been_judged(policy):
    policy("Enforce")
    with pytest.raises(ZeroDivisionError):
        brine.pickle.dump([1], Writes(lambda chunk: 1 / 0))


@pytest.mark.parametrize("callback_returns", [None, True, False])
def test_buffer_callback(callback_returns, any_policy):
    def run(module):
        buffers = []

        def callback(buffer):
            buffers.append(bytes(buffer))
            return callback_returns
        obj = [pickle.PickleBuffer(b"x"), pickle.PickleBuffer(b"y" * 100_000)]
        if any_policy == "BuiltinOnly":
            obj = {"a": 1}
        data = module.dumps(obj, 5, buffer_callback=callback)
        module.dump(obj, file := Record(), 5, buffer_callback=callback)
        module.Pickler(file, 5, buffer_callback=callback).dump(obj)
        return data, buffers, as_bytes(file.chunks, any_policy)
    both(run)


@pytest.mark.parametrize("data", [DATA, bytearray(DATA), memoryview(DATA), memoryview(DATA * 2)[::1]])
def test_buffers_to_load_from(data, any_policy):
    assert repr(type(both(lambda module: repr(module.loads(data))[:10])[1]))


class Reads:
    """A file of what pickle asks of it alone, or with readinto."""

    def __init__(self, data):
        self.file = io.BytesIO(data)
        self.calls = []

    def read(self, size):
        self.calls.append(("read", size))
        return self.file.read(size)

    def readline(self):
        self.calls.append("readline")
        return self.file.readline()


def test_how_a_file_is_read(any_policy):
    def run(module):
        file = Reads(DATA + _pickle.dumps(5, 0) + b"rest")
        return type(module.load(file)), module.Unpickler(file).load(), file.calls, file.file.read()
    assert both(run)[0]


# --- the life of objects --------------------------------------------------------------------------------


class Owner:
    """A file that holds the Pickler which writes to it."""

    def write(self, chunk):
        pass


@pytest.mark.parametrize("policy_name", ["Off", "Report", "Enforce"])
def test_cycle_of_file_and_pickler(policy, policy_name):
    policy(policy_name)
    owner = Owner()
    owner.pickler = brine.pickle.Pickler(owner)
    owner.pickler.dump([1, shapes.Plain()])
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


def test_nothing_keeps_the_file_or_the_object():
    file, obj = Owner(), shapes.Plain(a=shapes.Plain())
    gone = [weakref.ref(file), weakref.ref(obj)]
    brine.pickle.dump(obj, file)
    brine.pickle.Pickler(file).dump(obj)
    del file, obj
    assert [reference() for reference in gone] == [None, None]


def test_no_leak(main_item):
    """Neither of references nor of memory, in dumps with and without a hazard."""
    def run():
        for obj in ([shapes.Plain()], [main_item]):
            brine.pickle.dumps(obj)
            brine.pickle.dump(obj, io.BytesIO())
            brine.pickle.Pickler(io.BytesIO()).dump(obj)
            brine.pickle.inspect(obj)
            outcome(brine.pickle.dumps, [lambda: None])
            outcome(brine.pickle.loads, b"cno_such_module\nx\n.")
            brine.pickle.scan(DATA)
    run()
    gc.collect()
    counts = [sys.getrefcount(obj) for obj in (None, shapes.Plain, MainItem, main_item, "__main__")]
    objects = len(gc.get_objects())
    for _ in range(50):
        run()
    gc.collect()
    after = [sys.getrefcount(obj) for obj in (None, shapes.Plain, MainItem, main_item, "__main__")]
    assert [there - here for here, there in zip(counts[1:], after[1:])] == [0] * 4
    assert abs(after[0] - counts[0]) < 50 and abs(len(gc.get_objects()) - objects) < 50


def test_guard_pickles_itself():
    for obj in (_guard.dumps, _guard.load, _guard.Pickler, _guard.Unpickler):
        original = getattr(pickle, obj.__name__)
        setattr(pickle, obj.__name__, obj)
        try:
            assert pickle.loads(brine.pickle.dumps(obj)) is obj
            assert not brine.pickle.inspect(obj)
            assert copy.copy(obj) is obj and copy.deepcopy(obj) is obj
        finally:
            setattr(pickle, obj.__name__, original)


def test_threads(main_item):
    wrong = []

    def work():
        made = brine.pickle.Pickler(io.BytesIO())
        for number in range(200):
            if brine.pickle.dumps([number, shapes.Plain()]) != _pickle.dumps([number, shapes.Plain()]):
                wrong.append(number)
            made.dump([number, shapes.Plain()])
            if brine.pickle.inspect([main_item]).ids != ("naming-main",):
                wrong.append("inspect")
            brine.pickle.dumps(main_item)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_dump_within_the_code_of_an_object(main_item):
    """What an object pickles while it is pickled is a dump of its own."""
    class Cached:
        def __reduce__(self):
            return shapes.function, (brine.pickle.dumps(main_item),)
    with brine.pickle.collect() as reports:
        brine.pickle.dumps([Cached()])
    assert [hazard.path for report in reports for hazard in report] == ["main_item"]


def test_exceptions_that_are_no_errors_pass():
    class Interrupts:
        def __reduce__(self):
            raise KeyboardInterrupt
    for dump in (brine.pickle.dumps, lambda obj: brine.pickle.dump(obj, io.BytesIO()), brine.pickle.inspect):
        with pytest.raises(KeyboardInterrupt):
            dump([Interrupts()])


def test_an_error_keeps_its_traceback_and_context():
    class Fails:
        def __reduce__(self):
            raise AttributeError("own") from ValueError("cause")
    for dumps in (_pickle.dumps, brine.pickle.dumps):
        try:
            raise KeyError("context")
        except KeyError:
            with pytest.raises(AttributeError) as caught:
                dumps([Fails()], 4)
        assert caught.value.__traceback__.tb_next.tb_frame.f_code.co_name == "__reduce__"
        assert isinstance(caught.value.__cause__, ValueError)
        assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("protocol", [None, *PROTOCOLS])
def test_errors_of_a_failed_dumps_with_any_argument_for_the_protocol(protocol):
    for obj in (lambda: None, threading.Lock(), [shapes.Plain(), lambda: None]):
        both(lambda module: module.dumps(obj, protocol))
        both(lambda module: module.dumps(obj, protocol=protocol))
        both(lambda module: module.dump(obj, io.BytesIO(), protocol=protocol))


# --- a dump to a file, in one write or in several -------------------------------------------------------

LARGE = b"x" * 200_000  # pickle writes it by itself, behind the frame before it
ROWS = [f"row {number}" for number in range(20_000)]  # of several frames
PLACES = {
    "alone": lambda item: item, "in one write": lambda item: [1, item, "x"], "before a large value": lambda item: [item, LARGE],
    "behind a large value": lambda item: [LARGE, item], "between two": lambda item: [LARGE, item, LARGE],
    "before many rows": lambda item: [item, ROWS], "behind many rows": lambda item: [ROWS, item],
    "in both": lambda item: [item, ROWS, item], "twice": lambda item: [[item, LARGE], {"a": item}],
    "behind a byte that looks like a name's": lambda item: [b"\x93\x93h\x93", item, "\x93"],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("place", PLACES)
def test_a_hazard_is_found_in_whichever_write_it_is(place, protocol, main_item, policy):
    policy("Enforce")
    file = io.BytesIO()
    with pytest.raises(brine.pickle.UnsafePickleError) as raised:
        _guard.dump(PLACES[place](main_item), file, protocol)
    assert raised.value.report.ids == ("naming-main",) and file.getvalue() == b""
    _guard.dump(PLACES[place](shapes.Plain()), file, protocol)
    assert file.getvalue()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("place", PLACES)
def test_a_file_is_written_as_pickle_writes_it(place, protocol, any_policy):
    if any_policy == "BuiltinOnly":
        pytest.skip("it refuses what is written here")

    def writes(module):
        chunks = []
        module.dump(PLACES[place](shapes.Plain()), Writes(lambda chunk: chunks.append(bytes(chunk))), protocol)
        return chunks

    both(writes)


@pytest.mark.parametrize("name", ["Row", "Row-", "Row (v2)", "\xe9"])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_fast_pickler_hides_no_name(name, is_late, monkeypatch):
    module = types.ModuleType("made_by_hand_for_fast_picklers")
    row = type(name, (), {"__module__": module.__name__})
    setattr(module, name, row)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    pickler = brine.pickle.Pickler(io.BytesIO())

    class MakesItFast:
        def __reduce__(self):
            pickler.fast = True
            return str, ()

    pickler.fast = not is_late
    with brine.pickle.collect() as reports:
        pickler.dump([MakesItFast(), row] if is_late else row)
    assert [report.ids for report in reports] == [("naming-unimportable",)]
