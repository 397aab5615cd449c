"""What the pickle guard's cost is measured with. Run by the Python whose extension module is measured.

Prints a JSON object: key of a cost -> its ratio in each round, guarded time over pickle's own. What cannot be measured
with this Python is left out.
"""

import datetime
import decimal
import gc
import io
import json
import logging
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from time import process_time

import _pickle
import brine.pickle
from brine import _guard
from pickle_classes import Address, Item, make_classes, refused_with_rows_behind

SESSION = {
    "user_id": 4711, "user_name": "Ursula K. Le Guin", "email": "ursula@example.com", "is_staff": False,
    "language": "en-GB", "timezone": "Europe/London", "csrf_token": "u32t4o3tb3gg43u32t4o3tb3gg43zx81",
    "logged_in_at": 1714550400.25, "last_seen": 1714553999.75, "visits": 17, "theme": "dark", "page": "/catalogue/books",
    "cart": [101, 102, 205], "discount": 0.15, "address_id": None, "newsletter": True, "referrer": "https://example.com/",
    "flags": ("beta", "search"), "hash": b"\x8f\x1e\x93\x00\x7f", "messages": {"info": "Welcome back"},
}


TYPED_SESSION = {**SESSION, "since": datetime.datetime(2024, 5, 1, 12, 30), "birthday": datetime.date(1929, 10, 21),
                 "total": decimal.Decimal("19.95"), "key": uuid.UUID(int=0x12345678123456781234567812345678)}


def frame(rows=100_000):
    """A DataFrame of numbers, texts and times; None where there is no pandas."""
    try:
        import pandas
    except ImportError:
        return None
    return pandas.DataFrame({"number": range(rows), "price": [each * 1.25 for each in range(rows)],
                             "name": [f"row {each}" for each in range(rows)],
                             "day": pandas.date_range("2000-01-01", periods=rows, freq="min")})


def graph_with_hazard(objects=100_000):
    """(a list of so many lists and dicts, with one object of a module that cannot be imported in it)."""
    module = types.ModuleType("made_by_hand")
    exec("class Found: pass", module.__dict__)
    sys.modules["made_by_hand"] = module
    graph = [{"id": i, "name": f"row {i}", "tags": [i, str(i)]} for i in range(objects // 2)]
    graph[objects // 3]["tags"].append(module.Found())
    return graph


def failing(dumps):
    """`dumps` for an object that it refuses."""

    def call(argument):
        try:
            dumps(argument)
        except TypeError:
            pass

    return call


def times(function, argument, calls):
    """Seconds of this process on a processor: what else the machine does is none of them."""
    start = process_time()
    for _ in range(calls):
        function(argument)
    return process_time() - start


def ratios(guarded, argument, calls, rounds, plain_dumps=_pickle.dumps):
    """Of each round; the two take turns, so that the machine's noise meets both."""
    times(guarded, argument, calls)
    result = []
    for _ in range(rounds):
        plain = times(plain_dumps, argument, calls)
        result.append(times(guarded, argument, calls) / plain)
    return result


def first_refusals(rounds, rows, are_named_anew, classes=40):
    """Likewise for dumps that fail for the first time: each with an object of a class of its own.

    `are_named_anew`: no other round had classes of these names, so that each hazard is described. Else it is as
    after a reload: the classes are new, and their hazards have been told. A process describes 1,000 hazards.
    """
    plain, guarded = failing(_pickle.dumps), failing(_guard.dumps)

    def times_of(function, objects):
        return times(lambda every: [function(each) for each in every], objects, 1)

    result = []
    for at in range(rounds):
        names = [f"Item{at if are_named_anew else ''}_{i}" for i in range(classes)]
        objects = [refused_with_rows_behind(rows, cls) for cls in make_classes(names)]
        times_of(plain, objects)
        plain_time = times_of(plain, objects)
        result.append(times_of(guarded, objects) / plain_time)
    return result


def to_file(dump):
    """`dump` to a file that is made anew, as shelve makes one."""
    return lambda value: dump(value, io.BytesIO())


def by_pickler(pickler):
    return lambda value: pickler(io.BytesIO()).dump(value)


def of_protocol(dumps, protocol):
    return lambda value: dumps(value, protocol)


def sessions(rounds: int) -> Iterator[tuple[str, Callable[[], list[float]]]]:
    """The ways to pickle a session: (key, function that measures it)."""
    def session(guarded, plain):
        return lambda: ratios(guarded, SESSION, 20_000, rounds * 4, plain)

    yield "pickle-session", session(_guard.dumps, _pickle.dumps)
    yield "pickle-typed", lambda: ratios(_guard.dumps, TYPED_SESSION, 10_000, rounds * 4)
    yield "pickle-dump", session(to_file(_guard.dump), to_file(_pickle.dump))
    yield "pickle-pickler", session(by_pickler(_guard.Pickler), by_pickler(_pickle.Pickler))
    for protocol in range(4):
        yield f"pickle-protocol-{protocol}", session(of_protocol(_guard.dumps, protocol),
                                                     of_protocol(_pickle.dumps, protocol))
    yield "pickle-loads", lambda: ratios(_guard.loads, _pickle.dumps(TYPED_SESSION), 10_000, rounds * 4, _pickle.loads)


def others(rounds: int) -> Iterator[tuple[str, Callable[[], list[float]]]]:
    """Other objects, likewise."""
    def dumps(value, calls):
        return lambda: ratios(_guard.dumps, value, calls, rounds * 4)

    def path():
        graph = graph_with_hazard()
        assert brine.pickle.inspect(graph).ids == ("naming-unimportable",)
        return ratios(brine.pickle.inspect, graph, 1, rounds)

    yield "pickle-dataclass", dumps(Address(), 40_000)
    yield "pickle-instances", dumps([Item(i) for i in range(1000)], 100)
    yield "pickle-bytes", dumps(b"x" * 10_000_000, 20)
    table = frame()
    if table is not None:
        yield "pickle-frame", dumps(table, 5)
    rows = [{"id": i} for i in range(300_000)]
    yield "pickle-refused", lambda: ratios(failing(_guard.dumps), refused_with_rows_behind(rows), 20_000, rounds * 4,
                                           failing(_pickle.dumps))
    yield "pickle-first", lambda: first_refusals(rounds * 4, rows, True)
    yield "pickle-first-again", lambda: first_refusals(rounds * 4, rows, False)
    yield "pickle-path", path


def main(rounds, *keys):
    _guard.set_policy("Report")
    gc.disable()
    logging.disable()  # what is measured is the guard, not where its log goes
    print(json.dumps({key: measure() for some in (sessions, others) for key, measure in some(rounds)
                      if not keys or key in keys}))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
