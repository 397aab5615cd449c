"""Raises in the way that the query string names.

Branches: a plain exception, SystemExit, BaseException, KeyboardInterrupt, GeneratorExit, a chain of
causes, an exception whose str() raises, a SyntaxError of other code, an ExceptionGroup (where there
is one), text that is not ASCII, text of several lines; each when called, and after the first block.
"""


class Own(BaseException):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no str for you")


def chain():
    try:
        raise KeyError("the cause")
    except KeyError as cause:
        raise ValueError("the effect") from cause


def plain():
    raise ValueError("plain failure")


def raiser(error):
    def run():
        raise error

    return run


def group():
    raise ExceptionGroup("several", [ValueError("first"), TypeError("second")])


def deep(n=2000):
    return deep(n + 1)


WAYS = {
    "plain": plain,
    "exit": raiser(SystemExit(3)),
    "exit-none": raiser(SystemExit()),
    "base": raiser(Own("own base")),
    "interrupt": raiser(KeyboardInterrupt()),
    "generator-exit": raiser(GeneratorExit()),
    "chain": chain,
    "unprintable": raiser(Unprintable()),
    "syntax": lambda: compile("x = (", "<made up>", "exec"),
    "group": group,
    "recursion": deep,
    "unicode": raiser(ValueError("caf\u00e9 \u20ac \U0001f600")),
    "surrogate": raiser(ValueError("bad \udcff surrogate")),
    "lines": raiser(ValueError("line one\nline two\r\nline three")),
    "nul": raiser(ValueError("be\0fore")),
    "long": raiser(ValueError("x" * 20000)),
}


def later(way):
    yield b"first block"
    way()


def application(environ, start_response):
    way = WAYS[environ["QUERY_STRING"].removesuffix("-later")]
    if environ["QUERY_STRING"].endswith("-later"):
        start_response("200 OK", [])
        return later(way)
    way()
