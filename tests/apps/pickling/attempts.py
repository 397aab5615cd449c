"""What the scripts of the pickle tests share: they try something, and tell as JSON how it went."""

import json
from urllib.parse import parse_qs

from brine.pickle import collect


def tells(answer):
    """The application that sends as JSON what `answer(query)` returns; `query` is a dict of texts."""

    def application(environ, start_response):
        query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        body = json.dumps(answer(query)).encode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]

    return application


def attempt(function, *args, **kwargs):
    """How a call went: {"value": ...}, or {"raised": its class, "text", "notes", "bases", "report"}."""
    try:
        value = function(*args, **kwargs)
    except BaseException as error:
        return tell(error)
    return {"value": value.hex() if isinstance(value, bytes) else ascii(value)}


def tell(error):
    """An exception as JSON can hold it."""
    report = getattr(error, "report", None)
    return {
        "raised": type(error).__name__,
        "bases": [cls.__name__ for cls in type(error).__mro__],
        "text": str(error),
        "notes": list(getattr(error, "__notes__", ())),
        "report": report and report.to_dict(),
    }


def watch(function, *args, **kwargs):
    """The same, and what the guard reports of it: "hazards", as dicts."""
    with collect() as reports:
        went = attempt(function, *args, **kwargs)
    went["hazards"] = [hazard for report in reports for hazard in report.to_dict()["hazards"]]
    return went
