"""Counts the calls of close() on its result, in every ending; `?count` tells and clears.

Branches: list-like, generator, raise (while iterating), first (raises at the first block), bad
(str block), endless (until the client goes), close-raises, no-close, iter-raises, unstarted, head.
The counts live in a file beside PATH_INFO, so that all processes share them.
"""

import pathlib


class Result:
    def __init__(self, blocks, note, error=None, iteration_error=None):
        self.blocks, self.note, self.error = iter(blocks), note, error
        self.iteration_error = iteration_error

    def __iter__(self):
        if self.iteration_error:
            raise self.iteration_error
        return self

    def __next__(self):
        return next(self.blocks)

    def close(self):
        with self.note.open("a") as file:
            file.write("c")
        if self.error:
            raise self.error


def failing(blocks):
    yield from blocks
    raise RuntimeError("while iterating")


def endless():
    while True:
        yield b"x" * 65536


def application(environ, start_response):
    note, way = pathlib.Path(environ["PATH_INFO"]), environ["QUERY_STRING"]
    if way != "unstarted":
        start_response("200 OK", [])
    if way == "finally":
        def generator():
            try:
                yield b"block"
                yield from endless()
            finally:
                with note.open("a") as file:
                    file.write("c")

        return generator()
    return {
        "plain": lambda: Result([b"a", b"b"], note),
        "empty": lambda: Result([], note),
        "raise": lambda: Result(failing([b"sent"]), note),
        "first": lambda: Result(failing([]), note),
        "bad": lambda: Result(["text"], note),
        "endless": lambda: Result(endless(), note),
        "close-raises": lambda: Result([b"whole"], note, ValueError("in close")),
        "close-exits": lambda: Result([b"whole"], note, SystemExit(3)),
        "iter-raises": lambda: Result([], note, None, KeyError("in iter")),
        "unstarted": lambda: Result([b"x"], note),
    }[way]()
