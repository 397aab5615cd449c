"""`brine pickle scan` and `brine pickle lint`: reading files, and saying what is in them."""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict

from brine.pickle_tools.finding import Finding
from brine.pickle_tools.formats import FORMATS, printable, render
from brine.pickle_tools.lint import LARGEST_SCRIPT, Unreadable, lint
from brine.pickle_tools.result import CLEAN, Failure, Result, worst
from brine.pickle_tools.rules import RULES

BLOCK = 1 << 20
STDIN = "<stdin>"
"""What standard input is called in a report."""

_SIZES = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_EXIT_CODES = """\
exit codes:
  0  clean, or notes only
  1  something was found
  2  a file could not be read or understood; the others are reported all the same
"""
_SCAN_EXIT_CODES = """\
exit codes, by the grades of what was found; of several the lowest that is not 0:
  0  safe: only what is on the list of names that make values
  1  runs-code: to load it runs what the pickle says
  2  a file could not be read or understood; the others are reported all the same
  3  unknown: something that is there, and is not known to be harmless
  4  script: something that belongs to one script or program
  5  missing: something that is not there
"""
_LINT = """\
Say which classes and functions of WSGI scripts can get into a pickle, where they are a hazard: a
script's module has a name that no other process can import. Scripts are read and never executed.
"""
_SCAN = """\
List what loading stored pickles would import, and what each name leads to now, without loading them.
"""


class Size:
    """An argparse type: a number of bytes, with k, M or G behind it."""

    def __call__(self, text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,15})([kMG]?)", text)
        if not match or not int(match[1]):
            raise argparse.ArgumentTypeError(f"{text!r} is not a size: a number of bytes, or one with k, M or G")
        return int(match[1]) * _SIZES[match[2]]


def _name(text: str) -> str:
    """An argparse type: MODULE or MODULE.NAME."""
    if not all(part.isidentifier() for part in text.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a module, or of something in one")
    return text


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `pickle` with its two commands."""
    parser = commands.add_parser("pickle", help="find what cannot be pickled or unpickled",
                                 description="Find what cannot be pickled or unpickled before it hurts.")
    of_pickle = parser.add_subparsers(dest="pickle_command", metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    scan = of_pickle.add_parser("scan", help="what stored pickles would import", description=_SCAN,
                                epilog=_SCAN_EXIT_CODES, formatter_class=raw)
    scan.add_argument("files", nargs="+", metavar="FILE", help="a file of one or more pickles; -: standard input")
    scan.add_argument("--allow", action="append", default=[], type=_name, metavar="MODULE[.NAME]",
                      help="trust what this module defines, or this class or function of it alone; may be repeated")
    scan.add_argument("--limit", type=Size(), default=4 << 30, metavar="BYTES",
                      help="the most that is read of a file; k, M or G may follow (default 4G)")
    of_lint = of_pickle.add_parser("lint", help="what of WSGI scripts can get into a pickle", description=_LINT,
                                   epilog=_EXIT_CODES, formatter_class=raw)
    of_lint.add_argument("files", nargs="+", metavar="SCRIPT", help="a WSGI script")
    for each in (scan, of_lint):
        each.add_argument("--format", choices=FORMATS, default="text", help="how to report (default text)")


def run(options: argparse.Namespace) -> int:
    """Runs one of the two commands and gives its exit code."""
    if options.pickle_command == "scan":
        results = [_scan(file, options.allow, options.limit) for file in options.files]
    else:
        results = [_lint(file) for file in options.files]
    codes = [result.code for result in results]
    code = worst(codes) if options.pickle_command == "scan" else max(codes, default=CLEAN)
    _write(render(options.format, options.pickle_command, results, code))
    for result in results:
        if result.failure:
            print(f"brine: {printable(_failure(result.file, result.failure))}", file=sys.stderr)
    return code


def _write(text: str) -> None:
    """To standard output, whatever encoding that has."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _failure(file: str, failure: Failure) -> str:
    """A sentence about a file: it `is` or `ends` somehow, or an error of its own, with its place."""
    if failure.line is None and failure.offset is None:
        return f"{file}: {failure.reason}"
    place = ":".join(str(part) for part in (file, failure.line, failure.column, failure.offset) if part is not None)
    return f"{place}: {failure.reason}"


def _system(error: OSError) -> Failure:
    return Failure(f"cannot be read: {error.strerror or error}")


def _lint(file: str) -> Result:
    try:
        with open(file, "rb") as stream:
            source = stream.read(LARGEST_SCRIPT + 1)
        return Result(file, lint(source, file))
    except OSError as error:
        return Result(file, failure=_system(error))
    except ValueError as error:  # a path with a null character
        return Result(file, failure=Failure(f"cannot be read: {error}"))
    except Unreadable as error:
        return Result(file, failure=Failure(error.reason, error.line, error.column))


class _Blocks:
    """A file in blocks, up to a limit, so that it need not fit into memory, or end."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor, self._left = descriptor, limit
        self.cut = False
        """There is more than the limit."""

    def __iter__(self) -> Iterator[bytes]:
        while block := os.read(self._descriptor, BLOCK):
            self.cut = len(block) > self._left
            yield block[:self._left]
            self._left -= len(block)
            if self.cut:
                return


def _scan(file: str, allow: list[str], limit: int) -> Result:
    name = STDIN if file == "-" else file
    try:
        if file == "-":
            return _scan_stream(name, _Blocks(sys.stdin.fileno(), limit), allow, limit)
        with open(file, "rb", buffering=0) as stream:
            return _scan_stream(name, _Blocks(stream.fileno(), limit), allow, limit)
    except OSError as error:
        return Result(name, failure=_system(error))
    except ValueError as error:  # a path with a null character
        return Result(name, failure=Failure(f"cannot be read: {error}"))


def _scan_stream(name: str, blocks: _Blocks, allow: list[str], limit: int) -> Result:
    from brine.pickle import _scan as scanner  # not before it is needed: lint works without the extension module

    report = scanner.scan_blocks(blocks, allow)
    failure = None
    if blocks.cut:
        failure = Failure(f"is longer than the limit of {limit} bytes; what is behind was not read", offset=limit)
    elif report.error:
        failure = Failure(report.error, offset=report.position)
    elif not report.pickles:
        failure = Failure("is empty", offset=0)
    found = [asdict(each) for each in report.globals]
    return Result(name, [_finding(name, each) for each in found if each["kind"] != "safe"], failure,
                  report.pickles, found)


def _finding(file: str, each: dict[str, object]) -> Finding:
    """A name in a pickle that is not known to be safe."""
    kind = str(each["kind"])
    rule = RULES.get(kind) or RULES[f"restore-{kind}"]
    from brine.pickle._grades import GRADE_OF
    position = each["position"]
    assert isinstance(position, int)
    message = f"{each['module']}.{each['name']} ({each['resolves_to']}): {each['message']}"
    return Finding(rule.id, rule.severity, message, str(each["remedy"]), file, offset=position,
                   details={key: each[key] for key in ("module", "name", "opcode", "resolves_to")}
                   | {"grade": GRADE_OF[kind]})
