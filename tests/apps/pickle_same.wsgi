"""Compares the guard with pickle's own functions: the same bytes, the same writes, the same exceptions.

Branches: OBJECTS by name (`object=`), CALLS with arguments that pickle refuses (`calls`), signatures
(`signatures`), an exception of the application's own that passes through pickle (`through`).
"""

import collections
import datetime
import decimal
import enum
import functools
import inspect
import io
import pickle
import re

import _pickle
import ordinary
from attempts import attempt, tells


class Item:
    def __init__(self, *values):
        self.values = values

    def method(self):
        pass


class Colour(enum.Enum):
    RED = 1


class Fails:
    """Cannot be pickled, in its own way."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        raise self.error


class Returns:
    """Gives pickle something that it cannot use."""

    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return self.value


def function():
    pass


def nested():
    def inner():
        pass

    class Inner:
        pass

    return inner, Inner


def deep(depth):
    root = here = []
    for _ in range(depth):
        here.append([])
        here = here[0]
    return root


def cycle():
    ring = [Item()]
    ring.append(ring)
    return {"ring": ring}


OBJECTS = {
    "values": lambda: [None, True, 1, -(2 ** 70), 1.5, 2j, "text", "\u20ac\ud800", b"bytes", bytearray(b"y"),
                       (1, 2), {"k": {3, 4}}, frozenset("a"), ..., NotImplemented, type(None)],
    "long": lambda: [b"b" * 100_000, "t" * 100_000, list(range(3000)), {str(i): i for i in range(3000)}],
    "ordinary": lambda: [datetime.datetime(2000, 1, 2), decimal.Decimal("1.5"), re.compile("x"), range(3),
                         len,
                         ordinary.Holder(x=[1]), ordinary.Slotted(1, 2), functools.partial(len, "x"),
                         collections.OrderedDict(a=1), collections.deque([1]), ValueError("v")],
    "item": lambda: [Item(1, Item(2))] * 3,
    "items": lambda: [Item(number) for number in range(300)],
    "class": lambda: Item,
    "function": lambda: [function, function],
    "method": lambda: Item().method,
    "enum": lambda: Colour.RED,
    "lambda": lambda: [1, lambda: 0],
    "nested": nested,
    "nested-instance": lambda: nested()[1](),
    "cycle": cycle,
    "generator": lambda: (number for number in [Item()]),
    "lock-beside-an-item": lambda: [Item(), __import__("threading").Lock()],
    "deep": lambda: deep(100_000),
    "module": lambda: pickle,
    "raises": lambda: [Item(), Fails(KeyError("own"))],
    "raises-pickling-error": lambda: [Item(), Fails(pickle.PicklingError("own"))],
    "raises-attribute-error": lambda: [Item(), Fails(AttributeError("own"))],
    "raises-stop-iteration": lambda: Fails(StopIteration(1)),
    "raises-keyboard-interrupt": lambda: [Item(), Fails(KeyboardInterrupt("own"))],
    "raises-system-exit": lambda: [Item(), Fails(SystemExit(3))],
    "returns-number": lambda: [Item(), Returns(1)],
    "returns-short": lambda: Returns((len,)),
    "returns-long": lambda: Returns((1, 2, 3, 4, 5, 6, 7)),
    "returns-uncallable": lambda: Returns((1, ())),
    "returns-no-tuple": lambda: Returns((Item, [])),
    "returns-no-iterator": lambda: Returns((Item, (), None, 5)),
    "returns-bad-pairs": lambda: Returns((dict, (), None, None, iter([1, 2]))),
    "returns-unknown-name": lambda: Returns("NO_SUCH_NAME"),
}


class Chunks:
    """A file that remembers each write."""

    def __init__(self):
        self.chunks = []

    def write(self, chunk):
        self.chunks.append([type(chunk).__name__, bytes(chunk).hex()])
        return len(chunk)


def without_reports(went):
    """An address changes from object to object."""
    if "text" in went:
        went["text"] = re.sub(r"0x[0-9a-f]+", "0x", went["text"])
    return went


def dump_chunks(dump, make, protocol):
    file = Chunks()
    return [without_reports(attempt(dump, make(), file, protocol)), file.chunks]


def by_pickler(cls):
    return lambda obj, file, protocol: cls(file, protocol).dump(obj)


def compare(make):
    """What differs, for each protocol."""
    differences = []
    for protocol in range(6):
        modules = pickle, _pickle
        pairs = [[without_reports(attempt(module.dumps, make(), protocol)) for module in modules],
                 [dump_chunks(module.dump, make, protocol) for module in modules],
                 [dump_chunks(by_pickler(module.Pickler), make, protocol) for module in modules]]
        differences += [[protocol, *pair] for pair in pairs if pair[0] != pair[1]]
    return differences


CALLS = {
    "dumps": [((), {}), ((1, 99), {}), ((1, -1), {}), ((1, "2"), {}), ((1, 2, 3), {}), ((1,), {"bogus": 1}),
              ((), {"obj": 1}), ((1,), {"obj": 1}), ((1,), {"protocol": 2}),
              ((1,), {"buffer_callback": print}),
              ((1, 5), {"buffer_callback": 5}), ((1, 2 ** 80), {})],
    "dump": [((), {}), ((1,), {}), ((1, 2), {}), ((1, None), {}), ((1, Chunks(), 99), {}),
             ((1, Chunks(), 2, 3), {}), ((1, Chunks()), {"bogus": 1}), ((1,), {"file": Chunks()}),
             ((), {"file": Chunks(), "obj": 1}), ((1, Chunks()), {"file": Chunks()}),
             ((1, Chunks()), {"buffer_callback": print})],
    "loads": [((), {}), ((1,), {}), (("text",), {}), ((b"",), {}), ((b"\x80\x04.",), {}), ((b"garbage",), {}),
              ((b"N.", 1), {}), ((b"N.",), {"bogus": 1}), ((b"N.",), {"encoding": 5}),
              ((bytearray(b"N."),), {}), ((memoryview(b"N."),), {}), ((b"\x80\x63.",), {})],
    "load": [((), {}), ((1,), {}), ((io.StringIO("N."),), {}), ((Chunks(),), {}), ((), {"bogus": 1})],
    "Pickler": [((), {}), ((1,), {}), ((Chunks(), 99), {}), ((Chunks(),), {"bogus": 1}),
                ((Chunks(), 2, True, print), {}), ((Chunks(), 5, True, print, 1), {})],
    "Unpickler": [((), {}), ((1,), {}), ((io.BytesIO(),), {"bogus": 1})],
}


def refusals():
    differences = []
    for name, calls in CALLS.items():
        for args, kwargs in calls:
            went = [attempt(getattr(module, name), *args, **kwargs) for module in (pickle, _pickle)]
            made = [each.get("value", "").partition(" object at ")[0].rpartition(".")[2] for each in went]
            if went[0] != went[1] and not made[0] == made[1] == name:
                differences.append([name, ascii(args), ascii(kwargs), *went])
    return differences


def signatures():
    names = ("dumps", "dump", "loads", "load")
    differences = [name for name in names
                   if inspect.signature(getattr(pickle, name)) != inspect.signature(getattr(_pickle, name))]
    classes = [pickle.Pickler, pickle.Unpickler]
    return {"differ": differences, "home": [each.__module__ for each in classes],
            "names": [each.__qualname__ for each in classes],
            "derived": [issubclass(getattr(pickle, name), getattr(_pickle, name))
                        for name in ("Pickler", "Unpickler")],
            "back": [pickle.loads(_pickle.dumps(getattr(pickle, name))) is getattr(pickle, name)
                     for name in (*names, "Pickler", "Unpickler")]}


def through(error):
    """An exception that has passed through pickle, before and after: nothing of it may differ."""
    cause, context = ValueError("cause"), KeyError("context")
    error.__cause__, error.__context__ = cause, context
    args = error.args
    try:
        pickle.dumps([Item(), Fails(error)])
    except BaseException as caught:
        return [caught is error, caught.__cause__ is cause, caught.__context__ is context,
                caught.args == args,
                getattr(caught, "__notes__", []) == []]
    return []


@tells
def application(query):
    if "object" in query:
        return compare(OBJECTS[query["object"]])
    if "calls" in query:
        return refusals()
    if "through" in query:
        return {type(error).__name__: through(error) for error in
                (KeyError("k"), pickle.PicklingError("p"), AttributeError("a"), RecursionError("r"),
                 SystemExit(1), KeyboardInterrupt())}
    return signatures()
