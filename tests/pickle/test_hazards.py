"""Each hazard that there can be without a server: what is said of it, and by which path it is found."""

import copyreg
import importlib
import collections
import io
import json
import pickle
import subprocess
import sys
import types

import _pickle
import brine.pickle
import pytest
from brine import _guard
from brine.pickle import Report, UnsafePickleError, _react, inspect
from corpus import shapes

pytestmark = pytest.mark.filterwarnings("ignore")


class Item:
    """Its module is called __main__ here: pickle finds it there, and another program would not."""


@pytest.fixture(autouse=True)
def main(monkeypatch):
    """Class Item is one of __main__."""
    monkeypatch.setattr(Item, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Item", Item, raising=False)


def only(report):
    """The one hazard of a report."""
    assert len(report) == 1, report
    return report.hazards[0]


def path(obj, protocol=None):
    return only(inspect(obj, protocol)).path


def gathered(function, *args, **kwargs):
    """The hazards of a call, whatever becomes of it."""
    with brine.pickle.collect() as reports:
        try:
            function(*args, **kwargs)
        except Exception:
            pass
    return [hazard for report in reports for hazard in report]


# --- each id --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("obj, path, what", [
    (Item, "obj", "the class Item"), ([Item()], "obj[0]", "an instance of class Item"),
], ids=["class", "instance"])
def test_naming_main(obj, path, what):
    hazard = only(inspect(obj))
    assert (hazard.id, hazard.severity, hazard.path) == ("naming-main", "warning", path)
    assert (hazard.module, hazard.qualname, hazard.script) == ("__main__", "Item", None)
    assert hazard.message.startswith(f"{path} is {what}, defined in __main__, ")
    assert hazard.pickle_error is None


def test_naming_local():
    class Local:
        pass

    def function():
        pass

    for obj, noun in ((Local(), "an instance of class test_naming_local.<locals>.Local"),
                      (function, "the function test_naming_local.<locals>.function")):
        hazard = only(inspect(obj))
        assert (hazard.id, hazard.severity) == ("naming-local", "error")
        assert f"obj is {noun}, defined inside a function" in hazard.message
        assert "Can't " in hazard.pickle_error and "local object" in hazard.pickle_error
    hazard = only(inspect({"f": lambda: None}))
    assert hazard.message.startswith("obj['f'] is a lambda in module test_hazards: ")


def test_naming_unimportable():
    made = sys.modules["made_by_hand"] = types.ModuleType("made_by_hand")
    try:
        exec("class Item: pass", made.__dict__)
        hazard = only(inspect([made.Item()]))
        assert (hazard.id, hazard.severity, hazard.path) == ("naming-unimportable", "warning", "obj[0]")
        assert "no finder on sys.meta_path" in hazard.message
        assert [found.id for found in gathered(brine.pickle.dumps, made.Item)] == ["naming-unimportable"]
    finally:
        del sys.modules["made_by_hand"]


@pytest.mark.parametrize("name", ["brine_test_plain.json", "wsgiref.made_by_hand", "wsgiref.json"])
def test_submodule_that_was_put_into_sys_modules_by_hand(name, module):
    """Not under a module that is no package, nor under a package that has not been imported."""
    if name.startswith("brine"):
        module("brine_test_plain")
        importlib.import_module("brine_test_plain")
    made = sys.modules[name] = types.ModuleType(name)
    try:
        exec("class Item: pass", made.__dict__)
        assert only(inspect(made.Item())).id == "naming-unimportable"
    finally:
        del sys.modules[name]


def test_reload(module):
    source = module("reloaded", "class Kept: pass\nclass Gone: pass\ndef function(): pass\n")
    reloaded = importlib.import_module("reloaded")
    old = [reloaded.Kept(), reloaded.Gone(), reloaded.function]
    assert not inspect(old)
    source.write_text("class Kept: 'new'\ndef function(): return 1\n")
    del reloaded.Gone
    importlib.reload(reloaded)
    order = ("Kept", "Gone", "function")
    stale, missing, function = sorted(inspect(old), key=lambda hazard: order.index(hazard.qualname))
    assert [hazard.id for hazard in (stale, missing, function)] == ["reload-stale", "reload-missing", "reload-stale"]
    assert "not the same object as reloaded.Kept" in stale.pickle_error
    assert "reloaded" in missing.pickle_error
    assert "is bound to another object now" in stale.message
    assert {stale.severity, missing.severity} == {"error"}
    for obj in old:
        with pytest.raises(pickle.PicklingError) as plain:
            _pickle.dumps(obj)
        with brine.pickle.collect() as reports, pytest.raises(pickle.PicklingError) as guarded:
            brine.pickle.dumps(obj)
        assert str(guarded.value) == str(plain.value) and type(guarded.value) is type(plain.value)
        assert only(reports[0]).id.startswith("reload-")
    assert not inspect([reloaded.Kept(), reloaded.function])


