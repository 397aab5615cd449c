"""Answers in the shape that the query string names.

Branches: list, tuple, generator, iterator, iterable (own __iter__), getitem (old sequence protocol),
empty list, empty generator, one empty block, many blocks, mixed empty blocks, write() alone, write()
before iteration, write() of many, lazy (start_response inside the generator), set, bytes itself,
subclass of bytes.
"""


class Iterable:
    def __iter__(self):
        return iter([b"iter", b"able"])


class Sequence:
    def __getitem__(self, index):
        return [b"get", b"item"][index]


class Bytes(bytes):
    pass


def lazy(start):
    start("202 Lazily", [("X-Lazy", "yes")])
    yield b"la"
    yield b"zy"


def started(shape):
    def run(start):
        return shape(start("200 OK", [("Content-Type", "text/plain")]))

    return run


def write_then(rest):
    def run(write):
        write(b"written ")
        write(b"")
        return rest

    return run


SHAPES = {
    "list": started(lambda write: [b"one block"]),
    "list-two": started(lambda write: [b"two ", b"blocks"]),
    "tuple": started(lambda write: (b"tu", b"ple")),
    "generator": started(lambda write: (block for block in [b"gene", b"rator"])),
    "iterator": started(lambda write: iter([b"ite", b"rator"])),
    "iterable": started(lambda write: Iterable()),
    "getitem": started(lambda write: Sequence()),
    "empty-list": started(lambda write: []),
    "empty-generator": started(lambda write: (block for block in [])),
    "empty-block": started(lambda write: [b""]),
    "empty-blocks": started(lambda write: [b"", b"a", b"", b"b", b""]),
    "empty-blocks-generator": started(lambda write: iter([b"", b"a", b"", b"b", b""])),
    "many": started(lambda write: [b"%05d\n" % i for i in range(10000)]),
    "many-generator": started(lambda write: (b"%05d\n" % i for i in range(3000))),
    "large": started(lambda write: [b"x" * 3_000_000]),
    "large-generator": started(lambda write: (b"x" * 100_000 for _ in range(30))),
    "bytes": started(lambda write: b"abc"),
    "write": started(write_then([])),
    "write-and-list": started(write_then([b"then listed"])),
    "write-and-generator": started(write_then(iter([b"then ", b"generated"]))),
    "lazy": lazy,
}


def application(environ, start_response):
    return SHAPES[environ["QUERY_STRING"]](start_response)
