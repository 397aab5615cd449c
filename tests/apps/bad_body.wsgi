"""Breaks PEP 3333 in the way that the query string names; the server answers 500 or cuts.

Branches: wrong types of a block and of the result, no start_response, start_response too late; the
same after a good first block; errors of iteration itself; write() misused.
"""


class NoIteration:
    pass


class BadIteration:
    def __iter__(self):
        raise KeyError("no iteration today")


class BadNext:
    def __iter__(self):
        return self

    def __next__(self):
        raise KeyError("no next today")


def late(start):
    yield b"body before the status"
    start("200 OK", [])


def wrong(*blocks):
    def run(start):
        start("200 OK", [])
        return list(blocks)

    return run


def wrong_later(block):
    def run(start):
        start("200 OK", [])
        yield b"good block"
        yield block

    return run


def result(value):
    def run(start):
        start("200 OK", [])
        return value

    return run


def write(block):
    def run(start):
        start("200 OK", [])(block)
        return []

    return run


WAYS = {
    "str": wrong("text"),
    "str-itself": result("text"),
    "int": wrong(1),
    "none-block": wrong(None),
    "bytearray": wrong(bytearray(b"x")),
    "memoryview": wrong(memoryview(b"x")),
    "none": result(None),
    "number": result(42),
    "no-iteration": result(NoIteration()),
    "bad-iteration": result(BadIteration()),
    "bad-next": result(BadNext()),
    "not-started": lambda start: [b"x"],
    "not-started-empty": lambda start: [],
    "not-started-generator": lambda start: (block for block in [b"x"]),
    "not-started-empty-generator": lambda start: (block for block in []),
    "late": late,
    "later-str": wrong_later("text"),
    "later-none": wrong_later(None),
    "write-str": write("text"),
    "write-none": write(None),
}


def application(environ, start_response):
    return WAYS[environ["QUERY_STRING"]](start_response)
