"""brine.pickle.stable and brine.scripts without a server: what is marked, how it is written, and what a name leads to."""

import copy
import importlib
import os
import pickle
import subprocess
import sys
import threading
import time
import types

import pytest

import brine.pickle
from brine import script_names, scripts

CLASSES = """
import collections, dataclasses, brine.pickle
stable = brine.pickle.stable

@stable
class Plain: pass
@stable
class Slots: __slots__ = ("a", "b")
@stable
class Both(Plain): __slots__ = ("a",)
@stable
class Own:
    def __getstate__(self): return ["own", self.a]
    def __setstate__(self, state): self.a = state[1]
@stable
class Inherits(Own): pass
@stable
@dataclasses.dataclass(frozen=True)
class Frozen: a: int
@stable
@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlots: a: int
@stable
class Dict(dict): pass
@stable
class List(list): pass
@stable
class Pair(collections.namedtuple("Pair", "a b")): pass
@stable
class Set(set): pass
@stable
class FrozenSet(frozenset): pass
@stable
class Int(int): pass
@stable
class Text(str): pass
@stable
class Cart:
    @stable
    class Line: pass
class Unmarked(Plain): pass
def function(): raise SystemExit
"""


def make(module):
    plain, slots, both, own, inherits = module.Plain(), module.Slots(), module.Both(), module.Own(), module.Inherits()
    plain.a = slots.b = both.a = both.c = own.a = inherits.a = 1
    own_dict, own_list, own_set = module.Dict(x=[1]), module.List([1, 2]), module.Set({1})
    own_dict.a = own_list.a = own_set.a = 1
    own_dict["self"] = own_dict
    return [plain, slots, both, own, inherits, module.Frozen(1), module.FrozenSlots(1), own_dict, own_list,
            module.Pair(1, 2), own_set, module.FrozenSet({3}), module.Int(5), module.Text("x"), module.Cart(), module.Cart.Line()]


def state_of(obj):
    slots = {name for cls in type(obj).__mro__ for name in vars(cls).get("__slots__", ())}
    return getattr(obj, "__dict__", None), {name: getattr(obj, name, None) for name in sorted(slots)}


@pytest.fixture
def script(tmp_path, monkeypatch):
    """`script(code, name)`: a script in the table; `generation(name)` is its module, a new one each time."""
    def write(code=CLASSES, name="shop_wsgi"):
        path = tmp_path / f"{name}.wsgi"
        path.write_text(code)
        monkeypatch.setitem(script_names.table, name, str(path))
        names.append(name)
        script_names.add(name, str(path))
        return path

    names = []
    yield write
    for name in names:
        scripts._loaded.pop(name, None)
        sys.modules.pop(name, None)


def generation(name="shop_wsgi"):
    scripts._loaded.pop(name, None)
    return scripts.load(name)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("old", [False, True], ids=["serving", "earlier"])
def test_instances_are_restored_by_the_class_that_serves(script, protocol, old):
    script()
    made = make(generation())
    module = generation() if old else scripts.load("shop_wsgi")
    for obj in made:
        stored = pickle.dumps(obj, protocol)
        assert b"shop_wsgi" in stored and b"brine.pickle" not in stored
        loaded = pickle.loads(stored)
        assert type(loaded) is script_class(module, type(obj)) and (type(loaded) is type(obj)) is not old
        if not isinstance(obj, dict):
            assert state_of(loaded) == state_of(obj)
        if isinstance(obj, (list, tuple, set, frozenset, int, str)):
            assert loaded == obj


def script_class(module, cls):
    found = module
    for part in cls.__qualname__.split("."):
        found = getattr(found, part)
    return found


def test_a_dict_that_holds_itself(script):
    script()
    [obj] = [obj for obj in make(generation()) if isinstance(obj, dict)]
    generation()
    loaded = pickle.loads(pickle.dumps(obj))
    assert loaded["self"] is loaded and loaded.a == 1 and loaded["x"] == [1]


