"""Fails after the last byte of the answer, 12345678: `?WAY` or `?WAY&CONTENT-LENGTH`.

Branches: generator (raises after its last block), generator-good (does not), write (a generator that
raises at once, after write()), write-and-raise (the application itself raises after write()), close
(close() raises), close-list (likewise, of a list with a close()), die (the process ends).
"""

import os


class Blocks:
    def __iter__(self):
        yield b"12345678"

    def close(self):
        raise ValueError("after the last byte")


class List(list):
    def close(self):
        raise ValueError("after the last byte")


def generator():
    yield b"1234"
    yield b"5678"
    raise ValueError("after the last byte")


def at_once():
    raise ValueError("after the last byte")
    yield


def die():
    yield b"12345678"
    os._exit(1)


def application(environ, start_response):
    way, _, length = environ["QUERY_STRING"].partition("&")
    fields = [("Content-Length", length)] if length else []
    write = start_response("200 OK", [("Content-Type", "text/plain"), *fields])
    if way.startswith("write"):
        write(b"1234")
        write(b"5678")
        if way == "write-and-raise":
            raise ValueError("after the last byte")
        return at_once()
    return {"generator": generator, "generator-good": lambda: [b"12345678"], "close": Blocks,
            "close-list": lambda: List([b"12345678"]), "die": die}[way]()
