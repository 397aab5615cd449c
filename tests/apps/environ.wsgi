"""Answers with its environ as JSON: {key: [name of the type, value or its repr]}.

Branches: strings as latin-1 text, booleans, tuples, integers, floats; objects as their repr.
"""

import json

PLAIN = (str, int, float, bool)


def application(environ, start_response):
    shown = {
        key: [type(value).__name__, value if type(value) in PLAIN else repr(value)]
        for key, value in environ.items()
    }
    body = json.dumps(shown).encode("ascii")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
