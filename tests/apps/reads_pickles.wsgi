"""Loads what another script has stored: `?file=PATH` tells its class and state as JSON, or the exception.

`&default=1`: by brine.pickle.loads with a default. `&import=NAME`: what such an import gives.
"""

import importlib
import json
import os
import pickle
import sys
from pathlib import Path
from urllib.parse import parse_qs

import brine.pickle


def told(loaded):
    return {"class": f"{type(loaded).__module__}.{type(loaded).__qualname__}", "state": getattr(loaded, "__dict__", None),
            "version": getattr(type(loaded), "version", None)}


def answer(query):
    if "import" in query:
        module = importlib.import_module(query["import"])
        return {"repr": repr(module), "shows": dir(module), "same": sys.modules[query["import"]] is module}
    data = Path(query["file"]).read_bytes()
    if "default" in query:
        loaded = brine.pickle.loads(data, default="a miss")
        return loaded if loaded == "a miss" else told(loaded)
    return told(pickle.loads(data))


def application(environ, start_response):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    try:
        result = answer(query)
    except Exception as error:
        result = {"raised": type(error).__name__, "text": str(error), "notes": list(getattr(error, "__notes__", ()))}
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Pid", str(os.getpid()))])
    return [json.dumps(result).encode()]