def test_copies_are_of_the_same_generation(script):
    script()
    made = make(generation())
    generation()
    for obj in made:
        assert type(copy.copy(obj)) is type(copy.deepcopy(obj)) is type(obj)
        if not isinstance(obj, dict):
            assert state_of(copy.deepcopy(obj)) == state_of(obj)


def test_the_view_shows_marked_classes_alone(script):
    script()
    view = __import__("shop_wsgi")
    assert "Plain" in dir(view) and "Unmarked" not in dir(view) and "function" not in dir(view)
    assert view is sys.modules["shop_wsgi"] and view is not scripts.load("shop_wsgi")
    from brine.scripts import shop_wsgi
    assert shop_wsgi.Plain is view.Plain is scripts.load("shop_wsgi").Plain
    for name in ("Unmarked", "function", "brine", "stable", "collections", "missing"):
        for module in ("shop_wsgi", "brine.scripts.shop_wsgi"):
            with pytest.raises(AttributeError):
                pickle.loads(f"c{module}\n{name}\n.".encode())


def test_a_name_that_is_not_in_the_table_leads_nowhere(script, tmp_path):
    script()
    (tmp_path / "other_wsgi.wsgi").write_text("raise SystemExit")
    for name in ("other_wsgi", "shop_wsgi.Plain", "shop_wsgi.wsgi", "scripts/shop_wsgi", "brine.scripts.other_wsgi",
                 "brine.scripts.shop_wsgi.Plain", "brine.scripts.brine.scripts.shop_wsgi"):
        with pytest.raises(ImportError):
            pickle.loads(f"c{name}\nPlain\n.".encode())


def test_what_mod_wsgi_has_stored(script):
    path = script()
    module = generation()
    stored = f"c{script_names.mod_wsgi_name(os.fsencode(path))}\nPlain\n)\x81.".encode("latin-1")
    loaded = pickle.loads(b"\x80\x02" + stored)
    assert type(loaded) is module.Plain
    assert b"cshop_wsgi\nPlain" in pickle.dumps(loaded, 2)


# --- schemas --------------------------------------------------------------------------------------------

VERSION = """
import brine.pickle

@brine.pickle.stable(schema={schema})
class Item:
    def __init__(self): self.schema_then = {schema}
{more}
"""
MIGRATES = """
    {decorator}
    def __brine_migrate__({first}state, schema):
        return {{**state, "migrated": schema}}
"""


def item(script, schema, more=""):
    script(VERSION.format(schema=schema, more=more))
    return generation().Item


@pytest.mark.parametrize("decorator, first", [("@staticmethod", ""), ("@classmethod", "cls, ")])
def test_a_lower_schema_is_migrated(script, decorator, first):
    stored = pickle.dumps(item(script, 1)())
    item(script, 3, MIGRATES.format(decorator=decorator, first=first))
    assert vars(pickle.loads(stored)) == {"schema_then": 1, "migrated": 1}


@pytest.mark.parametrize("more", ["    def __init__(self): pass\n", """
    __slots__ = ()
    def __init__(self): pass
""", """
    def __getstate__(self): return None
"""])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_lower_schema_of_an_object_without_a_state_is_migrated(script, more, protocol):
    """Whether an object without attributes has a state differs between versions of Python."""
    stored = pickle.dumps(item(script, 1, more)(), protocol)
    item(script, 2, MIGRATES.format(decorator="@staticmethod", first=""))
    assert vars(pickle.loads(stored)) == {"migrated": 1}


def test_an_object_without_a_state_is_given_none(script):
    """As pickle has it without the mark."""
    made = item(script, 1, """
    def __init__(self): self.a = 1
    def __getstate__(self): return None
    def __setstate__(self, state): self.a = state["a"]
""")
    assert vars(pickle.loads(pickle.dumps(made()))) == {} and vars(copy.copy(made())) == {}


