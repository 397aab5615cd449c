"""brine.pickle.scan: what a pickle would import, found without importing or executing anything."""

import copyreg
import importlib
import importlib.util
import io
import itertools
import json
import os
import pickle
import sys
import time
import types

import _pickle
import brine.pickle
import pytest
from brine.pickle import _lookup, scan
from corpus import shapes


def one(data, **kwargs):
    """The one global that a stream names."""
    found, = scan(data, **kwargs).globals
    return found


def names(module, name):
    """A stream that names one global."""
    texts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)]
    return b"\x80\x04" + b"".join(texts) + b"\x93."


# --- what is found --------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", range(6))
def test_harmless_values(protocol):
    import datetime
    import decimal
    import uuid
    obj = [None, 1, "s", b"b", bytearray(b"a"), {1}, frozenset(), 1j, range(3), datetime.datetime.now(),
           decimal.Decimal(1), uuid.UUID(int=1), ValueError("x"), {"a": (1, 2)}]
    data = pickle.dumps(obj, protocol)
    report = scan(data)
    assert not report and report.error is None and report.pickles == 1 and report.position == len(data)
    assert all(found.kind == "safe" for found in report.globals)
    assert not scan(pickle.dumps([1, "x"], protocol)).globals
    assert str(scan(pickle.dumps(1, protocol))) == "the stream names no globals"


