"""Members of a site's own enumerations, as `scan` grades them: whatever is stored, nothing of the site is imported."""

import importlib
import pickle
import sys

import pytest
from brine.pickle import scan

COLORS = '''\
"""Colors."""
from __future__ import annotations
import enum, sys
from collections import namedtuple
from enum import Enum, IntEnum as Numbered, unique
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from decimal import Decimal
try:
    import simplejson as json
except ImportError:
    import json
__all__ = ["Color"]
LEVELS = dict(a=1)
@unique
class Color(Enum):
    """With a docstring."""
    RED = 1
    GREEN = (2, "x")
    LABEL: str = "label"
    _ignore_ = []
    def __str__(self): return self.name
    @property
    def hot(self): return self is Color.RED
    @classmethod
    def default(cls): return cls.RED
class Number(Numbered):
    RED, GREEN = 1, 2
class Text(str, enum.Enum):
    RED = "red"
class Base(enum.Enum):
    def shown(self): return self.value
class Derived(Base):
    RED = 1
class Flags(enum.Flag, boundary=enum.KEEP):
    RED = 1
    GREEN = 2
Made = Enum("Made", "RED GREEN")
Listed = enum.Enum("Listed", [("RED", 1), ("GREEN", 2)])
class Order:
    class Kind(Enum):
        RED = 1
Point = namedtuple("Point", "x y")
class Door(Enum):
    RED = 1
    @classmethod
    def _missing_(cls, value): return cls.RED
class Meta(enum.EnumMeta): pass
class Special(Enum, metaclass=Meta):
    RED = 1
def decorated(cls): return cls
@decorated
class Decorated(Enum):
    RED = 1
class Twice(Enum):
    RED = 1
Twice = Twice
class Grown(Enum):
    RED = 1
    def append(self, item): raise SystemExit
class Plain:
    RED = 1
    held = sys
'''
SAFE = ["Color", "Number", "Text", "Derived", "Flags", "Made", "Listed", "Order.Kind"]
TRUSTED = ["Door", "Special", "Decorated", "Grown"]  # enumerations with code of their own


