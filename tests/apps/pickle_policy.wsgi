"""Says which policy holds, and what it does to an Item of the script and to a plain value.

Branches: `?thread` in a thread of its own; `?load` while the script was loaded; else in the request.
"""

import pickle
import threading

import brine.pickle
from attempts import attempt, tells


class Item:
    pass


def facts():
    return {"policy": brine.pickle.policy(), "item": attempt(pickle.dumps, Item()),
            "value": attempt(pickle.dumps, {"plain": [1, "two"]}),
            "ordinary": attempt(pickle.dumps, range(3))}


AT_LOAD = facts()


@tells
def application(query):
    if "load" in query:
        return AT_LOAD
    if "thread" not in query:
        return facts()
    told = []
    thread = threading.Thread(target=lambda: told.append(facts()))
    thread.start()
    thread.join()
    return told[0]
