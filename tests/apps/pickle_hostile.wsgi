"""Objects whose own code raises, lies, loops or changes things while they are pickled and looked at.

Branches: `object=` one of OBJECTS, with an Item of the script beside it (`beside=1`) or alone: what pickle
and the guard make of it, as pairs (`object=all`: of each that is not deep); `inspect=` the same names: how inspect() goes.
"""

import pickle
import sys
import types

import _pickle
import brine.pickle
from attempts import attempt, tells, watch


class Item:
    pass


def raising(*names, error=ZeroDivisionError):
    """A class whose attributes of these names raise."""

    def fail(*args):
        raise error("its own")

    members = {name: property(fail) if name == "__class__" else fail for name in names}
    return type("Raising", (Item,), members)


class RaisesInGetattribute:
    def __getattribute__(self, name):
        raise ZeroDivisionError(name)


class AnswersEverything:
    """Says that it has whatever it is asked for."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self


class HostileMeta(type):
    def __getattribute__(cls, name):
        if name in ("__qualname__", "__module__", "__name__", "__mro__", "__dict__"):
            raise ZeroDivisionError(name)
        return super().__getattribute__(name)


class OfHostileMeta(metaclass=HostileMeta):
    pass


class LyingMeta(type):
    def __getattribute__(cls, name):
        return {"__qualname__": "dumps", "__module__": "json"}.get(name) or super().__getattribute__(name)


class Lying(metaclass=LyingMeta):
    pass


class EqualMeta(type):
    """Its classes are equal to everything, and have no hash."""

    __hash__ = None

    def __eq__(cls, other):
        raise ZeroDivisionError("eq")


class Unhashable(metaclass=EqualMeta):
    pass


class Reduces:
    """Is reduced to what it was given."""

    def __init__(self, make):
        self.make = make

    def __reduce_ex__(self, protocol):
        return self.make()


def named(**names):
    """An Item class with these attributes."""
    return type("Named", (Item,), names)


class OddName(str):
    """A name that is a subclass of str, with code of its own."""

    def __eq__(self, other):
        raise ZeroDivisionError("eq")

    def __hash__(self):
        raise ZeroDivisionError("hash")

    def startswith(self, prefix):
        raise ZeroDivisionError("startswith")

    __contains__ = split = rpartition = startswith


def odd_name():
    cls = type("Odd", (), {})
    cls.__qualname__ = OddName("Odd")
    cls.__module__ = OddName(__name__)
    return cls


def with_module(value):
    cls = type("Moved", (), {})
    cls.__module__ = value
    return cls()


class RaisingModule(types.ModuleType):
    def __getattr__(self, name):
        raise ZeroDivisionError(name)


class AnsweringModule(types.ModuleType):
    def __getattr__(self, name):
        return AnswersEverything()


sys.modules["pickle_tests_raising"] = RaisingModule("pickle_tests_raising")
sys.modules["pickle_tests_answering"] = AnsweringModule("pickle_tests_answering")
sys.modules["pickle_tests_number"] = 5


class EqualKey:
    """A dict's key that changes the dict when it is compared, and itself when it is pickled."""

    def __init__(self, owner):
        self.owner = owner

    def __hash__(self):
        return 1

    def __eq__(self, other):
        self.owner.clear()
        return False

    def __reduce__(self):
        return Item, ()


def with_equal_keys():
    owner = {}
    owner[EqualKey({})] = 1
    return [owner, Item()]


class Mutates:
    """Empties and fills the containers in which it is."""

    def __init__(self, *containers):
        self.containers = containers
        self.count = 0

    def __reduce_ex__(self, protocol):
        self.count += 1
        for container in self.containers:
            container.clear()
            if isinstance(container, list):
                container.extend([self.count, Item()] * (self.count % 3))
            elif isinstance(container, dict):
                container.update({number: Item() for number in range(self.count % 3)})
        return dict, ()


def mutates(kind):
    """A container with a Mutates of itself in its middle."""
    container = {"list": [], "dict": {}}[kind]
    guest = Mutates(container)
    parts = [1, [2], guest, [Item()], "five"]
    if kind == "list":
        container.extend(parts)
    else:
        container.update(enumerate(parts))
    return container


class Fresh:
    """Leads to another new object each time, 1,000 deep."""

    def __init__(self, depth=0):
        self.depth = depth

    def __reduce__(self):
        return Fresh, (self.depth,), Fresh(self.depth + 1) if self.depth < 100 else None


class Deletes:
    """Lets its own class's name go while it is pickled."""

    def __reduce__(self):
        globals().pop("Gone", None)
        return Gone_, ()


class Gone:
    pass


Gone_ = Gone


class Recursive:
    """Pickles itself by the guard when it is asked for its parts."""

    depth = 0

    def __reduce__(self):
        if Recursive.depth < 20:
            Recursive.depth += 1
            try:
                pickle.dumps([self, Item()])
            except Exception:
                pass
            finally:
                Recursive.depth -= 1
        return Item, ()


class Endless(Exception):
    def __reduce__(self):
        return Endless, (), None, iter(int, 1)


def reduced_to_itself():
    itself = Reduces(lambda: (list, ([itself],)))
    return itself


def surrogate_class():
    cls = type("Surrogate", (), {})
    cls.__qualname__ = "Sur\ud800rogate\0\n[notice] forged"
    return cls


