"""`brine pickle scan`, `lint` and `check`: reading files, and saying what is in them."""

import argparse
import re
import sys
from collections.abc import Callable

from brine.pickle_tools.checking import Check
from brine.pickle_tools.files import listed, scan_file, system
from brine.pickle_tools.formats import FORMATS, printable, render
from brine.pickle_tools.lint import LARGEST_SCRIPT, Unreadable, lint
from brine.pickle_tools.progress import Progress
from brine.pickle_tools.result import CLEAN, Failure, Outcome, Result, Totals, within, worst

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
_CHECK = """\
Pickle objects, or take stored pickles, load them in a fresh process, pickle them there again, and say
what does not load or comes back different. Their code is run: check what is your own.
"""


class Size:
    """An argparse type: a number of bytes, with k, M or G behind it."""

    def __call__(self, text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,15})([kMG]?)", text)
        if not match or not int(match[1]):
            raise argparse.ArgumentTypeError(f"{text!r} is not a size: a number of bytes, or one with k, M or G")
        return int(match[1]) * _SIZES[match[2]]


def _seconds(text: str) -> float:
    """An argparse type: a number of seconds."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) or not float(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return float(text)


def _function(text: str) -> str:
    """An argparse type: MODULE:FUNCTION."""
    module, _, function = text.partition(":")
    if not function.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r} is not MODULE:FUNCTION")
    return text


def _name(text: str) -> str:
    """An argparse type: MODULE or MODULE.NAME."""
    if not all(part.isidentifier() for part in text.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a module, or of something in one")
    return text


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `pickle` with its commands."""
    parser = commands.add_parser("pickle", help="find what cannot be pickled or unpickled",
                                 description="Find what cannot be pickled or unpickled before it hurts.")
    of_pickle = parser.add_subparsers(dest="pickle_command", metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    scan = of_pickle.add_parser("scan", help="what stored pickles would import", description=_SCAN,
                                epilog=_SCAN_EXIT_CODES, formatter_class=raw)
    scan.add_argument("files", nargs="+", metavar="FILE",
                      help="a file with pickles, a container of such, or a folder; -: standard input")
    scan.add_argument("--allow", action="append", default=[], type=_name, metavar="MODULE[.NAME]",
                      help="trust what this module defines, or this class or function of it alone; may be repeated")
    scan.add_argument("--limit", type=Size(), default=4 << 30, metavar="BYTES",
                      help="the most that is read of a file; k, M or G may follow (default 4G)")
    of_lint = of_pickle.add_parser("lint", help="what of WSGI scripts can get into a pickle", description=_LINT,
                                   epilog=_EXIT_CODES, formatter_class=raw)
    of_lint.add_argument("files", nargs="+", metavar="SCRIPT", help="a WSGI script")
    check = of_pickle.add_parser("check", help="whether objects survive being pickled and loaded", description=_CHECK,
                                 epilog=_EXIT_CODES, formatter_class=raw)
    check.add_argument("files", nargs="+", metavar="FILE|MODULE:NAME",
                       help="a file with pickles; or an object of a module, of a function or class what a call returns")
    check.add_argument("--setup", type=_function, metavar="MODULE:FUNCTION",
                       help="call this first in the process that loads, such as myproject.boot:setup")
    check.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS",
                       help="how long each may take to load (default 10)")
    check.add_argument("--memory", type=Size(), default=4 << 30, metavar="BYTES",
                       help="the most memory that loading may take; k, M or G may follow (default 4G)")
    for each in (scan, of_lint, check):
        each.add_argument("--format", choices=FORMATS, default="text", help="how to report (default text)")


def run(options: argparse.Namespace) -> int:
    """Runs one of the commands and gives its exit code."""
    if options.pickle_command == "scan":
        return _run_scan(options)
    look: Callable[[str], Result] = _lint
    if options.pickle_command == "check":
        look = Check(options.setup or "", options.timeout, options.memory).target
    results = [look(file) for file in options.files]
    code = max((result.code for result in results), default=CLEAN)
    _write(render(options.format, Outcome(options.pickle_command, results, code)))
    _tell(results)
    return code


def _run_scan(options: argparse.Namespace) -> int:
    """Of what is in folders only what is a pickle, or could not be read, has a report of its own."""
    files = [each for path in options.files for each in listed(path)]
    totals, results = Totals(), []
    with Progress(len(files)) as progress:
        for each in files:
            progress.step(printable(each.path))
            result = scan_file(each, options.allow, options.limit)
            totals.count(result)
            if each.named or result.pickles or result.findings or result.failures:
                results.append(result)
    code = worst(result.code for result in results)
    of_folders = any(not each.named for each in files) or not files
    _write(render(options.format, Outcome("scan", results, code, totals if of_folders else None)))
    _tell(results)
    return code


def _tell(results: list[Result]) -> None:
    """Says on standard error what could not be read."""
    for result in results:
        for failure in result.failures:
            print(f"brine: {printable(_failure(result.file, failure))}", file=sys.stderr)


def _write(text: str) -> None:
    """To standard output, whatever encoding that has."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def _failure(file: str, failure: Failure) -> str:
    """A sentence about a file: it `is` or `ends` somehow, or an error of its own, with its place."""
    file = within(file, failure.member)
    place = ":".join(str(part) for part in (file, failure.line, failure.column, failure.offset) if part is not None)
    return f"{place}: {failure.reason}"


def _lint(file: str) -> Result:
    try:
        with open(file, "rb") as stream:
            source = stream.read(LARGEST_SCRIPT + 1)
        return Result(file, lint(source, file))
    except OSError as error:
        return Result(file, failures=[system(error)])
    except ValueError as error:  # a path with a null character
        return Result(file, failures=[Failure(f"cannot be read: {error}")])
    except Unreadable as error:
        return Result(file, failures=[Failure(error.reason, error.line, error.column)])
