"""Objects that pickle and do not load, to be found by a round trip.

Branches: `?sampled=N` pickles an object of class N of never_loads, and waits for the check of a sample to end;
`?thread=N` does so in a thread of its own; `?check=N` makes the round trip itself; `?pool=N` sends the object to a process of
a Pool with `way=to`, or has it sent by one with `way=from`. N may be `value`, an object that loads. `executable=` is the
Python that makes the round trip, or `none`.
"""

import contextlib
import multiprocessing
import pickle
import sys
import threading

import brine.pickle
import never_loads
import ordinary
from attempts import attempt, tells
from brine.pickle import _round_trip


def sample(value, query):
    with running_by(query):
        pickle.dumps(value)
        wait()
    return dict(brine.pickle.counters())


@contextlib.contextmanager
def running_by(query):
    before, executable = sys.executable, query.get("executable", sys.executable)
    sys.executable = None if executable == "none" else executable
    try:
        yield
    finally:
        sys.executable = before


def wait():
    for thread in threading.enumerate():
        if thread.name == "brine.pickle":
            thread.join()


def in_thread(value):
    told = []
    thread = threading.Thread(target=lambda: told.append(sample(value, {})))
    thread.start()
    thread.join()
    return told[0]


def check(value, query):
    def run():
        nonlocal report
        report = brine.pickle.check(value, seconds=60).to_dict()

    report = None
    _round_trip.helper.end()  # the one that is kept would be asked
    with running_by(query):
        return {**attempt(run), "report": report}


def to_pool(number):
    """A process of the Pool gets the object: it fails before it runs a function."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return attempt(pool.apply_async(ordinary.Holder, (), {"x": made(number)}).get, 2)


def from_pool(number):
    """A process of the Pool sends the object as its answer. The Pool's own thread ends by it, which it minds at its end."""
    pool = multiprocessing.get_context("fork").Pool(1)
    went = attempt(pool.apply_async(never_loads.made, (number,)).get, 2)
    ended = attempt(pool.terminate)
    for process in pool._pool:
        process.terminate()
        process.join()
    return [went, ended]


def made(number):
    return ordinary.Holder(x=1) if number == "value" else never_loads.made(number)


@tells
def application(query):
    if "check" in query:
        return check(made(query["check"]), query)
    if "pool" in query:
        return {"to": to_pool, "from": from_pool}[query["way"]](query["pool"])
    if "thread" in query:
        return in_thread(made(query["thread"]))
    return sample(made(query["sampled"]), query)