@pytest.mark.parametrize("data, opcode, position", [
    (b"cos\nsystem\n(S'true'\ntR.", "GLOBAL", 0),
    (b"(ios\nsystem\n.", "INST", 1),
    (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "STACK_GLOBAL", 14),
    (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93.", "STACK_GLOBAL", 20),
    (b"\x80\x04X\x02\x00\x00\x00osX\x06\x00\x00\x00system\x93.", "STACK_GLOBAL", 20),
    (b"\x80\x04Vos\nVsystem\n\x93.", "STACK_GLOBAL", 14),
    (b"\x80\x04S'os'\nS'system'\n\x93.", "STACK_GLOBAL", 18),
    (b"\x80\x04\x8c\x02os2\x8c\x06system\x93.", "STACK_GLOBAL", None),
])
def test_a_dangerous_global(data, opcode, position):
    report = scan(data)
    found, = report.globals
    if position is None:
        return
    assert (found.module, found.name, found.opcode, found.position) == ("os", "system", opcode, position)
    assert found.kind == found.grade == report.grade == "runs-code" and found.is_finding and report
    assert "os" in found.resolves_to
    assert "allow" not in found.remedy
    assert str(report).startswith(f"{position}: {opcode} os.system: ")


@pytest.mark.parametrize("data", [
    b"\x80\x04\x8c\x02os\x8c\x06system0\x8c\x01a\x8c\x01b\x86\x93.", b"\x80\x04NN\x93.",
    b"\x80\x04\x8c\x02osK\x01\x93.",
    b"\x80\x04S'o\\x73'\nS'system'\n\x93.", b"\x80\x04V\\u006fs\nVsystem\n\x93.",
])
def test_names_that_are_hidden(data):
    report = scan(data)
    assert report
    assert report.error or [found.kind for found in report.globals] == ["computed"]


def test_a_class_that_is_changed():
    """Every name is harmless, and yet all fractions would be equal afterwards."""
    report = scan(b"cfractions\nFraction\n(N}S'__eq__'\ncbuiltins\nException\nstb0N.")
    assert [found.kind for found in report.globals] == ["safe", "safe", "computed"]
    assert "changes a class or function itself" in str(report) and report


@pytest.mark.parametrize("module, name, kind, where", [
    ("json", "dumps", "unknown", "function in "),
    ("json", "lost", "restore-no-attribute", "no such name in "),
    ("no_such_module", "x", "restore-no-module", "no module of that name"),
    ("no_such.inner", "x", "restore-no-module", "no module of that name"),
    ("os.path", "join", "unknown", "function in "),
    ("math", "sin", "unknown", "function in "),
    ("__main__", "Item", "naming-main", "whichever program loads it"),
    ("__mp_main__", "Item", "naming-main", "whichever program loads it"),
    ("_mod_wsgi_0123", "Item", "naming-script", "a WSGI script that is not loaded here"),
    ("corpus.shapes", "Plain", "unknown", "class in "),
    ("corpus.shapes", "Plain.Inner", "unknown", "class in "),
    ("corpus.shapes", "Plain.Lost", "restore-no-attribute", "no such name in "),
    ("corpus.shapes", "BY_NAME", "unknown", "ByName in "), ("builtins", "object.__reduce__", "runs-code", "method"),
    ("builtins", "str.upper", "unknown", "method"), ("builtins", "int.mro", "unknown", "method"),
    ("corpus.shapes", "Color.RED", "unknown", "Color in "),
    ("", "", "restore-no-module", ""), (".", "x", "restore-no-module", ""), ("..a", "x", "restore-no-module", ""),
    ("a" * 200, "x", "restore-no-module", ""), (".".join("a" * 60), "x", "restore-no-module", ""),
])
def test_what_it_resolves_to(module, name, kind, where):
    found = one(names(module, name))
    assert (found.module, found.name, found.kind) == (module, name, kind)
    assert where in found.resolves_to


def test_modules_that_are_not_loaded(module):
    file = module("scan_source", "import os as other\nfrom json import dumps, loads as load\nclass A:\n  pass\n"
                  "def b(): pass\nasync def c(): pass\nd = e, f = 1, 2\nif d:\n  g = 1\nfor h in (): pass\n"
                  "try:\n  import i\nexcept ImportError: pass\nj: int = 1\nwith d as k: pass\nif (l := 1): pass\n")
    module("scan_star", "from os import *\n")
    module("scan_lazy", "def __getattr__(name): raise SystemExit\n")
    module("scan_broken", "def (:\n")
    module("scan_namespace.leaf", "class Leaf: pass\n")
    for name in ("other", "dumps", "load", "A", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"):
        found = one(names("scan_source", name))
        assert found.kind == "unknown" and str(file) in found.resolves_to, name
    assert one(names("scan_source", "A")).resolves_to == f"class in {file}:3"
    assert one(names("scan_source", "loads")).kind == "restore-no-attribute"
    assert "from elsewhere" in one(names("scan_star", "system")).resolves_to
    assert "from elsewhere" in one(names("scan_lazy", "x")).resolves_to
    assert "cannot be read" in one(names("scan_broken", "x")).resolves_to
    assert "namespace package" in one(names("scan_namespace", "x")).resolves_to
    assert one(names("scan_namespace.leaf", "Leaf")).resolves_to.startswith("class in ")
    assert one(names("scan_namespace.lost", "Leaf")).kind == "restore-no-module"
    assert not [name for name in sys.modules if name.startswith("scan_")]


def test_modules_of_other_kinds_that_are_not_loaded():
    for name in ("_lsprof", "xxlimited", "_testcapi", "_crypt", "readline"):  # an extension module
        spec = name not in sys.modules and importlib.util.find_spec(name)
        if spec and spec.origin.endswith(".so"):
            found = one(names(name, "anything"))
            assert found.kind == "unknown" and "its names are not known" in found.resolves_to
            assert name not in sys.modules
            break
    for name in sys.builtin_module_names:
        if name not in sys.modules:
            assert one(names(name, "anything")).kind == "unknown"
            assert name not in sys.modules
            break


@pytest.fixture
def extension():
    copyreg.add_extension("corpus.shapes", "Plain", 241)
    yield
    copyreg.remove_extension("corpus.shapes", "Plain", 241)


@pytest.mark.parametrize("data", [b"\x82\xf1.", b"\x83\xf1\x00.", b"\x84\xf1\x00\x00\x00."])
def test_extension_codes(data, extension):
    found = one(data)
    assert (found.module, found.name, found.opcode, found.kind) == ("corpus.shapes", "Plain", "EXT", "unknown")


def test_extension_code_that_is_not_registered():
    found = one(b"\x82\xf2.")
    assert (found.name, found.kind) == ("extension 242", "restore-no-attribute")


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_names_of_python_2(protocol):
    """That is how protocols 0 to 2 are written; some modules are there under either name."""
    import functools
    import queue
    import urllib.parse
    obj = [map, zip, filter, range, functools.reduce, itertools.filterfalse, itertools.zip_longest, queue.Queue,
           urllib.parse.quote, chr, int, str, OSError, os.getcwd, copyreg.pickle]
    report = scan(_pickle.dumps(obj, protocol))
    assert report.error is None
    assert {found.kind for found in report.globals} == {"safe", "unknown", "runs-code"}
    assert {(found.module, found.name) for found in report.globals} >= {("builtins", "map"), ("functools", "reduce")}


@pytest.mark.parametrize("allow, safe", [
    (["corpus"], ["Plain", "Plain.Inner"]), (["corpus.shapes"], ["Plain", "Plain.Inner"]),
    (["corpus.shapes.Plain"], ["Plain"]), ({"corpus.shapes.Plain", "x"}, ["Plain"]),
    (["corpus.shapes.Plain.Inner"], ["Plain.Inner"]), (["corpus.shape"], []), (["corp"], []), (["Plain"], []),
    ([""], []), (["corpus.shapes.Pla"], []), (["corpus.shapes.Plain.Inner", "corpus.shapes.Plain"],
                                               ["Plain", "Plain.Inner"])])
def test_allow(allow, safe):
    report = scan(pickle.dumps([shapes.Plain(), shapes.Plain.Inner()]), allow)
    assert [found.name for found in report.globals if found.kind == "safe"] == safe
    assert len(report.findings) == 2 - len(safe)


def test_what_is_trusted_has_to_be_there():
    assert scan(names("corpus.shapes", "Plain.Lost"), ["corpus"])


SHOP = """\
import os
import os as renamed
from os import system, system as run
from subprocess import *
from collections import OrderedDict
try:
    from os import popen as either
except ImportError:
    def either(): pass
class Cart:
    import os as inside
    total = os
    class Line: pass
    def add(self): pass
def make(): pass
alias = Cart
held = os.system
lines = [Cart()]
"""


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("allowed", ["shop_module", "shop_module.Cart", "EXACT"])
def test_a_trusted_module_opens_no_other(module, loaded, allowed):
    """It stands for what it defines, a trusted class for itself."""
    module("shop_module", SHOP)
    if loaded:
        importlib.import_module("shop_module")
    good = ["Cart"] if allowed == "shop_module.Cart" else ["Cart", "Cart.Line", "make"]
    for name in ("Cart", "Cart.Line", "make"):
        found = one(names("shop_module", name), allow=[f"shop_module.{name}" if allowed == "EXACT" else allowed])
        assert (found.kind == "safe") == (name in good), name
    for name in ("os.system", "renamed.system", "os", "system", "run", "held", "Cart.__init__.__builtins__.get",
                 "Cart.__init__", "Cart.__init__.__globals__", "make.__globals__", "make.__class__", "Cart.add",
                 "Cart.__class__", "Cart.mro", "Cart.Line.mro", "Cart.inside.system", "Cart.total.system", "Cart.total",
                 "Cart.inside", "lines.append", "lines.__class__", "Cart.__subclasses__", "OrderedDict", "OrderedDict.get",
                 "Cart.__dict__.get", "alias.add", "os.path.join", "either.__globals__.get", "Popen", "__builtins__",
                 "__builtins__.get", "__loader__.load_module", "__spec__.loader", "Cart.__base__.__subclasses__"):
        allow = [allowed, f"shop_module.{name}"] if allowed == "EXACT" else [allowed]
        if name == "Popen" and allowed == "EXACT" and not loaded:
            continue  # a single name of a module that takes names from elsewhere, and somebody has spelled it
        found = one(names("shop_module", name), allow=allow)
        assert found.kind != "safe", name
    assert one(names("os", "system"), allow=["os", "os.system", "posix"]).kind == "runs-code"
    assert one(names("builtins", "getattr"), allow=["builtins", "builtins.getattr"]).kind == "unknown"


REBOUND = {
    "an assignment": "NAME = os.system", "several targets": "other = NAME = os.system", "a tuple": "NAME, other = os.system, 1",
    "a list": "[other, *NAME] = 1, os.system", "a loop": "for NAME in [os.system]: pass",
    "with": "with open(os.devnull) as NAME: pass", "an annotation": "NAME: object = os.system",
    "a condition": "if (NAME := os.system): pass", "an import": "import os as NAME", "from": "from os import system as NAME",
    "match": "match os.system:\n    case NAME: pass", "except": "try: 1 / 0\nexcept Exception as NAME: pass",
    "global": "def change():\n    global NAME\n    NAME = os.system\nchange()",
    "global, deeper": "class Other:\n    def change(self):\n        global NAME\n        NAME = os.system",
    "an operator": "NAME += 1", "a comprehension": "[NAME := each for each in [os.system]]",
}


@pytest.mark.parametrize("how", REBOUND)
@pytest.mark.parametrize("defined", ["class NAME: pass", "def NAME(): pass"])
def test_what_is_bound_to_something_else_is_not_what_the_module_defines(how, defined, module):
    """A module that is not loaded is known by its source, of which the last statement counts."""
    module("shop_module", "\n".join(["import os", defined, REBOUND[how]]).replace("NAME", "Cart"))
    assert one(names("shop_module", "Cart"), allow=["shop_module"]).kind == "unknown"


def test_what_is_bound_to_something_else_inside_a_class(module):
    module("shop_module", "import os\nclass Cart:\n    class Line: pass\n    Line = os.system\n    class Other: pass\n"
                          "def make():\n    class Cart:\n        Other = 1\n")
    kinds = {name: one(names("shop_module", f"Cart.{name}"), allow=["shop_module"]).kind for name in ("Line", "Other")}
    assert kinds == {"Line": "unknown", "Other": "safe"}


def test_what_a_module_defines_in_several_ways(module):
    """None of these is anything but what it is called."""
    module("shop_module", """\
import functools, sys
if sys.platform == "linux":
    class Cart: pass
else:
    class Cart: pass
try:
    class Line: pass
except NameError:
    def Line(): pass
@functools.total_ordering
class Price:
    def __lt__(self, other): return True
    @property
    def total(self): return 1
    @total.setter
    def total(self, value): Cart = value
def make(Cart=1):
    for Price in (): pass
    Line = [Price for Price in ()]
""")
    for name in ("Cart", "Line", "Price", "make"):
        assert one(names("shop_module", name), allow=["shop_module"]).kind == "safe", name


INNER = """\
import os
from enum import Enum
class Cart:
    class Line:
        class Part: pass
    class Color(Enum):
        RED = 1
    system = os.system
    def add(self): pass
"""


def fetched(*parts, then=b""):
    """As protocols before 4 store a class in a class."""
    stream = names("shop_module", parts[0])[2:-1]
    for part in parts[1:]:
        stream = names("builtins", "getattr")[2:-1] + stream + b"\x8c" + bytes([len(part)]) + part.encode() + b"\x86R"
    return b"\x80\x04" + stream + then + b"."


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("make", ["Cart.Line()", "Cart.Line.Part()", "Cart.Line", "Cart.Color.RED", "[Cart.Color, Cart.Line()] * 2",
                                  "{Cart.Color.RED: Cart.Line.Part}", "{Cart.Line(): [Cart]}"])
def test_classes_in_classes_by_every_protocol(make, loaded, protocol, module):
    module("shop_module", INNER)
    data = pickle.dumps(eval(make, vars(importlib.import_module("shop_module"))), protocol)
    if not loaded:
        del sys.modules["shop_module"]
    report = scan(data, ["shop_module"])
    assert report.grade == "safe", str(report)
    assert scan(data).grade == ("safe" if make == "Cart.Color.RED" else "unknown")


@pytest.mark.parametrize("data", [
    fetched("Cart", "system"), fetched("Cart", "add"), fetched("Cart", "__init__"), fetched("Cart", "Line", "mro"),
    fetched("Cart", "Line", "__init__", "__globals__"), fetched("Cart", "Line.Part"), fetched("Cart", "Line", "__subclasses__"),
    fetched("Cart", "Line", then=b"N}\x8c\x01x" + names("builtins", "ValueError")[2:-1] + b"s\x86b"),
    fetched("Cart", "Line", then=b"K\x01a"), fetched("Cart", "Line", then=b"K\x01K\x02s"),
    fetched("Cart", "Line", then=b"(K\x01e"), fetched("Cart", "Color", then=b"K\x01K\x02\x86R"),
    fetched("Cart", "Color", then=b"](K\x01e\x85R"), fetched("Cart", "Color", then=b"}\x8c\x01xK\x01sb")])
def test_what_is_fetched_from_a_class_is_a_class_and_no_more(data, module):
    module("shop_module", INNER)
    assert scan(data, ["shop_module"]).grade == "unknown" if b"__" not in data else scan(data, ["shop_module"])


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes have no such parameters before Python 3.12")
def test_generic_classes_are_defined_too(module):
    module("shop_module", "import os\nclass Page[Item]:\n    class Line[Item]: pass\ndef make[Item](): pass\n"
                          "class Other[Item]: pass\nOther = os.system\n")
    for name, kind in {"Page": "safe", "Page.Line": "safe", "make": "safe", "Other": "unknown"}.items():
        assert one(names("shop_module", name), allow=["shop_module"]).kind == kind, name


def test_no_advice_opens_a_door(module):
    """What is told to allow, where anything is, leads to one class or function alone."""
    module("shop_module", SHOP)
    for of, name in (("builtins", "getattr"), ("builtins", "eval"), ("os", "system"), ("posix", "system"),
                     ("subprocess", "Popen"), ("shop_module", "os.system"), ("shop_module", "system"),
                     ("shop_module", "Cart.__init__.__builtins__.get"), ("shop_module", "Cart.add"),
                     ("operator", "attrgetter"), ("functools", "reduce"), ("importlib", "import_module"),
                     ("pickle", "loads"), ("nt", "system"), ("types", "CodeType"), ("sys", "modules.get")):
        found = one(names(of, name))
        assert "allow" not in found.remedy and found.kind != "safe", (of, name)
    assert one(names("shop_module", "Cart")).remedy.endswith("allow shop_module.Cart.")


def text(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def pushed(module, name):
    """A global, left on the stack."""
    return text(module) + text(name) + b"\x93"


GETATTR, CART = pushed("builtins", "getattr"), pushed("shop_module", "Cart")
SPREADING = {
    "getattr of an allowed class": GETATTR + CART + text("held") + b"\x86R",
    "by NEWOBJ_EX": GETATTR + CART + text("held") + b"\x86}\x92",
    "by OBJ": b"(" + GETATTR + CART + text("held") + b"o",
    "by INST": b"(" + CART + text("held") + b"ibuiltins\ngetattr\n",
    "by Python 2's name": b"c__builtin__\ngetattr\n" + CART + text("held") + b"\x86R",
    "by the memo": GETATTR + b"\x940" + b"h\x00" + CART + text("held") + b"\x86R",
    "by DUP": GETATTR + b"20" + CART + text("held") + b"\x86R",
    "the name by the memo": text("held") + b"\x940" + GETATTR + CART + b"h\x00\x86R",
    "twice": GETATTR + GETATTR + CART + text("add") + b"\x86R" + text("__globals__") + b"\x86R",
    "getattr as an argument": CART + GETATTR + b"\x85R",
    "getattr as a state": CART + b")R" + GETATTR + b"b",
    "getattr as an attribute": CART + b")R}" + text("total") + GETATTR + b"sb",
    "getattr as a key": b"}" + GETATTR + b"K\x01s",
    "getattr of an instance": GETATTR + CART + b")R" + text("os") + b"\x86R",
    "getattr of a function": GETATTR + pushed("shop_module", "make") + text("__globals__") + b"\x86R",
    "another module's name in this one": pushed("shop_module", "os.system"),
    "a module in a class": pushed("shop_module", "Cart.total.system"),
    "a name with a dot at its end": pushed("shop_module", "Cart."),
    "a name with a dot before it": pushed("shop_module", ".Cart"),
    "an empty part": pushed("shop_module", "Cart..Line"),
    "the class as a module": pushed("shop_module.Cart", "add"),
    "a method as a module": pushed("shop_module.Cart.__init__", "__globals__"),
    "the module's loader": pushed("shop_module", "__loader__"),
    "a name that is made": text("shop_module") + pushed("builtins", "str") + text("held") + b"\x85R\x93",
    "a module that is made": pushed("builtins", "str") + text("os") + b"\x85R" + text("system") + b"\x93",
    "a state of the class": CART + b"}" + text("add") + pushed("builtins", "bytes") + b"sb",
    "an attribute of what a call made": pushed("shop_module", "make") + b")R" + pushed("os", "system") + b"\x85R",
}


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("kind", SPREADING)
def test_trust_does_not_spread(kind, loaded, module):
    """From an allowed class to what can be reached from it, by whatever opcodes."""
    module("shop_module", SHOP)
    if loaded:
        importlib.import_module("shop_module")
    report = scan(b"\x80\x04" + SPREADING[kind] + b".", ["shop_module", "shop_module.Cart", "builtins", "builtins.getattr"])
    assert report.findings and "allow" not in str(report), str(report)


class ByAttribute:
    """Stored as CPython 3.11 stores members of an Enum, and methods of classes."""

    def __reduce__(self):
        return getattr, (shapes.Plain, "Inner")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_stored_by_getattr_is_no_attack(protocol):
    assert scan(pickle.dumps(ByAttribute(), protocol)).grade == "unknown"


def test_files_and_several_pickles(tmp_path):
    file = tmp_path / "pickles"
    with open(file, "wb") as out:
        for obj in (1, shapes.Plain(), shapes.Data(1)):
            pickle.dump(obj, out)
    with open(file, "rb") as stored:
        report = scan(stored)
    assert report.pickles == 3 and report.error is None and report.position == file.stat().st_size
    assert [found.name for found in report.globals] == ["Plain", "Data"]
    data = file.read_bytes()
    for kind in (bytes, bytearray, memoryview, io.BytesIO):
        assert scan(kind(data)).to_dict() == report.to_dict()
    pieces = brine.pickle._scan.scan_blocks(data[at:at + 1] for at in range(len(data)))
    assert pieces.to_dict() == report.to_dict()


def test_not_bytes():
    for wrong in ("text", 5, None, io.StringIO("x")):
        with pytest.raises(TypeError):
            scan(wrong)
    with pytest.raises(OSError):
        scan(type("Fails", (), {"read": lambda self, size: (_ for _ in ()).throw(OSError("x"))})())


def test_report():
    report = scan(names("os", "system") + names("no_such_module", "x"))
    assert json.loads(report.to_json()) == report.to_dict()
    assert [set(found) for found in report.to_dict()["globals"]] == 2 * [
        {"module", "name", "position", "opcode", "kind", "resolves_to", "message", "remedy"}]
    assert report.findings == report.globals and report.pickles == 2


# --- nothing is executed --------------------------------------------------------------------------------


class Trap:
    """Notices whatever is done to it."""

    sprung: list = []

    def __getattr__(self, name):
        self.sprung.append(name)
        raise AttributeError(name)

    @property
    def __class__(self):
        self.sprung.append("__class__")
        return int

    def __eq__(self, other):
        self.sprung.append("__eq__")
        return True

    def __hash__(self):
        self.sprung.append("__hash__")
        return 1

    def __repr__(self):
        self.sprung.append("__repr__")
        return "trap"


class TrapFinder:
    def find_spec(self, name, path=None, target=None):
        Trap.sprung.append(f"find_spec {name}")


class TrapMeta(type):
    def __getattribute__(cls, name):
        Trap.sprung.append(f"meta {name}")
        return super().__getattribute__(name)


def test_nothing_is_executed(module, monkeypatch):
    marker = module("trap_marker")
    for name in ("trap_import", "trap_package.__init__", "trap_package.inner"):
        module(name, f"open({str(marker)!r}, 'a').write('executed')\nclass Item: pass\n")
    trap = types.ModuleType("trap")
    trap.__dict__.update(obj=Trap(), __getattr__=lambda name: Trap.sprung.append(f"module {name}"),
                         cls=TrapMeta("Strange", (), {"prop": property(lambda self: Trap.sprung.append("prop"))}))
    monkeypatch.setitem(sys.modules, "trap", trap)
    monkeypatch.setitem(sys.modules, "trap_object", Trap())
    lazy_spec = importlib.util.find_spec("trap_import")
    lazy_spec.loader = importlib.util.LazyLoader(lazy_spec.loader)
    lazy = importlib.util.module_from_spec(lazy_spec)
    monkeypatch.setitem(sys.modules, "trap_lazy", lazy)
    lazy_spec.loader.exec_module(lazy)
    monkeypatch.setattr(sys, "meta_path", [TrapFinder(), *sys.meta_path])
    Trap.sprung.clear()
    before = set(sys.modules)
    for name in ("trap.x", "trap.obj", "trap.obj.attribute", "trap.cls", "trap.cls.prop", "trap.cls.lost",
                 "trap.inner.x",
                 "trap_object.x", "trap_object.inner.x", "trap_object.x.y", "trap_import.Item", "trap_import.Lost",
                 "trap_package.Item", "trap_package.inner.Item", "trap_package.lost.Item", "trap_lazy.Item",
                 "trap_lazy.inner.Item", "no_such_trap.x"):
        for cut in range(1, name.count(".") + 1):
            parts = name.split(".")
            report = scan(names(".".join(parts[:cut]), ".".join(parts[cut:])))
            assert str(report) and report.to_json()
    assert Trap.sprung == []
    assert set(sys.modules) == before
    assert marker.read_text() == ""


def test_nothing_is_built():
    class Builds:
        def __reduce__(self):
            return os.mkdir, ("/nonexistent/brine-test",)
    data = pickle.dumps([Builds(), shapes.WithState()])
    found = {f"{found.module}.{found.name}" for found in scan(data).globals}
    assert found == {"posix.mkdir", "corpus.shapes.WithState"}


# --- hostile streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data, error", [
    (b"", "is empty"), (b"\x80\x04K\x01", "ends in the middle of a pickle"),
    (b"\x80\x04\x95\xff", "ends in the middle"),
    (b"\xff", "no opcode"), (b"\x80\x09N.", "protocol that is not known"), (b".", "empty stack"),
    (b"0.", "empty stack"),
    (b"t.", "mark that it has not made"), (b"h\x05.", "memo entry that it has not made"),
    (b"\x8e" + b"\xff" * 8, "negative length"),
    (b"cos\n" + b"x" * 5000, "endless length"), (b"N.garbage", ""), (b"PK\x03\x04", "ends in the middle"),
    (b"\x8e" + b"\xff" * 7 + b"\x7f", "ends in the middle"), (b"\x93.", "empty stack"),
])
def test_streams_that_are_not_sound(data, error):
    report = scan(data)
    assert report and error in report.error
    assert f"{report.position}: the stream {report.error}" in str(report)


@pytest.mark.parametrize("make", [
    lambda: b"(" * 2_000_000, lambda: b"]\x94" * 2_000_000, lambda: b"N" + b"2" * 2_000_000, lambda: b"]" * 2_000_000,
    lambda: b"".join(b"N\x94\x30" for _ in range(1_000_000)) + b"N.",
    lambda: b"\x80\x04" + b"cos\nsystem\n0" * 1_000_000 + b"N.",
    lambda: b"".join(b"V%d\n\x94" % number for number in range(400_000)),
    lambda: b"(lp0\n" * 1_000_000, lambda: b"N." * 1_000_000,
    lambda: b"(" * 1_000_000 + b"1" * 1_000_000 + b"N.", lambda: b"(N" * 100_000 + b"t" * 100_000 + b".",
    lambda: b"\x8c\x05xxxxx" * 2_000_000, lambda: b"V" + b"x" * 10_000_000,
    lambda: b"N" + b"".join(b"p%d\n" % (number * 7) for number in range(400_000)) + b".",
], ids=range(14))
def test_time_is_bounded(make):
    data = make()
    start = time.process_time()
    report = scan(data)
    assert time.process_time() - start < 5
    assert report.error or report.pickles


def test_a_file_without_end():
    class Endless:
        def read(self, size):
            return b"cos\nsystem\n0" * (size // 12)
    assert scan(Endless()).error == "names more globals than can be listed"


def test_time_of_many_modules(module, monkeypatch):
    """Each source that is named is read, up to a limit, and no more than once."""
    large = "x = [" + "1, " * 30_000 + "]\n"
    monkeypatch.setattr(_lookup, "_MOST_SOURCE", 400_000)
    for number in range(12):
        module(f"large_source_{number}", large)
    data = b"".join(b"clarge_source_%d\nname%d\n0" % (number % 12, number) for number in range(5000)) + b"N."
    start = time.process_time()
    report = scan(data)
    assert time.process_time() - start < 5
    assert len(report.globals) == 5000
    assert sum("not read" in found.resolves_to for found in report.globals) > 1000
    data = b"".join(b"cno_such_module_%d.inner\nname\n0" % number for number in range(3000)) + b"N."
    start = time.process_time()
    assert len(scan(data).findings) == 3000
    assert time.process_time() - start < 5


def test_source_that_is_too_large(module):
    module("too_large", "#" * (_lookup._LARGEST_SOURCE + 1))
    assert "cannot be read" in one(names("too_large", "x")).resolves_to
    module("too_deep", "x = " + "(" * 1000 + ")" * 1000)
    assert "cannot be read" in one(names("too_deep", "x")).resolves_to
    module("with_null", "x = 1\0")
    assert "cannot be read" in one(names("with_null", "x")).resolves_to


def test_folders_and_broken_entries_of_the_path(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", ["", "/nonexistent", "\0", 5, None, str(tmp_path / "no.zip"), *sys.path])
    (tmp_path / "no.zip").write_bytes(b"no zip")
    assert one(names("no_such_module", "x")).kind == "restore-no-module"


# --- what takes all memory ------------------------------------------------------------------------------


@pytest.mark.parametrize("data, word", [
    (b"\x80\x04Nr\xff\xff\xff\x7f.", "memo entry"), (b"Np2147483647\n.", "memo entry"),
    (b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"x", "claimed"),
    (b"\x80\x04\x8d" + (1 << 40).to_bytes(8, "little"), "claimed"), (b"\x80\x05\x96" + (1 << 40).to_bytes(8, "little"), "claimed"),
    (b"\x80\x04\x95" + (1 << 40).to_bytes(8, "little") + b"N.", "claimed"),
    (b"B\xff\xff\xff\x7f", "claimed"), (b"X\xff\xff\xff\x7f", "claimed"), (b"\x8b\xff\xff\xff\x7f", "claimed"),
    (b"T\xff\xff\xff\x7f", "claimed")])
def test_what_takes_all_memory(data, word):
    report = scan(data)
    found, = report.globals
    assert found.kind == "exhausts" and word in found.resolves_to and report.grade == "runs-code"


@pytest.mark.parametrize("data", [
    b"\x80\x04\x8e" + (1 << 20).to_bytes(8, "little") + b"x", b"\x80\x04Nr\xff\xff\x03\x00.", b"Np1000000\n.",
    pickle.dumps(bytes(1 << 20), 4), pickle.dumps(list(map(str, range(100_000))), 1)])
def test_what_does_not(data):
    assert not scan(data).findings


@pytest.mark.parametrize("opcode", [b"P", b"I", b"L", b"F"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_line_that_no_unpickler_takes(opcode, size):
    """It ends the pickle, so that what follows is none: an archive, whose first line is a persistent id else."""
    stream = opcode + b"1" * 50 + b"\xff\n" + b"." + pickle.dumps(1)
    unpickler = type("Unpickler", (pickle.Unpickler,), {"persistent_load": str})(io.BytesIO(stream))
    with pytest.raises((pickle.UnpicklingError, ValueError)):
        unpickler.load()
    report = brine.pickle._scan.scan_blocks([stream[at:at + size] for at in range(0, len(stream), size)])
    assert (report.error, report.pickles) == ("has a number or a persistent id that is not ASCII", 0)
