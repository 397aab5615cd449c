"""Notes in the folder `?PATH` what reading the input ended with: for clients that go away.

Branches: read() gave everything; read() raised (the type's name and text); the response is short.
"""

import pathlib


def application(environ, start_response):
    note = pathlib.Path(environ["QUERY_STRING"])
    try:
        size = len(environ["wsgi.input"].read())
        note.write_text(f"read {size}")
    except Exception as error:
        note.write_text(f"{type(error).__name__} {isinstance(error, OSError)} {error}")
        raise
    start_response("200 OK", [])
    return [b"done"]