def test_an_object_from_before_the_mark_has_schema_0(script):
    item(script, 2, MIGRATES.format(decorator="@staticmethod", first=""))
    stored = b"\x80\x02cshop_wsgi\nItem\n)\x81}X\x01\x00\x00\x00aK\x01sb."
    assert vars(pickle.loads(stored)) == {"a": 1, "migrated": 0}
    item(script, 1)
    with pytest.raises(brine.pickle.SchemaError, match="no schema, from before it was marked"):
        pickle.loads(stored)


@pytest.mark.parametrize("there, here, more, says", [
    (1, 2, "", r"schema 1, and the class has schema 2 here\. Give class Item a static method __brine_migrate__"),
    (2, 1, "", "schema 2, and the class has schema 1 here. It was stored by newer code"),
    (2, 1, MIGRATES.format(decorator="@staticmethod", first=""), "newer code")])
def test_another_schema_is_refused(script, there, here, more, says):
    stored = pickle.dumps(item(script, there)())
    item(script, here, more)
    with pytest.raises(brine.pickle.SchemaError, match=says) as raised:
        pickle.loads(stored)
    error = raised.value
    assert (error.module, error.qualname, error.found, error.known) == ("shop_wsgi", "Item", there, here)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert brine.pickle.loads(stored, default=5) == 5


@pytest.mark.parametrize("there, here, remedy", [(2, 1, "Load it where that runs"),
                                                 (1, 2, "Give class Item a static method")])
def test_another_schema_is_a_hazard_unless_it_is_a_miss(script, policy, there, here, remedy):
    policy("Report")
    stored = pickle.dumps(item(script, there)())
    item(script, here)
    with brine.pickle.collect() as reports:
        assert brine.pickle.loads(stored, default="a miss") == "a miss"
        assert reports == []
        with pytest.raises(brine.pickle.SchemaError) as raised:
            brine.pickle.loads(stored)
    hazard, = reports[0]
    assert (hazard.id, hazard.severity, hazard.qualname) == ("restore-schema", "error", "Item")
    assert remedy in hazard.remedy and hazard.script == script_names.table["shop_wsgi"]
    assert str(raised.value) == f"{hazard.message} {hazard.remedy}"


def test_the_default_stands_for_what_is_not_there_alone(script):
    item(script, 1)
    for stored in (b"cshop_wsgi\nGone\n.", b"cno_such_module\nItem\n."):
        assert brine.pickle.loads(stored, default=None) is None
        with pytest.raises((ImportError, AttributeError)):
            brine.pickle.loads(stored)
    with pytest.raises(pickle.UnpicklingError):
        brine.pickle.loads(b"no pickle", default=None)
    assert brine.pickle.loads(pickle.dumps(5), default=None) == 5
    script("raise KeyError('broken')", "broken_wsgi")
    with pytest.raises(scripts.ScriptLoadError, match="broken_wsgi, does not load: KeyError"):
        brine.pickle.loads(b"cbroken_wsgi\nItem\n.", default=None)


# --- what can be marked ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code, says", [
    ("stable(5)", "it is no class"), ("stable(len)", "it is no class"),
    ("def f():\n  @stable\n  class Local: pass\nf()", "defined inside a function"),
    ("import enum\n@stable\nclass Colour(enum.Enum): RED = 1", "it is an Enum"),
    ("import decimal\n@stable\nclass Price(decimal.Decimal): pass", "Decimal|__reduce__"),
    ("@stable\nclass Wrong(Exception): pass", "derives from Exception"),
    ("@stable\nclass Item:\n  def __reduce__(self): pass", "__reduce__ of its own; write __getstate__ and __setstate__"),
    ("@stable\nclass Item:\n  def __reduce_ex__(self, n): pass", "__reduce_ex__ of its own"),
    ("@stable\nclass Item:\n  def __getnewargs__(self): pass", "__getnewargs__ of its own; write __setstate__"),
    ("class Base:\n  def __reduce__(self): pass\n@stable\nclass Item(Base): pass", "__reduce__ of its own"),
])
def test_what_cannot_be_marked(code, says):
    with pytest.raises(TypeError, match=says):
        exec(code, {"stable": brine.pickle.stable, "__name__": "somewhere"})


