"""Answers as the query string (JSON) says: `status`, `headers`, and a body in one of these ways.

Branches of `way`: list, empty (the default), generator, endless (a stream without an end), write,
write-endless, file (wsgi.file_wrapper around `path`), raises (after start_response), late (an exception behind the
first block), read (the request's body first), loop (a local redirect to the very same URL). `close` is a file that
gets a "c" when close() is called.
"""

import json
from urllib.parse import unquote


class Body:
    def __init__(self, blocks, note):
        self.blocks, self.note = blocks, note

    def __iter__(self):
        return iter(self.blocks)

    def close(self):
        if self.note:
            with open(self.note, "a") as file:
                file.write("c")


def endless():
    while True:
        yield b"SECRET" * 1000


def late():
    yield b"SECRET"
    raise ValueError("late")


def application(environ, start_response):
    wish = json.loads(unquote(environ["QUERY_STRING"]))
    way, note = wish.get("way", "empty"), wish.get("close")
    if way == "read":
        environ["wsgi.input"].read()
    if way == "loop":
        wish["headers"] = [["Location", f"{environ['SCRIPT_NAME']}?{environ['QUERY_STRING']}"]]
    write = start_response(wish.get("status", "200 OK"), [tuple(pair) for pair in wish.get("headers", [])])
    if way == "raises":
        raise ValueError("nothing was sent")
    if way.startswith("write"):
        for block in endless() if way == "write-endless" else [b"SECRET"]:
            write(block)
    if way == "file":
        return environ["wsgi.file_wrapper"](open(wish["path"], "rb"))
    return {"list": [b"SECRET"], "generator": Body([b"SEC", b"RET"], note), "endless": Body(endless(), note),
            "late": Body(late(), note)}.get(way, [])
