"""What the pickle guard's cost is measured with. Run by the Python whose extension module is measured.

Prints a JSON object: key of a cost -> its ratio in each round, guarded time over pickle's own.
"""

import gc
import json
import sys
import types
from time import perf_counter

import _pickle
import brine.pickle
from brine import _guard

SESSION = {
    "user_id": 4711, "user_name": "Ursula K. Le Guin", "email": "ursula@example.com", "is_staff": False,
    "language": "en-GB", "timezone": "Europe/London", "csrf_token": "u32t4o3tb3gg43u32t4o3tb3gg43zx81",
    "logged_in_at": 1714550400.25, "last_seen": 1714553999.75, "visits": 17, "theme": "dark", "page": "/catalogue/books",
    "cart": [101, 102, 205], "discount": 0.15, "address_id": None, "newsletter": True, "referrer": "https://example.com/",
    "flags": ("beta", "search"), "hash": b"\x8f\x1e\x93\x00\x7f", "messages": {"info": "Welcome back"},
}


class Item:
    """A class of an ordinary module."""

    def __init__(self, number):
        self.number = number
        self.name = f"item {number}"
        self.price = number * 1.25


def graph_with_hazard(objects=100_000):
    """(a list of so many lists and dicts, with one object of a module that cannot be imported in it)."""
    module = types.ModuleType("made_by_hand")
    exec("class Found: pass", module.__dict__)
    sys.modules["made_by_hand"] = module
    graph = [{"id": i, "name": f"row {i}", "tags": [i, str(i)]} for i in range(objects // 2)]
    graph[objects // 3]["tags"].append(module.Found())
    return graph


def times(function, argument, calls):
    start = perf_counter()
    for _ in range(calls):
        function(argument)
    return perf_counter() - start


def ratios(guarded, argument, calls, rounds):
    """Of each round; the two take turns, so that the machine's noise meets both."""
    times(guarded, argument, calls)
    result = []
    for _ in range(rounds):
        plain = times(_pickle.dumps, argument, calls)
        result.append(times(guarded, argument, calls) / plain)
    return result


def main(rounds):
    _guard.set_policy("Report")
    gc.disable()
    graph = graph_with_hazard()
    assert brine.pickle.inspect(graph).ids == ("naming-unimportable",)
    print(json.dumps({
        "pickle-session": ratios(_guard.dumps, SESSION, 20_000, rounds * 4),
        "pickle-instances": ratios(_guard.dumps, [Item(i) for i in range(1000)], 100, rounds * 4),
        "pickle-bytes": ratios(_guard.dumps, b"x" * 10_000_000, 20, rounds * 4),
        "pickle-path": ratios(brine.pickle.inspect, graph, 1, rounds),
    }))


if __name__ == "__main__":
    main(int(sys.argv[1]))
