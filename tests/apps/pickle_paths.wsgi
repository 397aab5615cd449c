"""Pickles an Item of the script, from where the query's `shape` puts it.

Branches: SHAPES by name; all of them together (`shape=all`); none of the script's own (`shape=clean`).
"""

import collections
import copyreg
import enum
import functools
import pickle

import ordinary
from attempts import tells, watch


class Item:
    def method(self):
        pass


class Outer:
    class Inner:
        pass


class Colour(enum.Enum):
    RED = 1


class Single:
    def __reduce__(self):
        return "SINGLE"


class Problem(Exception):
    pass


Point = collections.namedtuple("Point", "x y")
SINGLE = Single()


def function(*values):
    pass


def cycle():
    ring = []
    ring += [ring, {"back": ring}, [Item()]]
    return ring


def cycle_of_objects():
    first, second = ordinary.Holder(), ordinary.Holder()
    first.next, second.next = second, first
    second.item = Item()
    return first


def shared():
    item = Item()
    return [[[item]], item]


class Registered:
    """What copyreg makes of it has an Item in it."""


copyreg.pickle(Registered, lambda registered: (ordinary.Reduced, (1, Item())))

SHAPES = {
    "root": Item,
    "spec": lambda: {"cart": ordinary.Holder(items=[0, 1, 2, Item()])},
    "value": lambda: {"cart": Item()},
    "tuple-key": lambda: {("a", 1): Item()},
    "object-key": lambda: {ordinary.Text("k"): Item()},
    "key": lambda: {1: 2, Item(): 3},
    "inside-key": lambda: {(0, Item()): 3},
    "list": lambda: [0, [Item()]],
    "tuple": lambda: (0, (Item(),)),
    "set": lambda: {Item()},
    "frozenset": lambda: frozenset([Item()]),
    "attribute": lambda: ordinary.Holder(a=1, b=Item()),
    "odd-attribute": lambda: ordinary.Holder(**{"not a name": Item()}),
    "slots": lambda: ordinary.Slotted(1, Item()),
    "slots-and-dict": lambda: ordinary.SlottedWithDict(1, 2, [Item()]),
    "reduce": lambda: ordinary.Reduced(1, [Item()]),
    "state-dict": lambda: ordinary.Stated({"kept": Item()}),
    "state-list": lambda: ordinary.Stated([1, Item()]),
    "setter": lambda: ordinary.Setter(function),
    "list-subclass": lambda: ordinary.ListLike([1, Item()]),
    "dict-subclass": lambda: ordinary.DictLike(a=Item()),
    "ordered-dict": lambda: collections.OrderedDict(a=Item()),
    "default-factory": lambda: collections.defaultdict(function),
    "deque": lambda: collections.deque([1, Item()]),
    "exception": lambda: ValueError("text", Item()),
    "partial": lambda: functools.partial(function, 1),
    "method": lambda: [Item().method],
    "function": lambda: [function],
    "class": lambda: [Item],
    "nested-class": lambda: [Outer.Inner()],
    "enum": lambda: [Colour.RED],
    "namedtuple": lambda: [Point(1, 2)],
    "single": lambda: [SINGLE],
    "own-exception": lambda: [Problem("text")],
    "dispatched": lambda: [Registered()],
    "cycle": cycle,
    "cycle-of-objects": cycle_of_objects,
    "shared": shared,
}


@tells
def application(query):
    if query["shape"] == "all":
        session = {name: make() for name, make in SHAPES.items()}
    elif query["shape"] == "clean":
        session = {"a": [1, (2,)], "b": ordinary.Holder(x=1), "c": ordinary.Reduced(),
                   "d": ordinary.Slotted(1, 2)}
    else:
        session = SHAPES[query["shape"]]()
    protocol = int(query.get("protocol", pickle.DEFAULT_PROTOCOL))
    return watch(pickle.dumps, session, protocol)
