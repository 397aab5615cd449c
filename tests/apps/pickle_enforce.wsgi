"""Pickles in all ways in which a program can, under the policy that its place has.

Branches: REFUSED and PASSED by name (`case=`): {"went": of the guard, "plain": of pickle's own class or
function, "written": bytes that the file has got, "called": how often the program's own hooks were called}.
"""

import copyreg
import io
import pickle
from pickle import dump, dumps

import _pickle
import ordinary
from attempts import attempt, tells


class Item:
    def __init__(self, number=1):
        self.number = number


class Kept(Item):
    """What copyreg makes of it is a dict."""


copyreg.pickle(Kept, lambda kept: (dict, ([("number", kept.number)],)))


def function():
    pass


class Calls:
    """Counts the calls of hooks."""

    count = 0

    def buffer(self, buffer):
        self.count += 1


def pickler_class(base, **members):
    return type("OwnPickler", (base,), members)


def with_hook(hook, obj, **options):
    """pickler_class(...)(file).dump(obj), where the class has the hooks."""
    return lambda base, file, calls: pickler_class(base, **hook)(file, **options).dump(obj)


def with_buffers(hook, obj):
    def run(base, file, calls):
        pickler_class(base, **hook)(file, 5, buffer_callback=calls.buffer).dump(obj)
    return run


def with_table(table, obj):
    def run(base, file, calls):
        pickler = base(file)
        pickler.dispatch_table = table
        pickler.dump(obj)
    return run


def twice(first, second):
    """Two dumps of one Pickler, which remembers what the first has written."""
    def run(base, file, calls):
        pickler = base(file)
        pickler.dump(first)
        pickler.dump(second)
    return run


def after_a_failure(hook, failing, obj, clear=False):
    def run(base, file, calls):
        pickler = pickler_class(base, **hook)(file)
        attempt(pickler.dump, failing)
        if clear:
            pickler.clear_memo()
        pickler.dump(obj)
    return run


def items_by_number(self, obj):
    return obj.number if isinstance(obj, Item) else None


def ranges_by_number(self, obj):
    return 1 if isinstance(obj, range) else None


def items_as_dicts(self, obj):
    return (dict, ()) if isinstance(obj, Item) else NotImplemented


def ranges_as_items(self, obj):
    return (Item, ()) if isinstance(obj, range) else NotImplemented


def super_dump(self, obj):
    return super(type(self), self).dump(["wrapped", obj])


OUT = {"persistent_id": items_by_number}
BUFFER = bytearray(b"x" * 1000)
BIG = [b"x" * 200_000, "y" * 200_000]
SHARED = ["shared"]

PASSED = {
    "plain": lambda base, file, calls: base(file).dump([1, "two"]),
    "big": lambda base, file, calls: base(file).dump([BIG, range(3)]),
    "persistent_id": with_hook(OUT, [Item(), 1]),
    "persistent_id_of_the_root": with_hook(OUT, Item()),
    "reducer_override": with_hook({"reducer_override": items_as_dicts}, [Item()]),
    "dispatch_table": with_table({Item: lambda item: (dict, ())}, [Item()]),
    "dispatch_table_of_a_class": with_hook({"dispatch_table": {Item: lambda item: (dict, ())}}, [Item()]),
    "copyreg": lambda base, file, calls: base(file).dump([Kept()]),
    "twice": twice([range(3), SHARED], [range(3), SHARED]),
    "buffers": with_buffers({}, [pickle.PickleBuffer(BUFFER), range(3)]),
    "buffers_and_persistent_id": with_buffers(OUT, [pickle.PickleBuffer(BUFFER), Item()]),
    "buffers_and_reducer_override": with_buffers({"reducer_override": items_as_dicts},
                                                 [pickle.PickleBuffer(BUFFER), Item()]),
    "persistent_id_after_a_failure": after_a_failure(OUT, [compile("1", "", "eval")], [Item()]),
    "persistent_id_after_clear_memo": after_a_failure(OUT, [compile("1", "", "eval")], [Item()], clear=True),
    "fix_imports": with_hook({}, [range(3)], protocol=2, fix_imports=False),
}
REFUSED = {
    "pickler": lambda base, file, calls: base(file).dump([Item()]),
    "class": lambda base, file, calls: base(file).dump(Item),
    "function": lambda base, file, calls: base(file).dump(function),
    "big": lambda base, file, calls: base(file).dump([BIG, Item()]),
    "big_last": lambda base, file, calls: base(file, 4).dump([Item(), BIG]),
    "protocol_0": lambda base, file, calls: base(file, 0).dump([range(3), Item()]),
    "protocol_2": lambda base, file, calls: base(file, 2).dump([range(3), Item()]),
    "fast": lambda base, file, calls: setattr(pickler := base(file), "fast", True) or pickler.dump([Item()]),
    "persistent_id": with_hook({"persistent_id": ranges_by_number}, [range(3), Item()]),
    "reducer_override": with_hook({"reducer_override": ranges_as_items}, [range(3)]),
    "dispatch_table": with_table({range: lambda numbers: (Item, ())}, [range(3)]),
    "buffers": with_buffers({}, [pickle.PickleBuffer(BUFFER), Item()]),
    "dump_that_wraps": with_hook({"dump": super_dump}, Item()),
    "second_dump": lambda base, file, calls: twice(SHARED, [SHARED, Item()])(base, file, calls),
    "after_a_failure": after_a_failure({}, [compile("1", "", "eval")], [Item()]),
}


@tells
def application(query):
    if "function" in query:
        return functions()
    case = {"refused": REFUSED, "passed": PASSED}[query["expect"]][query["case"]]
    result = {}
    for name, base in (("plain", _pickle.Pickler), ("guarded", pickle.Pickler)):
        file, calls = io.BytesIO(), Calls()
        went = attempt(case, base, file, calls)
        result[name] = {**went, "written": file.getvalue().hex(), "called": calls.count}
    return result


def functions():
    """The functions of pickle, and names for them that the script has taken before."""
    file, calls = io.BytesIO(), Calls()
    went = {
        "dumps": attempt(pickle.dumps, Item()),
        "from pickle import dumps": attempt(dumps, Item()),
        "buffers": attempt(pickle.dumps, [pickle.PickleBuffer(BUFFER), Item()], protocol=5,
                           buffer_callback=calls.buffer),
        "dump": attempt(pickle.dump, Item(), file),
        "from pickle import dump": attempt(dump, Item(), file),
        "dump by keywords": attempt(pickle.dump, obj=Item(), file=file, protocol=2),
        "dump with buffers": attempt(pickle.dump, [pickle.PickleBuffer(BUFFER), Item()], file, protocol=5,
                                     buffer_callback=calls.buffer),
        "in an ordinary object": attempt(pickle.dumps, ordinary.Holder(items=[Item()])),
    }
    return {"went": went, "written": len(file.getvalue()), "called": calls.count}