@pytest.mark.parametrize("schema", [0, -1, True, "1", 1.0, None])
def test_a_schema_is_a_number_from_1_on(schema):
    with pytest.raises(ValueError, match="a whole number from 1 on"):
        brine.pickle.stable(schema=schema)


def test_a_marked_class_of_a_module_survives_its_reload(tmp_path, monkeypatch):
    import importlib
    tmp_path.joinpath("marked_module.py").write_text(CLASSES)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("marked_module")
    unmarked = module.Unmarked()
    unmarked.a = 1
    assert vars(pickle.loads(pickle.dumps(unmarked))) == {"a": 1}
    old = module.Plain()
    importlib.reload(module)
    assert type(pickle.loads(pickle.dumps(old))) is module.Plain is not type(old)
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(unmarked)


# --- the guard ------------------------------------------------------------------------------------------


def test_hazards_with_a_name(script):
    script()
    module = generation()
    old, unmarked = module.Plain(), module.Unmarked()
    assert not brine.pickle.inspect(make(module))
    [hazard] = brine.pickle.inspect({"a": unmarked})
    assert hazard.id == "naming-script" and "called shop_wsgi" in hazard.message
    assert hazard.remedy == "Mark class Unmarked with @brine.pickle.stable, or move it into a module on sys.path."
    [hazard] = brine.pickle.inspect([module.function])
    assert hazard.id == "naming-script" and hazard.remedy.startswith("Move function function into a module")
    generation()
    assert not brine.pickle.inspect([old])
    assert brine.pickle.inspect([unmarked]).ids == ("reload-stale",)
    assert brine.pickle.inspect([type(old)]).ids == ("reload-stale",)
    assert brine.pickle.inspect([old], builtin_only=True).ids == ("not-builtin",)


def test_scan_knows_the_table(script):
    path = script()
    stored = pickle.dumps(generation().Cart.Line())
    report = brine.pickle.scan(stored)
    assert report.grade == "unknown" and f"class in {path}:" in str(report)
    assert brine.pickle.scan(stored, allow=["shop_wsgi"]).grade == "safe"
    assert brine.pickle.scan(b"cshop_wsgi\nGone\n.", allow=["shop_wsgi"]).grade == "missing"
    assert brine.pickle.scan(b"\x80\x04\x8c\x09shop_wsgi\x8c\x16Cart.__init__.__call__\x93.", allow=["shop_wsgi"]).grade != "safe"


# --- the table ------------------------------------------------------------------------------------------


@pytest.fixture
def run(environment):
    def run(code, **env):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**environment, **env})

    return run


@pytest.mark.parametrize("lines, says", [
    ("shop_wsgi", "names:1: the name 'shop_wsgi' has no path behind it"),
    ("# x\n\nshop_wsgi shop.wsgi", "names:3: the path of the script 'shop_wsgi' has to be absolute"),
    ("shop.wsgi /x", "names:1: a script cannot be called 'shop.wsgi', which is no Python identifier"),
    ("json /x", "which is that of another module"), ("load /x", "which is that of another module"),
    ("_loaded /x", "does not begin with a letter"),
    ("pytest /x", "as a module is: "),
    ("a_wsgi /x\na_wsgi /y", "'a_wsgi' is the script /x already, and cannot be /y too"),
])
def test_a_wrong_table_says_where(run, tmp_path, lines, says):
    file = tmp_path / "names"
    file.write_text(lines)
    went = run("import brine.scripts", BRINE_SCRIPTS=str(file))
    assert went.returncode == 1 and f"BRINE_SCRIPTS: {tmp_path}/" in went.stderr and says in went.stderr


def test_a_path_with_blanks_and_other_letters(run, tmp_path):
    path = tmp_path / "a shop é.wsgi"
    path.write_text("import sys\nX = 1\n")
    file = tmp_path / "names"
    file.write_text(f"  shop_wsgi\t{path}  \n")
    went = run("import brine.scripts as s; print(s.load('shop_wsgi').X)", BRINE_SCRIPTS=str(file))
    assert went.stdout == "1\n", went.stderr


