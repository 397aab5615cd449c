"""Yields blocks when the test says so; the files are in the folder that QUERY_STRING names.

A first block; when `go` is there, eight blocks of 8 KiB at once, and `made` tells of it; when `end`
is there, a last block.
"""

import pathlib
import time


def wait_for(path):
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.005)


def blocks(folder):
    yield b"first"
    wait_for(folder / "go")
    for number in range(8):
        yield str(number).encode() * 8192
    (folder / "made").touch()
    wait_for(folder / "end")
    yield b"last"


def application(environ, start_response):
    start_response("200 OK", [])
    return blocks(pathlib.Path(environ["QUERY_STRING"]))