def text(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def named(name, module="site_colors"):
    return text(module) + text(name) + b"\x93"


def fetched(owner, name, module="site_colors"):
    """getattr(OWNER, NAME), as Python 3.11 stores a member."""
    return b"\x80\x04" + named("getattr", "builtins") + named(owner, module) + text(name) + b"\x86R."


def called(owner, argument=b"K\x01", module="site_colors"):
    """OWNER(1), as other versions do."""
    return b"\x80\x04" + named(owner, module) + argument + b"\x85R."


@pytest.fixture(params=["loaded", "not loaded"])
def colors(request, module):
    """The module, with what was not imported by the scan."""
    module("site_colors", COLORS)
    if request.param == "loaded":
        importlib.import_module("site_colors")
    yield request.param
    assert ("site_colors" in sys.modules) == (request.param == "loaded")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_this_python_writes(protocol, module):
    module("site_colors", COLORS)
    site = importlib.import_module("site_colors")
    data = [pickle.dumps([member, {member: [member]}], protocol)
            for member in (site.Color.RED, site.Color.GREEN, site.Number.RED, site.Text.RED, site.Derived.RED, site.Made.RED,
                           site.Flags.RED, site.Flags.RED | site.Flags.GREEN)]
    data += [pickle.dumps(site.Order.Kind.RED, protocol)] if protocol > 3 else []
    del sys.modules["site_colors"]
    for each in data:
        report = scan(each)
        assert report.grade == "safe" and not report.findings, str(report)


@pytest.mark.parametrize("name", SAFE)
def test_members_of_a_site_s_enumeration_are_safe(name, colors):
    for data in (fetched(name, "RED"), called(name), b"\x80\x04" + named(name) + b"."):
        report = scan(data)
        assert report.grade == "safe", str(report)


@pytest.mark.parametrize("name", [*TRUSTED, "Twice", "Plain"])
def test_others_are_unknown(name, colors):
    if name == "Twice" and colors == "loaded":
        pytest.skip("what is loaded is what it is")
    for data in (fetched(name, "RED"), called(name)):
        assert scan(data).grade == ("safe" if colors == "loaded" and name == "Decorated" else "unknown"), name


@pytest.mark.parametrize("allow", ["site_colors", "site_colors.NAME"])
@pytest.mark.parametrize("name", TRUSTED)
def test_trust_in_an_enumeration_is_trust_in_its_members(name, allow, colors):
    if name == "Special" and colors == "loaded":
        pytest.skip("a metaclass of its own says what an attribute is")
    report = scan(fetched(name, "RED"), [allow.replace("NAME", name)])
    assert report.grade == "safe", str(report)
    for member in ("held", "append", "__init__", "mro", "_missing_", "__class__"):
        assert scan(fetched(name, member), [allow.replace("NAME", name)]).grade != "safe"


def test_trust_in_a_class_is_no_trust_in_its_attributes(colors):
    for member in ("RED", "held", "__init__", "mro"):
        report = scan(fetched("Plain", member), ["site_colors", "site_colors.Plain", "builtins.getattr"])
        assert report.grade == "unknown" and "allow" not in str(report), str(report)


def test_what_a_call_has_made_can_be_trusted(colors):
    assert scan(called("Point")).findings[0].remedy.endswith("allow site_colors.Point.")
    for allow in ("site_colors.Point", "site_colors"):
        assert scan(called("Point"), [allow]).grade == "safe"


def test_a_member_that_is_gone_is_missing(colors):
    report = scan(fetched("Color", "PURPLE"))
    finding, = report.findings
    assert (report.grade, finding.kind, finding.name) == ("missing", "restore-no-attribute", "Color")
    assert "no member PURPLE" in finding.message


@pytest.mark.parametrize("of, name, grade", [
    ("_mod_wsgi_5f1c0123456789abcdef0123456789ab", "Color", "script"), ("__main__", "Color", "script"),
    ("site_nowhere", "Color", "missing"), ("site_colors", "Gone", "missing")])
def test_elsewhere_the_class_says_what_it_is(of, name, grade, colors):
    """And getattr, by which its members are stored, is no finding beside it."""
    for data in (fetched(name, "RED", of), called(name, module=of)):
        report = scan(data)
        assert report.grade == grade and len(report.findings) == 1, str(report)
    for door in ("__init__", "__globals__", "mro", "_hidden"):
        assert "getattr" in [finding.name for finding in scan(fetched(name, door, of)).findings]


@pytest.mark.parametrize("data", [
    fetched("Color", "RED")[:-1] + b"}" + text("x") + b"K\x01sb.",  # a state
    called("Color")[:-1] + b"}" + text("x") + b"K\x01sb.",
    fetched("Color", "RED")[:-1] + b"K\x01a.",  # an item
    called("Color")[:-1] + b"(K\x01\x90.",
    fetched("Color", "RED")[:-1] + b"K\x01\x85R.",  # a call of a member
    fetched("Color", "default")[:-1] + b")R.",
    fetched("Color", "__init__"), fetched("Color", "_member_map_"), fetched("Color", "mro"),
    b"\x80\x04" + named("Color") + b"K\x01K\x02\x86R.", called("Color", b"](K\x01e"),
    b"\x80\x04" + named("getattr", "builtins") + fetched("Color", "RED")[2:-1] + text("name") + b"\x86R."],
    ids=str)
def test_no_member_is_a_door(data, colors):
    report = scan(data)
    assert report.grade not in ("safe", "script"), str(report)


@pytest.mark.parametrize("line", ["print('a program')", "for each in (): pass", "with open('x') as f: pass", "main()",
                                  "if True:\n    main()", "while False: pass", "try:\n    main()\nfinally:\n    pass"])
def test_a_program_is_no_module_to_import(line, module):
    module("site_program", f"from enum import Enum\nclass Color(Enum):\n    RED = 1\n{line}\n")
    assert scan(fetched("Color", "RED", "site_program")).grade == "unknown"
    assert scan(fetched("Color", "RED", "site_program"), ["site_program.Color"]).grade == "safe"


def test_a_class_in_an_enumeration_is_a_member_in_some_versions(module):
    module("site_shades", "from enum import Enum\nclass Color(Enum):\n    RED = 1\n    class Shade: pass\n")
    assert scan(fetched("Color", "Shade", "site_shades")).grade == "safe"
    assert scan(fetched("Color", "BLUE", "site_shades")).grade == "missing"


def test_bases_in_other_modules(module):
    module("site_pack.__init__")
    module("site_pack.base", "from enum import Enum\nclass Labeled(Enum):\n    pass\nclass Rough(Enum):\n"
                             "    def _missing_(cls, value): pass\nclass NoEnum: pass\n")
    module("site_pack.shop", "from .base import Labeled, Rough, NoEnum\nfrom . import base as b\nimport site_pack.base\n"
                             "from site_pack.shop import Circle as Ring\n"
                             "class A(Labeled):\n    RED = 1\nclass B(b.Labeled):\n    RED = 1\n"
                             "class C(site_pack.base.Labeled):\n    RED = 1\nclass D(Rough):\n    RED = 1\n"
                             "class E(NoEnum):\n    RED = 1\nclass Circle(Ring):\n    RED = 1\n# Enum\n")
    for name in "ABC":
        assert scan(fetched(name, "RED", "site_pack.shop")).grade == "safe", name
    for name in ("D", "E", "Circle"):
        assert scan(fetched(name, "RED", "site_pack.shop")).grade == "unknown", name
    assert not any(name.startswith("site_pack") for name in sys.modules)


def test_choices_of_django(module):
    pytest.importorskip("django.db.models.enums")
    module("site_choices", "from django.db import models\nclass Size(models.TextChoices):\n"
                           "    SMALL = 'S', 'Small'\n    LARGE = 'L'\n")
    for data in (fetched("Size", "SMALL", "site_choices"), called("Size", text("S"), "site_choices")):
        assert scan(data).grade == "safe"
    importlib.import_module("site_choices")
    assert scan(fetched("Size", "SMALL", "site_choices")).grade == "safe"


def test_a_source_without_end(module):
    """A tree is made of so much source and no more."""
    module("site_long", "from enum import Enum\nclass Color(Enum):\n    RED = 1\n" + "x = 1\n" * 100_000)
    assert scan(fetched("Color", "RED", "site_long")).grade == "unknown"