def test_a_path_may_be_bytes_and_a_name_may_not(run, tmp_path):
    path = tmp_path / "shop.wsgi"
    path.write_text("X = 1\n")
    went = run(f"import brine.scripts as s; s.register('shop_wsgi', {bytes(path)!r}); s.register('shop_wsgi', {str(path)!r})\n"
               "print(s.load('shop_wsgi').X, s.names())\n"
               f"try: s.register(3, {str(path)!r})\nexcept ValueError as error: print(error)")
    assert went.stdout.startswith(f"1 {{'shop_wsgi': {str(path)!r}}}\na script cannot be called 3, "), went.stderr


def test_names_and_load():
    with pytest.raises(KeyError, match="no script is called 'nobody'"):
        scripts.load("nobody")
    assert scripts.names() == script_names.table
    with pytest.raises(AttributeError):
        scripts.nobody


# --- scripts that load each other -----------------------------------------------------------------------

LOADS = """
import pickle, threading, time, brine.pickle
PARTS = {parts}

@brine.pickle.stable
class Item: pass

PARTS.append("{name}")
PARTS_MEET.wait(30)
OTHER = pickle.loads(b"c{other}\\nItem\\n.")
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_scripts_that_load_each_other(script, threads):
    import builtins
    builtins.PARTS, builtins.PARTS_MEET = [], threading.Barrier(threads) if threads == 2 else types.SimpleNamespace(wait=lambda t: None)
    try:
        for name, other in (("one_wsgi", "two_wsgi"), ("two_wsgi", "one_wsgi")):
            script(LOADS.format(name=name, other=other, parts="PARTS"), name)
        loaders = [threading.Thread(target=scripts.load, args=(name,), daemon=True) for name in ("one_wsgi", "two_wsgi")[:threads]]
        for loader in loaders:
            loader.start()
        for loader in loaders:
            loader.join(30)
            assert not loader.is_alive(), "they wait for each other for ever"
        one, two = scripts.load("one_wsgi"), scripts.load("two_wsgi")
        assert one.OTHER is two.Item and two.OTHER is one.Item
        assert sorted(builtins.PARTS) == ["one_wsgi", "two_wsgi"]
    finally:
        del builtins.PARTS, builtins.PARTS_MEET


def test_a_script_that_waits_for_a_module_before_its_first_line(script, module, monkeypatch):
    """A finder of the application's imports something while it is asked for the script's name."""
    import builtins
    script("X = 1", "early_wsgi")
    module("early_mod", "import brine.scripts\nEARLY()\nFOUND = brine.scripts.load('early_wsgi')\n")
    asked, importing = threading.Event(), []

    def wait():  # until the other thread waits for the module
        assert asked.wait(30)
        while not importlib._bootstrap._blocking_on.get(waiting.ident):
            time.sleep(0.001)
    builtins.EARLY = wait

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "early_wsgi" and threading.current_thread() is waiting:
                asked.set()
                importlib.import_module("early_mod")

    def import_it():
        importing.append(importlib.import_module("early_mod"))

    waiting = threading.Thread(target=scripts.load, args=("early_wsgi",), daemon=True)
    first = threading.Thread(target=import_it, daemon=True)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    try:
        first.start()
        while "early_mod" not in sys.modules:
            time.sleep(0.001)
        waiting.start()
        for thread in (first, waiting):
            thread.join(30)
            assert not thread.is_alive(), "they wait for each other for ever"
        assert importing and importing[0].FOUND is scripts.load("early_wsgi")
    finally:
        del builtins.EARLY


def test_a_script_that_another_thread_has_just_executed(script, monkeypatch):
    """It is gone between two looks at the table."""
    script("X = 1", "just_wsgi")

    class Ending(dict):
        def __contains__(self, name):
            return self.pop(name, None) is not None or True
    monkeypatch.setattr(scripts, "_executing", Ending(just_wsgi=(types.ModuleType("x"), 0)))
    assert scripts.load("just_wsgi").X == 1


def test_many_threads_load_one_script_once(script):
    import builtins
    builtins.LOADED = []
    try:
        script("import time, brine.pickle\nLOADED.append(1)\ntime.sleep(0.05)\n@brine.pickle.stable\nclass Item: pass\n")
        found = []
        threads = [threading.Thread(target=lambda: found.append(pickle.loads(b"cshop_wsgi\nItem\n."))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8 and len(set(found)) == 1 and builtins.LOADED == [1]
    finally:
        del builtins.LOADED


# --- names with dots ------------------------------------------------------------------------------------

PATHS = """
import pickle, sys
loads = {"c": pickle.loads, "python": pickle._loads, "subclass": lambda data: Own(__import__("io").BytesIO(data)).load()}[sys.argv[1]]
class Own(pickle.Unpickler):
    def find_class(self, module, name):
        return super().find_class(module, name)