def test_module_name_of_a_script_of_another_server():
    class Foreign:
        pass
    Foreign.__module__ = "_mod_wsgi_0123456789abcdef"
    Foreign.__qualname__ = "Foreign"
    hazard = only(inspect(Foreign()))
    assert hazard.id == "naming-script"
    assert "a WSGI script that is not loaded here" in hazard.message


@pytest.mark.parametrize("data, id, name", [
    (b"cno_such_module.inner\nItem\n.", "restore-no-module", "no_such_module.inner.Item"),
    (b"cjson\nItem\n.", "restore-no-attribute", "json.Item"),
    (b"\x80\x04\x8c\x04json\x8c\x0bLost.Nested\x93.", "restore-no-attribute", "json.Lost.Nested"),
    (b"c_mod_wsgi_0123\nItem\n.", "restore-no-module", "_mod_wsgi_0123.Item"),
])
def test_restore(data, id, name):
    for load in (lambda: brine.pickle.loads(data), lambda: brine.pickle.load(io.BytesIO(data)),
                 lambda: brine.pickle.Unpickler(io.BytesIO(data)).load()):
        with pytest.raises((ImportError, AttributeError)) as plain:
            _pickle.loads(data)
        with brine.pickle.collect() as reports, pytest.raises((ImportError, AttributeError)) as guarded:
            load()
        hazard = only(reports[0])
        assert (hazard.id, f"{hazard.module}.{hazard.qualname}", hazard.path) == (id, name, "")
        assert type(guarded.value) is type(plain.value)
        note = f"Brine: the pickle names {name}"
        if sys.version_info >= (3, 11):
            assert str(guarded.value) == str(plain.value)
            assert guarded.value.__notes__[0].startswith(note)
        else:
            assert str(guarded.value).startswith(f"{plain.value}\n{note}")


def test_restore_module_that_does_not_load(module):
    module("needs_another", "import not_installed_at_all\n")
    hazard, = gathered(brine.pickle.loads, b"cneeds_another\nItem\n.")
    assert (hazard.id, hazard.module) == ("restore-no-module", "needs_another")


class FailsToRestore:
    error: Exception = AttributeError("'X' object has no attribute 'y'")

    def __getstate__(self):
        return 1

    def __setstate__(self, state):
        raise self.error


@pytest.mark.parametrize("error", [AttributeError("'X' object has no attribute 'y'"), ImportError("no y here"),
                                   ModuleNotFoundError("No module named 'y'", name="y")])
def test_what_fails_in_the_program_s_own_code_is_told_of_that_code(error, monkeypatch, module):
    """A global behind it in the stream has not been looked for: that its module is not loaded says nothing."""
    monkeypatch.setattr(FailsToRestore, "error", error)
    module("not_loaded_yet", "class Item: pass\n")
    item = importlib.import_module("not_loaded_yet").Item()
    data = _pickle.dumps([FailsToRestore(), item])
    del sys.modules["not_loaded_yet"]
    for load in (lambda: brine.pickle.loads(data), lambda: brine.pickle.load(io.BytesIO(data))):
        hazard, = gathered(load)
        assert (hazard.id, hazard.module, hazard.qualname) == ("restore-fails", __name__, "FailsToRestore")


@pytest.mark.parametrize("obj, name", [
    (shapes.Plain(), "corpus.shapes.Plain"), (len, "builtins.len"), (range(3), "builtins.range"),
    (shapes.Number(1), "corpus.shapes.Number"), (shapes.function, "corpus.shapes.function"),
    (shapes.Plain, "corpus.shapes.Plain"), (shapes.Color.RED, "corpus.shapes.Color"), (..., "builtins.ellipsis"),
])
def test_not_builtin(obj, name, policy):
    hazard = only(inspect(["a", {"k": obj}], builtin_only=True))
    assert (hazard.id, hazard.path, f"{hazard.module}.{hazard.qualname}") == ("not-builtin", "obj[1]['k']", name)
    assert not inspect(["a", {"k": obj}])
    policy("BuiltinOnly")
    if obj is not ...:
        with pytest.raises(UnsafePickleError):
            brine.pickle.dumps(["a", {"k": obj}])


