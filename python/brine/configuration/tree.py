"""The configuration as httpd has read it, from what `-D DUMP_CONFIG` prints."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from brine.configuration.lines import Place, options, words


@dataclass(frozen=True)
class Directive:
    """A directive, or the head of a section."""

    name: str
    arguments: str
    place: Place
    sections: tuple["Directive", ...] = ()
    """The sections that it stands in, the outermost first."""

    @cached_property
    def words(self) -> list[str]:
        return list(words(self.arguments))

    @cached_property
    def options(self) -> dict[str, str]:
        return options(self.arguments)

    @property
    def virtual_host(self) -> "Directive | None":
        return next((each for each in self.sections if each.name.lower() == "virtualhost"), None)

    def is_named(self, *names: str) -> bool:
        return self.name.lower() in names


class Tree:
    """All directives of a configuration in their order: includes, macros, variables and conditions are resolved."""

    def __init__(self, directives: list[Directive]) -> None:
        self._all = directives

    def __iter__(self) -> Iterator[Directive]:
        return iter(self._all)

    def named(self, *names: str) -> list[Directive]:
        lower = [name.lower() for name in names]
        return [each for each in self._all if each.name.lower() in lower]

    @property
    def of_wsgi(self) -> list[Directive]:
        return [each for each in self._all if each.name.lower().startswith("wsgi")]


WRAPPER = "UnsetEnv"
"""The directive in whose arguments those of mod_wsgi are hidden while httpd reads: it takes any words, anywhere."""

_COMMAND_LINE = "-c/-C directives"
_FILE = re.compile(r"# In file: (.+)")
_NUMBER = re.compile(r"\s*#\s+(\d+):")


def parse(output: str, place: Callable[[str, int], Place]) -> Tree:
    """`place` gives the place in the original for a file, or macro, and a line as httpd names them."""
    directives: list[Directive] = []
    sections: list[Directive] = []
    source, number, begun = "", 0, False
    for text in output.split("\n"):
        file, line = _FILE.fullmatch(text), _NUMBER.fullmatch(text)
        if file:
            source, begun = file[1], file[1] != _COMMAND_LINE
        elif line:
            number = int(line[1])
        elif begun and text.strip():
            _take(text.strip(), place(source, number), directives, sections)
    return Tree(directives)


def _take(text: str, where: Place, directives: list[Directive], sections: list[Directive]) -> None:
    text = re.sub(rf"^{WRAPPER}\s+(?=</?wsgi|wsgi|loadmodule\s)", "", text, flags=re.IGNORECASE)
    if text.startswith("</"):
        if sections:
            sections.pop()
        return
    match = re.fullmatch(r"(<?)([^\s>]+)\s*(.*)", text, re.DOTALL)
    if not match:
        return
    arguments = match[3].removesuffix(">").rstrip() if match[1] else match[3]
    directive = Directive(match[2], arguments, where, tuple(sections))
    directives.append(directive)
    if match[1]:
        sections.append(directive)