from brine import scripts
scripts.register("paths_wsgi", sys.argv[2])
for path in sys.argv[3:]:
    data = pickle.PROTO + b"\\4" + b"".join(b"\\x8c" + bytes([len(each)]) + each.encode() for each in ("paths_wsgi", path)) + b"\\x93."
    try:
        print(path, loads(data))
    except AttributeError as error:
        print(path, str(error).partition(": ")[0])
print(pickle.loads(pickle.dumps(sys.exit, 4)) is sys.exit, pickle.loads(pickle.dumps(dict.fromkeys, 4))("a"))
"""
MARKED = """
class Cart:
    __brine_schema__ = 1
    class Line:
        __brine_schema__ = 1
        class Plain: pass
    class Plain:
        class Inner: __brine_schema__ = 1
    def method(self): pass
    other = property(method)
    Alias = dict
Cart.Taken = type("Taken", (), {"__module__": "elsewhere", "__brine_schema__": 1})
"""


@pytest.mark.parametrize("extension", [True, False])
@pytest.mark.parametrize("unpickler", ["c", "python", "subclass"])
def test_a_name_with_dots_leads_to_marked_classes_alone(tmp_path, environment, unpickler, extension):
    if not extension:
        environment["PYTHONPATH"] = environment["PYTHONPATH"].rpartition(os.pathsep)[2]
    script = tmp_path / "paths.wsgi"
    script.write_text(MARKED)
    refused = ["Cart.method", "Cart.method.__globals__", "Cart.__init__", "Cart.__dict__", "Cart.Plain", "Cart.Plain.Inner",
               "Cart.Line.Plain", "Cart.Alias", "Cart.Alias.fromkeys", "Cart.Taken", "Cart.other", "Cart.none", "Cart.", ".Cart",
               "Cart..Line", "Cart.Line.__class__", "Plain.Inner"]
    said = subprocess.run([sys.executable, "-c", PATHS, unpickler, script, "Cart.Line", *refused], env=environment,
                          capture_output=True, text=True)
    assert said.stdout.splitlines() == ["Cart.Line <class 'paths_wsgi.Cart.Line'>", *(
        f"{path} module 'paths_wsgi' shows no {path!r}" for path in refused), "True {'a': None}"], said.stderr


def test_other_modules_are_no_matter_of_the_table(tmp_path, environment):
    """A module that has a script's name keeps it, and what is in it."""
    (tmp_path / "taken.py").write_text("class Cart:\n    @staticmethod\n    def method(): return 'called'\n")
    code = ("import pickle, sys; sys.path.insert(0, sys.argv[1]); from brine import script_names, scripts\n"
            "script_names.add('taken', '/srv/taken.wsgi')\n"
            "import taken; print(pickle.loads(pickle.dumps(taken.Cart.method, 4))())")
    said = subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, capture_output=True, text=True)
    assert said.stdout == "called\n", said.stderr
