"""`--config FILE`: a TOML file that has options of the command by their names."""

import argparse
import tomllib
from pathlib import Path
from typing import Any, NoReturn

from brine.looking import absolute
from brine.parser import Parser, closest
from brine.refusal import Refusal


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        raise Refusal(f"There is no file {file}, which --config names.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} is no TOML: {error}.") from None


def _words(file: Path, key: str, value: Any) -> list[str]:
    """One setting as the command line would have it."""
    if isinstance(value, bool):
        return [f"--{key}"] if value else []
    if key == "tls" and value == "auto":
        return ["--tls", "auto", "auto"]
    if isinstance(value, str | int | float):
        return [str(value)] if key == "target" else [f"--{key}={value}"]
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        if key == "tls":
            return ["--tls", *map(str, value)]
        return [f"--{key}={each}" for each in value]
    raise Refusal(f"{file}: {key} is a {type(value).__name__}, and should be a string, a number, true or false, or a "
                  "list of these.")


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
            meant = closest(key, list(known))
            raise Refusal(f"{file}: there is no option {key}{f'; did you mean {meant}?' if meant else '.'}")
        words += _words(file, key, value)
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