@pytest.mark.parametrize("protocol", range(6))
def test_values_of_built_in_types(protocol, policy):
    policy("BuiltinOnly")
    obj = [None, True, 1, 2**100, 1.5, 1j, "s", b"b", bytearray(b"a"), (1,), [2], {"k": {3}}, frozenset([4])]
    assert not inspect(obj, protocol, builtin_only=True)
    assert brine.pickle.dumps(obj, protocol) == _pickle.dumps(obj, protocol)


def test_builtin_only_refuses_what_cannot_be_examined(policy):
    class WithoutClass:
        @property
        def __class__(self):
            raise ValueError

        def __reduce__(self):
            return len, ("x",)

    class FromHook(brine.pickle.Pickler):
        def persistent_id(self, obj):
            return shapes.Plain() if obj == "x" else None

    policy("BuiltinOnly")
    for dump in (lambda: brine.pickle.dumps([WithoutClass()]), lambda: FromHook(io.BytesIO()).dump(["x"])):
        with pytest.raises(UnsafePickleError):
            dump()


# --- the path -------------------------------------------------------------------------------------------


def slotted(cls, **values):
    made = cls()
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Cart:
    pass


class OwnState:
    def __init__(self, state):
        self.state = state

    def __getstate__(self):
        return self.state

    def __setstate__(self, state):
        self.state = state


class OwnReduce:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


def parts_of(**values):
    made = Cart()
    made.__dict__.update(values)
    return made


@pytest.mark.parametrize("make, expected", [
    (lambda item: item, "obj"),
    (lambda item: {"cart": item}, "obj['cart']"),
    (lambda item: {1: {None: {b"b": {(1, "a"): item}}}}, "obj[1][None][b'b'][(1, 'a')]"),
    (lambda item: {(1,): item}, "obj[(1,)]"),
    (lambda item: {"x" * 98: item}, "obj['" + "x" * 98 + "']"),
    (lambda item: {"x" * 100: item}, "list(obj.values())[0]"),
    (lambda item: {1: 2, 2**200: item}, "list(obj.values())[1]"),
    (lambda item: {tuple(range(9)): item}, "list(obj.values())[0]"),
    (lambda item: [{1: {(1, shapes.Frozen(1)): [item]}}], "list(obj[0][1].values())[0][0]"),
    (lambda item: {shapes.Frozen(1): item}, "list(obj.values())[0]"),
    (lambda item: collections.OrderedDict([(float("nan"), 1), (float("inf"), item)]), "list(obj.values())[1]"),
    (lambda item: collections.defaultdict(list, {shapes.Frozen(1): [item]}), "list(obj.values())[0][0]"),
    (lambda item: shapes.DictOf({shapes.Frozen(1): item}), "list(obj.values())[0]"),
    (lambda item: {"a": 1, item: 2}, "list(obj)[1]"),
    (lambda item: {(1, item): 2}, "list(obj)[0][1]"),
    (lambda item: [1, [2, item]], "obj[1][1]"),
    (lambda item: (1, (item,)), "obj[1][0]"),
    (lambda item: {item}, "list(obj)[0]"),
    (lambda item: frozenset([(item,)]), "list(obj)[0][0]"),
    (lambda item: parts_of(cart=parts_of(items=[0, item])), "obj.cart.items[1]"),
    (lambda item: parts_of(**{"not a name": item}), "obj.__dict__['not a name']"),
    (lambda item: slotted(shapes.Slots, left=1, right=item), "obj.right"),
    (lambda item: slotted(shapes.MoreSlots, more=item), "obj.more"),
    (lambda item: slotted(shapes.MoreSlots, left=item), "obj.left"),
    (lambda item: slotted(shapes.SlotsAndDict, other=item, left=1), "obj.other"),
    (lambda item: slotted(shapes.SlotsAndDict, other=1, left=item), "obj.left"),
    (lambda item: shapes.Slotted(1, item), "obj.items"),
    (lambda item: shapes.Data(1, [item]), "obj.items[0]"),
    (lambda item: OwnState({"key": [item]}), "obj.__getstate__()['key'][0]"),
    (lambda item: OwnState(["x", item]), "obj.state[1]"),
    (lambda item: OwnReduce(shapes.function, ([item],)), "obj.__reduce__()[1][0][0]"),
    (lambda item: OwnReduce(shapes.make_reduced, (1, item)), "obj.__reduce__()[1][1]"),
    (lambda item: OwnReduce(item, ()), "obj.__reduce__()[0]"),
    (lambda item: OwnReduce(shapes.ReducedWithAll, (), {}, None, None, item), "obj.__reduce__()[5]"),
    (lambda item: shapes.ListOf([0, item]), "obj[1]"),
    (lambda item: shapes.DictOf(key=item), "obj['key']"),
    (lambda item: shapes.TupleOf([0, item]), "obj[1]"),
    (lambda item: shapes.Pair(1, item), "obj[1]"),
    (lambda item: ValueError("x", item), "obj.args[1]"),
    (lambda item: [shapes.Plain(bound=shapes.Plain(item=item).method)], "obj[0].bound.__self__.item"),
])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_path(make, expected, protocol):
    obj = make(Item)
    if protocol < 2:
        return  # other ways of pickle's own, see the next test
    assert path(obj, protocol) == expected
    assert eval(expected, {"obj": obj}) is Item
    assert [hazard.path for hazard in gathered(brine.pickle.dumps, obj, protocol)] == [expected]


