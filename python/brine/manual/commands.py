"""A command as its parser describes it: what manual pages and completions are made from."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

_FILES = ("CERT", "CONF", "FILE", "KEY", "PATH", "PROGRAM", "SCRIPT", "TARGET")
_FOLDERS = ("DIR", "FOLDER")


@dataclass(frozen=True)
class Option:
    """An option, or an argument without dashes."""

    flags: tuple[str, ...]
    """"--define" and "-D"; none of an argument."""
    values: str
    """What follows it, as --help shows that: "SECONDS"; "" for nothing."""
    help: str
    choices: tuple[str, ...] = ()
    repeats: bool = False

    @property
    def takes_files(self) -> bool:
        return any(name in self.values for name in _FILES) or self.takes_folders

    @property
    def takes_folders(self) -> bool:
        """And no other files."""
        return any(name in self.values for name in _FOLDERS) and not any(name in self.values for name in _FILES)


@dataclass(frozen=True)
class Command:
    """A command with its options."""

    words: tuple[str, ...]
    """("brine", "pickle", "scan")"""
    summary: str
    usage: str
    description: str
    epilog: str
    groups: tuple[tuple[str, tuple[Option, ...]], ...]
    """Title and options, in the order of --help."""
    commands: tuple["Command", ...]

    @property
    def name(self) -> str:
        """"brine-pickle-scan": that of its manual page."""
        return "-".join(self.words)

    @property
    def options(self) -> list[Option]:
        return [each for _, options in self.groups for each in options if each.flags]

    @property
    def arguments(self) -> list[Option]:
        return [each for _, options in self.groups for each in options if not each.flags]

    def walk(self) -> Iterator["Command"]:
        """It, and all commands below it."""
        yield self
        for each in self.commands:
            yield from each.walk()


def described(parser: argparse.ArgumentParser, words: tuple[str, ...] = (), summary: str = "") -> Command:
    """What the parser says of itself and its commands."""
    words = words or (parser.prog,)
    below: list[Command] = []
    groups: list[tuple[str, tuple[Option, ...]]] = []
    for group in parser._action_groups:
        found: list[Option] = []
        for action in group._group_actions:
            if isinstance(action, argparse._SubParsersAction):
                helps = {each.dest: each.help or "" for each in action._choices_actions}
                below += [described(each, (*words, name), helps.get(name, "")) for name, each in action.choices.items()]
            elif action.help != argparse.SUPPRESS:
                found.append(_option(action, parser))
        if found:
            groups.append(((group.title or "").removeprefix("positional "), tuple(found)))
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return Command(words, summary or parser.description or "", usage, parser.description or "", parser.epilog or "",
                   tuple(groups), tuple(below))


def _option(action: argparse.Action, parser: argparse.ArgumentParser) -> Option:
    formatter = parser._get_formatter()
    takes = bool(action.option_strings) and action.nargs == 0
    values = "" if takes else formatter._format_args(action, formatter._get_default_metavar_for_optional(action)
                                                     if action.option_strings else action.dest)
    choices = tuple(map(str, action.choices)) if action.choices else ()
    return Option(tuple(action.option_strings), values, formatter._expand_help(action) if action.help else "", choices,
                  isinstance(action, argparse._AppendAction))