def deep(depth, bottom):
    root = here = []
    for _ in range(depth):
        here.append([])
        here = here[0]
    here.append(bottom)
    return root


def deep_objects(depth):
    here = Item()
    for _ in range(depth):
        outer = Item()
        outer.inner = here
        here = outer
    return here


OBJECTS = {
    "reduce": lambda: raising("__reduce__")(),
    "reduce_ex": lambda: raising("__reduce_ex__")(),
    "getattr": lambda: raising("__getattr__")(),
    "getstate": lambda: raising("__getstate__")(),
    "getnewargs": lambda: raising("__getnewargs_ex__")(),
    "class": lambda: raising("__class__")(),
    "getattribute": RaisesInGetattribute,
    "reduce-keyboard-interrupt": lambda: raising("__reduce__", error=KeyboardInterrupt)(),
    "reduce-system-exit": lambda: raising("__reduce__", error=SystemExit)(),
    "reduce-recursion-error": lambda: raising("__reduce__", error=RecursionError)(),
    "reduce-memory-error": lambda: raising("__reduce__", error=MemoryError)(),
    "reduce-generator-exit": lambda: raising("__reduce__", error=GeneratorExit)(),
    "repr": lambda: raising("__repr__", "__str__")(),
    "hash": lambda: raising("__hash__", "__eq__", "__bool__", "__len__")(),
    "dir": lambda: raising("__dir__", "__sizeof__", "__format__")(),
    "answers-everything": AnswersEverything,
    "hostile-meta": lambda: OfHostileMeta,
    "hostile-meta-instance": lambda: OfHostileMeta.__new__(OfHostileMeta),
    "lying-meta": lambda: Lying,
    "lying-meta-instance": lambda: Lying(),
    "unhashable-class": lambda: Unhashable,
    "unhashable-class-instance": lambda: Unhashable(),
    "odd-name": odd_name,
    "odd-name-instance": lambda: odd_name()(),
    "module-none": lambda: with_module(None),
    "module-number": lambda: with_module(5),
    "module-empty": lambda: with_module(""),
    "module-dots": lambda: with_module("..."),
    "module-long": lambda: with_module("m" * 100_000),
    "module-nul": lambda: with_module("m\0m"),
    "module-surrogate": lambda: with_module("m\ud800"),
    "module-raising": lambda: with_module("pickle_tests_raising"),
    "module-answering": lambda: with_module("pickle_tests_answering"),
    "module-no-module": lambda: with_module("pickle_tests_number"),
    "surrogate": lambda: surrogate_class()(),
    "reduced-to-none": lambda: Reduces(lambda: None),
    "reduced-to-name": lambda: Reduces(lambda: "OBJECTS"),
    "reduced-to-odd-name": lambda: Reduces(lambda: OddName("OBJECTS")),
    "reduced-to-empty-name": lambda: Reduces(lambda: ""),
    "reduced-to-dots": lambda: Reduces(lambda: "a..b"),
    "reduced-to-itself": reduced_to_itself,
    "raising-iterator": lambda: Reduces(lambda: (list, (), None, (1 // (3 - n) for n in range(9)))),
    "raising-pairs": lambda: Reduces(lambda: (dict, (), None, None, ((n, 1 // (3 - n)) for n in range(9)))),
    "bad-pairs": lambda: Reduces(lambda: (dict, (), None, None, iter([(1,), (1, 2, 3), 4, (Item(), 5)]))),
    "bad-state": lambda: Reduces(lambda: (Item, (), (1, 2, 3), None, None, 5)),
    "newobj-of-nothing": lambda: Reduces(lambda: (__import__("copyreg").__newobj__, ())),
    "newobj-of-number": lambda: Reduces(lambda: (__import__("copyreg").__newobj__, (5,))),
    "newobj-ex-of-nothing": lambda: Reduces(lambda: (__import__("copyreg").__newobj_ex__, (Item, 1, 2))),
    "equal-keys": with_equal_keys,
    "mutates-list": lambda: mutates("list"),
    "mutates-dict": lambda: mutates("dict"),
    "fresh": Fresh,
    "deletes": Deletes,
    "recursive": Recursive,
    "deep-lists": lambda: deep(100_000, Item()),
    "deep-objects": lambda: deep_objects(50_000),
    "key-with-repr": lambda: {raising("__repr__")(): Item()},
    "long-key": lambda: {"k" * 1_000_000: Item(), b"\xff\0" * 1000: [lambda: 0]},
    "wide": lambda: [[Item() for _ in range(1000)], {n: Item() for n in range(1000)}],
}


def plain(went):
    """What can be compared between two runs that make their objects anew."""
    return [went.get("raised"), went.get("bases"), "value" in went]


@tells
def application(query):
    if "inspect" in query:
        value = OBJECTS[query["inspect"]]()
        went = attempt(brine.pickle.inspect, value)
        return went.get("raised")
    protocols = [0, 2, 4, 5] if "protocols" not in query else [4]

    def compare(make):
        def build():
            return [Item(), make()] if "beside" in query else make()

        return [[plain(attempt(dumps, build(), protocol)) for dumps in (_pickle.dumps, pickle.dumps)]
                for protocol in protocols]

    if query["object"] == "all":
        return {name: compare(make) for name, make in OBJECTS.items() if not name.startswith("deep")}
    return compare(OBJECTS[query["object"]])