@pytest.mark.parametrize("protocol", range(6))
def test_path_to_an_instance(protocol):
    obj = {"cart": parts_of(items=[1, Item()])}
    assert path(obj, protocol) == "obj['cart'].items[1]"
    for dump in (brine.pickle.dumps, lambda obj, protocol: brine.pickle.dump(obj, io.BytesIO(), protocol),
                 lambda obj, protocol: brine.pickle.Pickler(io.BytesIO(), protocol).dump(obj)):
        assert [hazard.path for hazard in gathered(dump, obj, protocol)] == ["obj['cart'].items[1]"]


class Outer:
    class Inner:
        pass

    def method(self):
        pass


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("get", [lambda: Outer.Inner, lambda: Outer.Inner(), lambda: Outer.method])
def test_class_within_a_class(protocol, get, monkeypatch):
    """Protocols 0 to 3 write the outer class and getattr."""
    for named in (Outer, Outer.Inner, Outer.method):
        monkeypatch.setattr(named, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Outer", Outer, raising=False)
    hazard, = gathered(brine.pickle.dumps, {"k": [get()]}, protocol)
    assert hazard.path == "obj['k'][0]"
    assert hazard.qualname.startswith("Outer.")


def program():
    session = {"cart": [Item()]}
    return gathered(save, session)


def save(cached_value):
    return brine.pickle.dumps(cached_value)


def test_name_and_place_in_the_program():
    hazard, = program()
    assert hazard.path == "session['cart'][0]"
    assert hazard.where.startswith(__file__) and hazard.where.endswith("in program")
    assert inspect({"cart": [Item()]}, name="session").hazards[0].path == "session['cart'][0]"


def test_cycles_and_shared_objects():
    item = Item()
    obj = parts_of(first=[item])
    obj.me, obj.again, item.owner = obj, [item, item], obj
    assert path(obj) == "obj.first[0]"
    items = [Item]
    items.append(items)
    assert path(items) == "obj[0]"


def test_several_hazards_each_once():
    class Local:
        pass
    local, item = Local(), Item()
    report = inspect([item, local, Item(), {"x": [local, Item]}, lambda: None, local.__class__])
    assert {hazard.path for hazard in report} == {"obj[0]", "obj[4]", "obj[5]"}
    assert sorted(report.ids) == ["naming-local", "naming-main"]
    report = inspect([shapes.Plain(), shapes.Plain(), shapes.Frozen(1), 1], builtin_only=True)
    assert [hazard.path for hazard in report] == ["obj[0]", "obj[2]"]


def test_reduced_object_with_pairs_and_items():
    obj = OwnReduce(shapes.ReducedWithAll, (), None, iter([1, Item]), None)
    assert path(obj) == "obj[1]"
    obj = OwnReduce(shapes.ReducedWithAll, (), None, None, iter([("k", Item)]))
    assert path(obj) == "obj['k']"


def test_state_setter_without_a_state_is_not_pickled():
    assert not inspect(OwnReduce(shapes.ReducedWithAll, (), None, None, None, lambda obj, state: None))


def test_objects_whose_own_code_fails():
    class Fails:
        def __reduce__(self):
            raise RuntimeError("own")
    report = inspect([Fails(), Item])
    assert [(hazard.id, hazard.path) for hazard in report] == [("refuses-pickle", "obj[0]"), ("naming-main", "obj[1]")]
    with pytest.raises(KeyboardInterrupt):
        inspect([OwnReduce()] and [Interrupts()])


class Interrupts:
    def __reduce__(self):
        raise KeyboardInterrupt


def test_keys_that_are_no_texts_in_the_program_s_variables():
    names = {"brine": brine, "obj": [Item()], 1: 2, "__name__": None}
    with brine.pickle.collect() as reports:
        exec("brine.pickle.dumps(obj)", names)
    assert only(reports[0]).path == "obj[0]"


# --- size -----------------------------------------------------------------------------------------------


def nested(depth):
    obj = [Item()]
    for _ in range(depth):
        obj = [obj]
    return obj


def test_depth():
    obj = nested(100_000)
    report = inspect(obj)
    assert only(report).path == "obj" + "[0]" * 20 + " ...99,961 more steps... " + "[0]" * 20
    assert not gathered(brine.pickle.dumps, obj)  # pickle itself gives up, long before the culprit
    with pytest.raises(RecursionError):
        brine.pickle.dumps(obj)
    while obj:  # else its end would need as deep a stack
        obj = obj[0] if type(obj) is list else None


def test_the_most_objects():
    report = inspect([[] for _ in range(1_000_001)])
    assert (report.complete, bool(report), report.objects) == (False, False, 1_000_000)
    assert "more" in str(report)
    assert inspect([1] * 1_000_001).complete
    found, objects, complete = _guard.inspect_graph([[1], [2], Item], lambda obj, name: "x", 4, {}, most_objects=3)
    assert (found, objects, complete) == ([], 3, False)


def test_iterator_without_end():
    def endless():
        while True:
            yield 1
    assert not inspect(OwnReduce(shapes.ReducedWithAll, (), None, endless())).complete


def test_the_most_hazards():
    functions = [lambda: None for _ in range(150)]
    report = inspect(functions)
    assert (len(report), report.complete) == (100, False)


# --- the report -----------------------------------------------------------------------------------------


def test_report():
    session = {"cart": [Item()]}
    report = inspect(session, name="session")
    assert report and list(report) == list(report.hazards) and len(report) == 1
    assert report.ids == ("naming-main",) and report.complete and report.objects == 4
    assert json.loads(report.to_json()) == report.to_dict()
    assert report.to_dict()["hazards"][0] | {"message": "", "remedy": ""} == {
        "id": "naming-main", "severity": "warning", "path": "session['cart'][0]", "module": "__main__",
        "qualname": "Item", "message": "", "remedy": "", "script": None, "generation": None,
        "current_generation": None, "pickle_error": None, "where": None, "holder": None}
    assert str(report) == str(report.hazards[0])
    assert str(report).startswith("pickle hazard naming-main: session['cart'][0] is an instance of class Item, ")
    assert not Report() and str(Report(objects=3)) == "no pickle hazard in 3 objects"


def test_error(policy):
    policy("Enforce")
    with pytest.raises(UnsafePickleError) as refused:
        brine.pickle.dumps([Item()])
    error = refused.value
    assert isinstance(error, pickle.PicklingError) and error.report.ids == ("naming-main",)
    assert str(error) == str(error.report)
    copied = pickle.loads(_pickle.dumps(error))
    assert type(copied) is UnsafePickleError and copied.report == error.report and str(copied) == str(error)


def test_error_has_pickle_s_own_as_its_cause(policy):
    policy("Enforce")
    with pytest.raises(UnsafePickleError) as refused:
        brine.pickle.dumps([lambda: None])
    assert "local" in str(refused.value.__cause__) or "lambda" in str(refused.value.__cause__)


def test_counters_and_log(caplog):
    made = type("OnlyHere", (), {"__module__": "__main__", "__qualname__": "OnlyHere"})
    sys.modules["__main__"].OnlyHere = made
    try:
        before = brine.pickle.counters().get("naming-main", 0)
        for _ in range(3):
            brine.pickle.dumps(made())
        assert brine.pickle.counters()["naming-main"] == before + 3
        assert sum("OnlyHere" in record.message for record in caplog.records) == 1
        assert caplog.records[0].name == "brine.pickle"
    finally:
        del sys.modules["__main__"].OnlyHere


@pytest.mark.parametrize("key", [2**20_000, (((((1,),),),),), "\ud800", "\0", object(), float("nan")],
                         ids=["number", "tuple", "surrogate", "null", "object", "nan"])
def test_keys_of_all_kinds(key, policy):
    policy("Enforce")
    with pytest.raises(UnsafePickleError):
        brine.pickle.dumps({key: Item()} if type(key) is not object else {key: [Item]})


def test_dispatch_table_of_the_program(monkeypatch):
    monkeypatch.setitem(copyreg.dispatch_table, Cart, lambda cart: (shapes.function, ([Item],)))
    assert path([Cart()]) == "obj[0].__reduce_ex__(4)[1][0][0]"


# --- install() ------------------------------------------------------------------------------------------

INSTALL = """
import importlib.util, pickle, shelve, sys, types
from pickle import dumps, Pickler as Own
sys.modules["strange"] = type("Strange", (), {"__getattr__": lambda self, name: 1 / 0, "__eq__": lambda *a: 1 / 0})()
spec = importlib.util.find_spec("colorsys")
spec.loader = importlib.util.LazyLoader(spec.loader)
lazy = sys.modules["colorsys"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lazy)
import brine.pickle
from brine import _guard
brine.pickle.install("Enforce")
assert "ONE_THIRD" not in object.__getattribute__(lazy, "__dict__"), "a lazy module was loaded"
assert dumps is pickle.dumps is _guard.dumps and Own is shelve.Pickler is _guard.Pickler
assert brine.pickle.policy() == "Enforce"
class Item: pass
for made in (dumps, lambda item: pickle.Pickler(__import__("io").BytesIO()).dump(item)):
    try:
        made(Item())
    except brine.pickle.UnsafePickleError:
        continue
    raise SystemExit("not refused")
try:
    brine.pickle.install("enforce")
except ValueError as error:
    assert "not enforce" in str(error)
brine.pickle.install("Off")
dumps(Item())
"""


def test_install(environment):
    run = subprocess.run([sys.executable, "-c", INSTALL], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


class RaisesTheSecondTime:
    """What pickle asks it for is fine; what the guard asks it for, to find a path, ends the program."""

    calls = 0

    def __reduce__(self):
        type(self).calls += 1
        if type(self).calls > 1:
            raise SystemExit("not again")
        return dict, ()


def test_what_the_guard_s_own_look_raises_changes_nothing(monkeypatch, policy):
    obj = [RaisesTheSecondTime(), Item()]
    monkeypatch.setattr(RaisesTheSecondTime, "calls", 0)
    expected = _pickle.dumps(obj)
    monkeypatch.setattr(RaisesTheSecondTime, "calls", 0)
    _react.forget()  # what has been reported before is not looked at again
    policy("Report")
    assert _guard.dumps(obj) == expected
    assert RaisesTheSecondTime.calls == 2, "the guard has looked"


def test_a_path_that_is_mended_ends_the_hazard(tmp_path, monkeypatch, policy):
    """A module that no finder finds is a hazard until its folder is on sys.path."""
    module = types.ModuleType("mended")
    exec("class Found: pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "mended", module)
    policy("Report")
    before = _guard.counters().get("naming-unimportable", 0)
    _guard.dumps(module.Found())
    _guard.dumps(module.Found())
    assert _guard.counters()["naming-unimportable"] == before + 2
    tmp_path.joinpath("mended.py").write_text("class Found: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _guard.dumps(module.Found())
    assert _guard.counters()["naming-unimportable"] == before + 2


def test_what_could_not_be_judged_does_not_leave(policy):
    """The stream names a code instead of a class, and there are more objects than can be looked at."""
    copyreg.add_extension("corpus.shapes", "Plain", 4711)
    try:
        obj = [shapes.Plain()] + [[] for _ in range(1_000_001)]
        policy("Report")
        assert len(_guard.dumps(obj)) > 1_000_000
        policy("Enforce")
        with pytest.raises(UnsafePickleError, match="of more than can be looked at"):
            _guard.dumps(obj)
        assert _guard.dumps(obj[:10])
    finally:
        copyreg.remove_extension("corpus.shapes", "Plain", 4711)
