"""A configuration file as httpd reads it: logical lines, each with its place. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Place:
    """Where a directive stands; `line` is the first of those that backslashes join, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Line:
    """One logical line."""

    first: int
    last: int
    text: str

    @property
    def is_comment(self) -> bool:
        return self.text.startswith("#")

    @property
    def name(self) -> str:
        """The directive's name in lower case; "<name" and "</name" for a section."""
        match = re.match(r"<?/?[^\s>]+", self.text)
        return match[0].lower() if match else ""

    @property
    def arguments(self) -> str:
        """What follows the name."""
        parts = self.text.split(None, 1)
        return parts[1] if len(parts) > 1 else ""


def logical_lines(text: str) -> list[Line]:
    """httpd joins a line that ends with a backslash to the next one, comments too, and drops leading blanks."""
    lines: list[Line] = []
    joined, first = "", 0
    physical = text.split("\n")
    if physical[-1] == "":
        physical.pop()
    for number, line in enumerate(physical, 1):
        line = line.removesuffix("\r")
        first = first or number
        if line.endswith("\\") and number < len(physical):
            joined += line[:-1]
            continue
        lines.append(Line(first, number, (joined + line).strip()))
        joined, first = "", 0
    return lines


def section_end(lines: list[Line], start: int) -> int:
    """The index of the line that closes the section opened by line `start`; `start` itself if none does."""
    name = lines[start].name.lstrip("<")
    depth = 0
    for index in range(start, len(lines)):
        depth += {f"<{name}": 1, f"</{name}": -1}.get(lines[index].name, 0)
        if depth == 0:
            return index
    return start


def is_load_line(line: Line) -> bool:
    """Whether it loads mod_wsgi, or Brine in its place."""
    return line.name == "loadmodule" and next(words(line.arguments), "") == "wsgi_module"


_WITHOUT_IT = re.compile(r"<IfModule\s+!\s*(?:mod_wsgi\.c|wsgi_module)\s*>", re.IGNORECASE)


def loading_sections(lines: list[Line]) -> frozenset[int]:
    """The first lines of the sections that httpd reads where it has not loaded mod_wsgi yet, and that load it."""
    return frozenset(line.first for index, line in enumerate(lines) if _WITHOUT_IT.match(line.text)
                     and any(map(is_load_line, lines[index:section_end(lines, index)])))


def macro_line(lines: list[Line], definition: int, number: int) -> Line | None:
    """The line that mod_macro calls `number`, of the macro defined in line `definition`: it leaves comments out."""
    body = [line for line in lines if line.first > definition and not line.is_comment]
    return body[number - 1] if 0 < number <= len(body) else None


def words(text: str) -> Iterator[str]:
    """The words of a directive's arguments, as httpd takes them apart: quoted by " or ', with backslashes in quotes."""
    rest = text.lstrip()
    while rest:
        match = re.match(r'"((?:\\.|[^"\\])*)"|' r"'((?:\\.|[^'\\])*)'", rest) if rest[0] in "\"'" else None
        if match:
            inner = match[1] if match[1] is not None else match[2]
            yield re.sub(r"\\([\"'\\])", r"\1", inner)
            rest = rest[match.end():].lstrip()
        else:
            word = rest.split(None, 1)[0]
            yield word
            rest = rest[len(word):].lstrip()


_OPTION = re.compile(r"""([^\s=]+)=("[^"]*"|'[^']*'|\S*)""")


def options(text: str) -> dict[str, str]:
    """The `name=value` words of a WSGI directive, without quotes; what stands before them is left out."""
    return {name.lower(): value.strip("\"'") if value[:1] in ("'", '"') else value
            for name, value in _OPTION.findall(text)}


def without_option(text: str, name: str) -> str:
    """The line without that option, however often it is given."""
    return re.sub(rf"""(?<=\s){re.escape(name)}=("[^"]*"|'[^']*'|\S*)\s*""", "", text, flags=re.IGNORECASE)
