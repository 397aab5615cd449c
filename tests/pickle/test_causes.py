"""Why a name does not lead back, where it is no reload: what is seen to be the cause, and the remedy that fits."""

import collections
import dataclasses
import enum
import functools
import importlib
import sys
import typing
import unittest.mock
import weakref

import brine.pickle
import pytest
from brine.pickle import inspect

SOURCE = """
import collections, dataclasses, enum, functools, typing

Point = collections.namedtuple("P", "x y")
Color = enum.Enum("Colour", "RED GREEN")
Flags = enum.IntFlag("Flag", "A B")
T = typing.TypeVar("U")
Spec = typing.ParamSpec("S")
UserId = typing.NewType("Uid", int)
Made = type("Maker", (), {})
Row = dataclasses.make_dataclass("Row", ["a"])
Row.__module__ = "types"  # as before Python 3.12

def with_wraps(function):
    @functools.wraps(function)
    def inner(): pass
    return inner

def without_wraps(function):
    def inner(): pass
    return inner

def derives(cls):
    class Derived(cls): pass
    return Derived

class Registry:
    def __init__(self, cls): self.cls = cls

def plain(): pass
def cached(): pass
wrapped, plain = plain, with_wraps(plain)
uncached, cached = cached, functools.lru_cache(cached)

@without_wraps
def renamed(): pass

@derives
class Base: pass

@Registry
class Registered: pass

def gone(): pass
kept, gone = gone, None

def single(): pass
dispatched = functools.singledispatch(single)

class Mocked: pass
mocked = type("Mocked", (Mocked,), {"__module__": __name__})()

class Reloaded: pass
old = Reloaded
class Reloaded: pass
"""


@pytest.fixture
def causes(module):
    module("causes", SOURCE)
    return importlib.import_module("causes")


def remedy_of(obj):
    hazard, = inspect(obj)
    return hazard.id, hazard.message, hazard.remedy


@pytest.mark.parametrize("make, name, remedy", [
    (lambda m: m.Point(1, 2), "Point", "Point = namedtuple('Point', ...)"),
    (lambda m: m.Color.RED, "Color", "Color = Enum('Color', ...)"),
    (lambda m: m.T, "T", "T = TypeVar('T', ...)"),
    (lambda m: m.Spec, "Spec", "Spec = ParamSpec('Spec', ...)"),
    (lambda m: m.UserId, "UserId", "UserId = NewType('UserId', ...)"),
    (lambda m: m.Made(), "Made", "set its __qualname__ to 'Made', or bind it to Maker"),
])
def test_what_is_bound_to_another_name(causes, make, name, remedy):
    id_, message, what_to_do = remedy_of(make(causes))
    assert id_ == "reload-missing"
    assert f"which is bound to {name} in causes, and calls itself " in message
    assert remedy in what_to_do


def test_a_dataclass_that_is_made_by_a_call(causes):
    id_, _, remedy = remedy_of(causes.Row(1))
    assert id_ == "reload-missing" and "namespace={'__module__': __name__}" in remedy


@pytest.mark.parametrize("name, of", [("wrapped", "plain"), ("uncached", "cached")])
def test_what_a_decorator_wraps(causes, name, of):
    id_, message, remedy = remedy_of(getattr(causes, name))
    assert id_ == "reload-stale"
    assert f"causes.{of} is what a decorator has made of it" in message
    assert remedy.startswith(f"Pickle causes.{of} instead of what it wraps")


def test_what_wraps_and_has_another_name(causes):
    id_, message, remedy = remedy_of(causes.dispatched)
    assert id_ == "reload-stale" and "causes.single is what a decorator has made it of" in message
    assert remedy.startswith("Bind it to that name")


@pytest.mark.parametrize("make", [lambda m: m.mocked, lambda m: unittest.mock.Mock()])
def test_a_class_made_for_one_object(causes, make):
    id_, message, remedy = remedy_of(make(causes))
    assert id_ == "reload-stale" and "is a class made at run time, of " in message
    assert remedy.startswith("Keep such objects out")


def test_what_pythons_library_has_made_for_itself():
    hazard = next(each for each in inspect({"cache": weakref.WeakValueDictionary()}) if each.id == "naming-local")
    assert hazard.path.endswith("['cache']._remove")
    assert hazard.remedy.startswith("Leave that object out of what is pickled")


@pytest.mark.parametrize("make, now", [
    (lambda m: m.Registered.cls(), "an instance of class causes.Registry"), (lambda m: m.kept, "None")])
def test_a_name_that_was_taken(causes, make, now):
    id_, message, remedy = remedy_of(make(causes))
    assert id_ == "reload-stale"
    assert f"is {now} now: a decorator, or an assignment, has put it there" in message
    assert remedy.startswith("Bind what it returns to another name")


@pytest.mark.parametrize("make, name, remedy", [
    (lambda m: m.renamed, "renamed", "Use functools.wraps in the decorator"),
    (lambda m: m.Base(), "Base", "Let the decorator give the class that it returns the __qualname__")])
def test_what_a_decorator_returns(causes, make, name, remedy):
    id_, message, what_to_do = remedy_of(make(causes))
    assert id_ == "naming-local"
    assert f"bound to {name} in module causes, as a decorator does it" in message
    assert what_to_do.startswith(remedy)


def test_a_class_that_was_reloaded_is_told_as_before(causes):
    id_, message, _ = remedy_of(causes.old())
    assert id_ == "reload-stale" and "the module was reloaded" in message


def test_what_is_well_named_is_fine(causes):
    assert not inspect([causes.plain, causes.cached, collections.OrderedDict, functools.partial(causes.plain),
                        enum.Enum, typing.Any, dataclasses.dataclass])


# --- the program's own module, when it is loaded ----------------------------------------------------------


@pytest.mark.parametrize("module, more", [("__main__", ""), ("__mp_main__", "by `spawn`")])
def test_what_another_program_has_defined(monkeypatch, policy, module, more):
    policy("Report")
    monkeypatch.setitem(sys.modules, module, sys)
    with brine.pickle.collect() as reports, pytest.raises(AttributeError):
        brine.pickle.loads(f"c{module}\nNoSuchItem\n.".encode())
    hazard, = reports[0]
    assert hazard.id == "restore-no-attribute"
    assert f"{module} is the program that is run, which was another one" in hazard.message and more in hazard.message
    assert hazard.remedy.startswith("Define NoSuchItem in a module that both import")


def test_a_weak_reference_has_a_remedy_of_its_own():
    hazard, = inspect(weakref.ref(inspect))
    assert hazard.id == "refuses-pickle" and "store the object itself, or its key" in hazard.remedy
