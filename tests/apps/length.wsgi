"""States a Content-Length and sends another number of bytes: `?STATED=SENT[=list]`.

Branches: equal, over-run, under-run, nothing at all; as a generator of blocks of at most 1000 bytes,
or as one list; `?none=SENT=list` states nothing.
"""


def blocks(size):
    while size:
        part = min(size, 1000)
        yield b"x" * part
        size -= part


def application(environ, start_response):
    stated, sent, *kind = environ["QUERY_STRING"].split("=")
    headers = [] if stated == "none" else [("Content-Length", stated)]
    start_response("200 OK", headers)
    body = blocks(int(sent))
    return list(body) if kind else body
