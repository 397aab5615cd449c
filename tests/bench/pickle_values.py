"""What the pickle guard's cost is measured with. Run by the Python whose extension module is measured.

Prints a JSON object: key of a cost -> its ratio in each round, guarded time over pickle's own.
"""

import gc
import json
import logging
import sys
import types
from time import perf_counter

import _pickle
import brine.pickle
from brine import _guard
from pickle_classes import Item, make_classes, refused_with_rows_behind

SESSION = {
    "user_id": 4711, "user_name": "Ursula K. Le Guin", "email": "ursula@example.com", "is_staff": False,
    "language": "en-GB", "timezone": "Europe/London", "csrf_token": "u32t4o3tb3gg43u32t4o3tb3gg43zx81",
    "logged_in_at": 1714550400.25, "last_seen": 1714553999.75, "visits": 17, "theme": "dark", "page": "/catalogue/books",
    "cart": [101, 102, 205], "discount": 0.15, "address_id": None, "newsletter": True, "referrer": "https://example.com/",
    "flags": ("beta", "search"), "hash": b"\x8f\x1e\x93\x00\x7f", "messages": {"info": "Welcome back"},
}


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
    start = perf_counter()
    for _ in range(calls):
        function(argument)
    return perf_counter() - start


def ratios(guarded, argument, calls, rounds, plain_dumps=_pickle.dumps):
    """Of each round; the two take turns, so that the machine's noise meets both."""
    times(guarded, argument, calls)
    result = []
    for _ in range(rounds):
        plain = times(plain_dumps, argument, calls)
        result.append(times(guarded, argument, calls) / plain)
    return result


def first_refusals(rounds, rows, classes=100):
    """Likewise for dumps that fail for the first time: each with an object of a class of its own."""
    result = []
    for _ in range(rounds):
        objects = [refused_with_rows_behind(rows, cls) for cls in make_classes(classes)]
        plain, guarded = failing(_pickle.dumps), failing(_guard.dumps)
        plain_time = sum(times(plain, each, 1) for each in objects)
        plain_time = sum(times(plain, each, 1) for each in objects)
        result.append(sum(times(guarded, each, 1) for each in objects) / plain_time)
    return result


def main(rounds):
    _guard.set_policy("Report")
    gc.disable()
    graph = graph_with_hazard()
    assert brine.pickle.inspect(graph).ids == ("naming-unimportable",)
    rows = [{"id": i} for i in range(300_000)]
    logging.disable()  # what is measured is the guard, not where its log goes
    print(json.dumps({
        "pickle-session": ratios(_guard.dumps, SESSION, 20_000, rounds * 4),
        "pickle-instances": ratios(_guard.dumps, [Item(i) for i in range(1000)], 100, rounds * 4),
        "pickle-bytes": ratios(_guard.dumps, b"x" * 10_000_000, 20, rounds * 4),
        "pickle-refused": ratios(failing(_guard.dumps), refused_with_rows_behind(rows), 20_000, rounds * 4,
                                 failing(_pickle.dumps)),
        "pickle-first": first_refusals(rounds * 4, rows),
        "pickle-path": ratios(brine.pickle.inspect, graph, 1, rounds),
    }))


if __name__ == "__main__":
    main(int(sys.argv[1]))
