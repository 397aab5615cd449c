"""Bodies for answers that have none: `?KIND`, `?KIND&STATUS` or `?KIND&STATUS&CONTENT-LENGTH`.

Branches: endless generator, endless after empty blocks (empty-first), empty blocks without an end
(empties, write-empties), endless write(), a file-like object without an end in wsgi.file_wrapper, blocks
(three of them), one block, none, list, large list, late (a generator that raises after its last byte).
The file that PATH_INFO names gets a "b" for each block that was asked for and a "c" for each call of
close().
"""

import io
import pathlib


class Result:
    def __init__(self, blocks, note):
        self.blocks, self.note = iter(blocks), note

    def __iter__(self):
        return self

    def __next__(self):
        self.note("b")
        return next(self.blocks)

    def close(self):
        self.note("c")


class EndlessFile(io.RawIOBase):
    def __init__(self, note):
        self.note = note

    def read(self, size=-1):
        self.note("b")
        return b"r" * 1000

    def close(self):
        if not self.closed:
            self.note("c")
        super().close()


def endless(before=()):
    yield from before
    while True:
        yield b"e" * 1000


def empties():
    while True:
        yield b""


def late():
    yield b"1234"
    yield b"5678"
    raise ValueError("after the last byte")


def write_on(write, note, block):
    try:
        while True:
            note("b")
            write(block)
    finally:
        note("c")


def write_once(write):
    write(b"12345678")
    return []


def application(environ, start_response):
    kind, status, length, *_ = environ["QUERY_STRING"].split("&") + ["", ""]
    path = pathlib.Path(environ["PATH_INFO"])

    def note(what):
        with path.open("a") as file:
            file.write(what)

    headers = [("Content-Type", "text/x-data")] + ([("Content-Length", length)] if length else [])
    write = start_response(f"{status or 200} Said So", headers)
    return {
        "endless": lambda: Result(endless(), note),
        "empty-first": lambda: Result(endless([b"", b"", b""]), note),
        "empties": lambda: Result(empties(), note),
        "write": lambda: write_on(write, note, b"w" * 1000),
        "write-empties": lambda: write_on(write, note, b""),
        "write-once": lambda: write_once(write),
        "file": lambda: environ["wsgi.file_wrapper"](EndlessFile(note), 1000),
        "blocks": lambda: Result([b"1234", b"5678", b"9" * 1000], note),
        "block": lambda: Result([b"1234"], note),
        "empty": lambda: Result([], note),
        "list": lambda: [b"1234", b"5678"],
        "large": lambda: [b"x" * 3_000_000],
        "late": lambda: Result(late(), note),
        "none": lambda: [],
    }[kind]()
