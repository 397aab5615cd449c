"""Sends files by wsgi.file_wrapper: `/PATH?WAY`.

Branches: whole, block size, offset (tell() is not 0), length (Content-Length shorter than the file),
slice (both), sized (Content-Length is the size that the file system tells), long (Content-Length longer than the file), pipe, bytesio, text (open as text), text-read (likewise, a
line of it read), text-iterated (a line by next()), text-memory (io.StringIO), utf-16 (text in another encoding), object
with read() only, closed afterwards (noted in PATH.closed), subclass, deleted, written (write()
before), middleware (wrapped in a generator), twice (instance attributes), not-started.
"""

import io
import os


class Noting:
    """A file that notes its close()."""

    def __init__(self, path):
        self.file, self.path = open(path, "rb"), path

    def __getattr__(self, name):
        return getattr(self.file, name)

    def close(self):
        self.file.close()
        with open(f"{self.path}.closed", "a") as note:
            note.write("c")


class OnlyRead:
    def __init__(self, data):
        self.stream = io.BytesIO(data)

    def read(self, size):
        return self.stream.read(size)


def pipe(data):
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return os.fdopen(reader, "rb")


def a_line_read(file, how):
    getattr(file, how)()
    return file


def at(file, offset):
    file.seek(offset)
    return file


def application(environ, start_response):
    path, way, wrap = environ["PATH_INFO"], environ["QUERY_STRING"], environ["wsgi.file_wrapper"]
    size = os.path.getsize(path)
    headers = {"length": [("Content-Length", "100")], "slice": [("Content-Length", "50")],
               "sized": [("Content-Length", str(size))],
               "long": [("Content-Length", str(size + 10))]}.get(way, [])
    write = start_response("200 OK", [("Content-Type", "text/x-file"), *headers])
    if way == "deleted":
        file = open(path, "rb")
        os.unlink(path)
        return wrap(file)
    if way == "written":
        write(b"written first ")
    if way == "middleware":
        return (block for block in wrap(open(path, "rb"), 100))
    if way == "attributes":
        wrapper = wrap(open(path, "rb"), 123)
        assert wrapper.blksize == 123 and wrapper.filelike.name == path
        return wrapper
    if way == "subclass":
        return type("Own", (wrap,), {})(open(path, "rb"))
    return {
        "whole": lambda: wrap(open(path, "rb")),
        "unbuffered": lambda: wrap(open(path, "rb", buffering=0)),
        "block": lambda: wrap(open(path, "rb"), 17),
        "offset": lambda: wrap(at(open(path, "rb"), 10)),
        "end": lambda: wrap(at(open(path, "rb"), size)),
        "length": lambda: wrap(open(path, "rb")),
        "sized": lambda: wrap(open(path, "rb")),
        "slice": lambda: wrap(at(open(path, "rb"), 10)),
        "long": lambda: wrap(open(path, "rb")),
        "written": lambda: wrap(open(path, "rb")),
        "pipe": lambda: wrap(pipe(b"through a pipe")),
        "bytesio": lambda: wrap(io.BytesIO(b"in memory" * 1000)),
        "only-read": lambda: wrap(OnlyRead(b"only read" * 1000)),
        "closing": lambda: wrap(Noting(path)),
        "text": lambda: wrap(open(path)),
        "text-read": lambda: wrap(a_line_read(open(path), "readline")),
        "text-iterated": lambda: wrap(a_line_read(open(path), "__next__")),
        "text-memory": lambda: wrap(io.StringIO("caf\xe9 " * 5000)),
        "utf-16": lambda: wrap(a_line_read(open(path, encoding="utf-16-le", newline=""), "readline"), 7),
    }[way]()
