"""An argparse parser that says which option was meant."""

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


def closest(word: str, words: Sequence[str]) -> str:
    """The one of the words that is most like another one; empty if none is."""
    return next(iter(difflib.get_close_matches(word, words, 1, 0.7)), "")


class Parser(argparse.ArgumentParser):
    """As argparse's, but for what it says of options and commands that there are not."""

    elsewhere: Mapping[str, str] = {}
    """What options of other programs are called here."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's; a command's own parser tells of an option that it does not have."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            parser = getattr(options, "parser", self)
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{parser.suggestion(unknown)}")
        return options

    def suggestion(self, words: Sequence[str]) -> str:
        """The end of a sentence about options that are unknown."""
        there = [option for action in self._actions for option in action.option_strings]
        names = [word.partition("=")[0] for word in words if word.startswith("-")]
        meant = [self.elsewhere.get(name) or closest(name, there) for name in names]
        return "".join(f"; did you mean {option}?" for option in dict.fromkeys(meant) if option)

    def error(self, message: str) -> NoReturn:
        """As argparse's; of choices it names the one that was meant."""
        match = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        meant = closest(match[1], re.findall(r"'([^']*)'", match[2])) if match else ""
        super().error(f"{message}; did you mean {meant}?" if meant else message)
