"""The standard streams and wsgi.errors as io has them: `/WAY?STREAM` (stdout, stderr, errors).

Branches: kind (which interfaces it has), unsupported (what raises UnsupportedOperation), closed (closes
it in each way that there is), detached (takes its raw stream and wraps it), reconfigured (in each
respect), bytes (to its buffer), cut (lines, and the beginning of one, in one call), endless (a line
of 1 MB, in pieces), at-once (three lines in pieces, while other requests write), last-words (an
unfinished line, by a thread that ends), original (Python's own streams), by-name (opens the devices),
replaced (puts a block-buffered stream in its place, and leaves text in that).
"""

import codecs
import contextlib
import faulthandler
import io
import os
import sys
import threading

together = threading.Barrier(4)


def kind(stream):
    return [isinstance(stream, cls) for cls in (io.TextIOWrapper, io.TextIOBase, io.IOBase)] + [
        isinstance(stream.buffer, io.RawIOBase), stream.encoding, stream.errors, stream.line_buffering,
        stream.newlines, stream.closed, stream.writable(), stream.readable(), stream.seekable(),
        stream.isatty(), stream.name, stream.mode]


def unsupported(stream):
    found = []
    for call in (stream.fileno, stream.buffer.fileno, stream.read, stream.readline, stream.tell,
                 lambda: next(stream), lambda: list(stream), lambda: stream.seek(0), stream.truncate,
                 stream.buffer.read, lambda: next(stream.buffer)):
        try:
            found.append(call())
        except Exception as error:
            found.append(type(error) is io.UnsupportedOperation)
    try:
        stream.buffer.write("text")
    except TypeError:
        found.append(True)
    return found


def closed(stream):
    with stream:
        stream.write("within, ")
    with contextlib.closing(stream.buffer):
        stream.buffer.write(b"of bytes, ")
    stream.close()
    io.TextIOWrapper(stream.buffer)  # closes what it wraps when it dies
    stream.__del__()
    stream.write("after it\n")
    return [stream.closed, stream.buffer.closed]


def detached(stream):
    stream.write("before it, ")
    raw = stream.detach()
    wrapped = io.TextIOWrapper(raw, encoding="ascii", errors="replace", write_through=True)
    wrapped.write("caf\u00e9\n")
    codecs.getwriter("utf-8")(stream.detach()).write("by codecs\n")
    del wrapped
    stream.write("it stays\n")
    return [isinstance(raw, io.RawIOBase)]


def reconfigured(stream):
    stream.reconfigure(encoding="ascii", errors="xmlcharrefreplace")
    stream.write("caf\u00e9\n")
    found = [stream.encoding, stream.errors]
    stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\r\n")
    stream.reconfigure(newline="\n", line_buffering=False, write_through=False)
    found.append(stream.line_buffering)
    stream.write("not kept\n")
    stream.reconfigure(line_buffering=True)
    return found + [stream.line_buffering]


def write_bytes(stream):
    return [stream.buffer.write(data) for data in (b"bytes, ", bytearray(b"more, "), memoryview(b"all\n"))]


def cut(stream):
    stream.write("whole\nin two")
    stream.write(" pieces\n")
    return []


def endless(stream):
    for _ in range(100):
        stream.write("." * 10000)
    stream.write("\n")
    return []


def at_once(stream):
    stream.reconfigure(line_buffering=False, write_through=False)
    try:
        for line in range(20):
            together.wait(10)
            for number in range(10):
                print(f"piece{number}", end=" ", file=stream)
            print(file=stream)
    finally:
        together.wait(10)
        stream.reconfigure(line_buffering=True)
    return []


def last_words(stream):
    thread = threading.Thread(target=stream.write, args=("last words",))
    thread.start()
    thread.join()
    return []


def by_name(_stream):
    for name in ("/dev/stdout", "/dev/stderr"):
        with open(name, "a") as file:
            file.write(f"written to {name}\n")


def original(_stream):
    with open(sys.__stderr__.fileno(), "w", closefd=False) as file:
        pass
    faulthandler.enable(file=sys.__stderr__)
    enabled = faulthandler.is_enabled()
    faulthandler.disable()
    return [enabled, sys.__stdout__.fileno(), sys.__stderr__.fileno(), file.closed]


def replaced(stream):
    raw = stream.detach()
    sys.stdout = io.TextIOWrapper(raw)
    sys.stdout.write("kept to the end")
    return []


WAYS = {"/kind": kind, "/unsupported": unsupported, "/closed": closed, "/detached": detached,
        "/reconfigured": reconfigured, "/bytes": write_bytes, "/cut": cut, "/endless": endless,
        "/at-once": at_once, "/last-words": last_words, "/original": original, "/by-name": by_name, "/replaced": replaced}


def application(environ, start_response):
    name = environ["QUERY_STRING"]
    stream = environ["wsgi.errors"] if name == "errors" else getattr(sys, name)
    body = repr(WAYS[environ["PATH_INFO"]](stream))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()]
