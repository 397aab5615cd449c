"""Answers with the status line and headers of the query string (JSON), and a body.

Branches: any status; repeated and odd headers; `body` null for an empty list.
"""

import json
from urllib.parse import unquote


def application(environ, start_response):
    wish = json.loads(unquote(environ["QUERY_STRING"]))
    start_response(wish["status"], [tuple(pair) for pair in wish.get("headers", [])])
    body = wish.get("body", "body")
    return [] if body is None else [body.encode()]
