"""Keeps a count in an imported module: shows which interpreter serves, and whether it lasts.

Branches: the count lives in sys.modules' `builtins`, one for each interpreter.
"""

import builtins
import json
import os


def application(environ, start_response):
    builtins.brine_test_count = getattr(builtins, "brine_test_count", 0) + 1
    facts = {
        "count": builtins.brine_test_count,
        "interpreter": id(builtins),
        "group": environ["mod_wsgi.application_group"],
        "pid": os.getpid(),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
