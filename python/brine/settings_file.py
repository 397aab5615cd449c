"""`--config FILE`: a TOML file that has options of the command by their names."""

import argparse
import json
from pathlib import Path
from typing import Any, NoReturn

from brine.looking import absolute
from brine.parser import Parser, closest
from brine.refusal import Refusal


def _read(file: Path) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:
        raise Refusal("--config reads TOML by Python's tomllib, which Python 3.10 does not have: give the options "
                      "themselves, or run the command by a later Python.") from None
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise Refusal(f"There is no file {file}, which --config names.") from None
    except OSError as error:
        raise Refusal(f"{file}, which --config names, cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} is no TOML: {error}.") from None
    except RecursionError:
        raise Refusal(f"{file} has values within values that are too deep to be read.") from None


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _words(file: Path, key: str, value: Any, action: argparse.Action | None) -> list[str]:
    """One setting as the command line would have it; without an action: the target."""
    def refusal(wanted: str) -> Refusal:
        return Refusal(f"{file}: {key} = {json.dumps(value, default=str)} is not {wanted}.")

    if any("\0" in str(each) for each in (value if isinstance(value, list) else [value])):
        raise refusal("what a command line could have, as it holds a NUL")
    if action is None or action.nargs == "?":
        if not isinstance(value, str):
            raise refusal("a string")
        return [value]
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise refusal("true or false")
        return [f"--{key}"] if value else []
    if action.nargs == 2:
        words = [value, value] if value == "auto" else value
        if not isinstance(words, list) or len(words) != 2 or not all(map(_is_word, words)):
            raise refusal("a list of two files, a certificate and its key, or \"auto\"")
        return [f"--{key}", *map(str, words)]
    if isinstance(action.default, list):
        values = value if isinstance(value, list) else [value]
        if not all(map(_is_word, values)):
            raise refusal("a list of strings")
        return [f"--{key}={each}" for each in values]
    if not _is_word(value):
        raise refusal("a string or a number")
    return [f"--{key}={value}"]


def with_settings(options: Any, parser: Parser, words: list[str]) -> Any:
    """The options of the command line `words`, above those of the file that --config names, if there is one."""
    if options.config is None:
        return options
    parser.set_defaults(**_defaults(absolute(options.config), parser))
    return parser.parse_args(words[1:], argparse.Namespace(command=options.command))


def _defaults(file: Path, parser: Parser) -> dict[str, Any]:
    """What the file sets, for the parser's set_defaults(). Throws a Refusal that names the file and the key."""
    known = {option.removeprefix("--"): action for action in parser._actions for option in action.option_strings}
    known = {key: action for key, action in known.items() if key not in ("config", "help", "h", "-h")}
    words: list[str] = []
    settings = _read(file)
    for key, value in settings.items():
        if key not in known and key != "target":
            meant = parser.elsewhere.get(f"--{key}", "").replace("--", "") or closest(key, list(known))
            raise Refusal(f"{file}: there is no option {key}{f'; did you mean {meant}?' if meant else '.'}")
        words += _words(file, key, value, known.get(key))
    return {key.replace("-", "_"): getattr(_parse(file, parser, words), key.replace("-", "_")) for key in settings}


class _Trial(Parser):
    """Says what is wrong in a file instead of ending the program."""

    file: Path

    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{self.file}: {message}.")


def _parse(file: Path, parser: Parser, words: list[str]) -> Any:
    trial = _Trial(parents=[parser], add_help=False, conflict_handler="resolve")
    trial.file = file
    return trial.parse_args(words)
