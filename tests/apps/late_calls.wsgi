"""Keeps what one request was given and uses it during a later one.

Branches: `?keep` keeps; start_response, write, input: used after their request has ended,
each must raise RuntimeError. "none kept": another process answered.
"""

kept = {}
USES = {
    "start_response": lambda thing: thing("200 OK", []),
    "write": lambda thing: thing(b"x"),
    "input": lambda thing: thing.read(),
}


def use(what):
    if what not in kept:
        return "none kept"
    try:
        USES[what](kept[what])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing raised"


def application(environ, start_response):
    what = environ["QUERY_STRING"]
    said = "kept" if what == "keep" else use(what)
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if what == "keep":
        kept.update(start_response=start_response, write=write, input=environ["wsgi.input"])
    return [said.encode()]
