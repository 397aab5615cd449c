"""A tenant's application that does what it likes: executes the Python source that it is sent, and answers `result`."""

import json


def application(environ, start_response):
    source = environ["wsgi.input"].read().decode()
    names = {"environ": environ, "result": None}
    exec(compile(source, "attack", "exec"), names)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(names["result"]).encode()]
