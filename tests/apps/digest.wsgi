"""Answers with the length and SHA-256 of its input: large bodies arrive whole.

Branches: blocks of 64 KiB; `?all` read() of everything; `?into` readinto.
"""

import hashlib


def blocks(stream, how):
    if how == "all":
        yield stream.read()
    elif how == "into":
        buffer = bytearray(65536)
        while count := stream.readinto(buffer):
            yield buffer[:count]
    else:
        while block := stream.read(65536):
            yield block


def application(environ, start_response):
    digest, size = hashlib.sha256(), 0
    for block in blocks(environ["wsgi.input"], environ["QUERY_STRING"]):
        digest.update(block)
        size += len(block)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{size} {digest.hexdigest()}".encode()]
