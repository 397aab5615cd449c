"""Keeps a worker busy for as many seconds as the query string says."""

import time

BODY = b"done"


def application(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [BODY]
