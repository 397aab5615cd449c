"""A generator of as many blocks of 1 KiB as the query string says; no Content-Length."""

BLOCK = b"x" * 1024


def blocks(count):
    for _ in range(count):
        yield BLOCK


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return blocks(int(environ["QUERY_STRING"]))
