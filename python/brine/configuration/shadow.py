"""A copy of a configuration in a private folder, in which single lines can be changed.

Each line of the copy has the number that it has in the original, so that what httpd says of the one can be said of
the other. The original is only read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from brine.configuration.lines import Line, Place, loading_sections, logical_lines, macro_line, section_end, words
from brine.quoting import quoted
from brine.refusal import Refusal

_INCLUDES = ("include", "includeoptional")
_INCLUDED = re.compile(r"^(\s+)\((\*|\d+)\) (.+)$")
_MACRO = re.compile(r"""macro '[^']*' \(defined on line (\d+) of "([^"]+)"\)""")
_MACRO_PLACE = re.compile(_MACRO.pattern + r""".*?"+:(\d+)""")

_MOST_WITHIN_ITSELF = 5
"""A file may be included by itself under other conditions; httpd itself gives up after 20 files within each other."""

Rewrite = Callable[[Line], str]


def read_text(path: str | Path) -> str:
    """Any bytes, so that they can be written again as they were."""
    return Path(path).read_bytes().decode("utf-8", "surrogateescape")


@dataclass
class _File:
    """A file as it is included at one place."""

    original: str
    copy: Path
    lines: list[Line]
    loading: frozenset[int]
    """The first lines of the sections that load the module if it is not there."""
    above: tuple[str, ...] = ()
    """The originals of the files that include it, the outermost first."""
    included: dict[int, tuple[Path, list["_File"]]] = field(default_factory=dict)
    """By the first line of an Include: the folder of the copies, and these in their order."""


class Shadow:
    """The copy."""

    def __init__(self, folder: Path, configuration: str) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._changed: dict[Place, str] = {}
        self._folders = 0
        self._mirror = folder / "mirror"
        self._root = self._add(configuration, folder / "httpd.conf")

    @property
    def root(self) -> Path:
        """What httpd is to read."""
        return self._root.copy

    @property
    def originals(self) -> list[str]:
        """All files of the configuration that have been found, each once."""
        return list(dict.fromkeys(file.original for file in self._files.values()))

    def _add(self, original: str, copy: Path, above: tuple[str, ...] = ()) -> _File:
        lines = logical_lines(read_text(original))
        file = _File(original, copy, lines, loading_sections(lines), above)
        self._files[str(copy)] = file
        return file

    def write(self, rewrite: Rewrite) -> None:
        """Writes all files; `rewrite` gives what a line is to say, if nothing else has changed it."""
        for file in self._files.values():
            text: list[str] = []
            for line in file.lines:
                # As many lines, joined as before: httpd counts the ones, mod_macro the others.
                joined = line.last - line.first
                first = self._text(file, line, rewrite)
                text += [first + "\\", *["\\"] * (joined - 1), ""] if joined else [first]
            file.copy.write_bytes(("\n".join(text) + "\n").encode("utf-8", "surrogateescape"))

    def _text(self, file: _File, line: Line, rewrite: Rewrite) -> str:
        changed = self._changed.get(Place(file.original, line.first))
        if changed is not None:
            return changed
        if line.first in file.included:
            return f"Include {quoted(str(file.included[line.first][0]) + '/*.conf')}"
        if line.first in file.loading:  # the module is there from the beginning
            return "<IfModule wsgi_module>"
        return line.text if line.is_comment else rewrite(line)

    def discover(self, output: str) -> bool:
        """Takes in the files that httpd has listed (`-D DUMP_INCLUDES`) and that are no copies yet."""
        found: dict[tuple[str, int], list[str]] = {}
        in_macros: list[str] = []
        stack: dict[int, _File | None] = {}
        for text in output.split("\n"):
            match = _INCLUDED.match(text)
            if not match:
                continue
            depth, path = len(match[1]) // 2, match[3]
            parent = stack.get(depth - 1)
            stack[depth] = self._files.get(path)
            if parent and path not in self._files and match[2] != "*":
                line = next((line for line in parent.lines if line.last == int(match[2])), None)
                if line and line.name in _INCLUDES:
                    found.setdefault((str(parent.copy), line.first), []).append(path)
                elif self._include_in_macro(int(match[2])):
                    in_macros.append(path)
        for (parent_copy, first), paths in found.items():
            self._include(self._files[parent_copy], first, paths)
        for path in in_macros:
            copy = self._mirror / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            self._add(path, copy)
        return bool(found or in_macros)

    def _include_in_macro(self, number: int) -> bool:
        """Whether line `number` of a macro is an Include whose files lie in the mirror from now on. What it names may
        hang on the macro's arguments, so that its words stay, and lead to a folder that is a mirror of the root."""
        new = False
        for file in list(self._files.values()):
            for definition in (line for line in file.lines if line.name == "<macro"):
                line = macro_line(file.lines, definition.first, number)
                place = Place(file.original, line.first) if line else None
                if not line or not place or line.name not in _INCLUDES or place in self._changed:
                    continue
                wanted = next(words(line.arguments), "")
                if not wanted.startswith(("/", "$")):
                    if not self._server_root():
                        continue
                    wanted = f"{self._server_root()}/{wanted}"
                self._changed[place] = f'{line.name} "{self._mirror}{wanted}"'
                new = True
        return new

    def _server_root(self) -> str:
        roots = [next(words(line.arguments), "") for line in self._root.lines if line.name == "serverroot"]
        return roots[-1].rstrip("/") if roots and roots[-1].startswith("/") else ""

    def _include(self, parent: _File, first: int, paths: list[str]) -> None:
        above = (*parent.above, parent.original)
        endless = next((path for path in paths if above.count(path) >= _MOST_WITHIN_ITSELF), None)
        if endless:
            raise Refusal(f"{parent.original}, line {first}: this includes {endless}, which includes itself again "
                          "and again, and httpd does not start so: take the line out.")
        folder = self._folder / f"{self._folders}"
        folder.mkdir()
        self._folders += 1
        parent.included[first] = (folder, [self._add(path, folder / f"{number:06}.conf", above)
                                           for number, path in enumerate(paths)])

    def change(self, place: Place, text: str) -> None:
        """Has that line of the original say something else in each copy."""
        self._changed[place] = text

    def leave_out(self, place: Place) -> bool:
        """Empties the line; of a section, all of it. False if that has been done already."""
        if self._changed.get(place) == "":
            return False
        lines = self._lines(place.file)
        start = next((index for index, line in enumerate(lines) if line.first == place.line), None)
        if start is None:
            return False
        is_section = lines[start].text.startswith("<") and not lines[start].text.startswith("</")
        end = section_end(lines, start) if is_section else start
        for line in lines[start:end + 1]:
            self._changed[Place(place.file, line.first)] = ""
        return True

    def _lines(self, original: str) -> list[Line]:
        return next((file.lines for file in self._files.values() if file.original == original), [])

    def line(self, place: Place) -> str:
        """What the line says now."""
        changed = self._changed.get(place)
        if changed is not None:
            return changed
        return next((line.text for line in self._lines(place.file) if line.first == place.line), "")

    def place(self, source: str, number: int) -> Place:
        """The place in the original that httpd calls line `number` of `source`, a file or a macro."""
        macro = _MACRO.search(source)
        if macro:
            file = self._files.get(macro[2])
            line = macro_line(file.lines, int(macro[1]), number) if file else None
        else:
            file = self._files.get(source)
            line = next((line for line in file.lines if line.first <= number <= line.last), None) if file else None
        if file is None:
            return Place(macro[2] if macro else source, int(macro[1]) if macro else number)
        return Place(file.original, line.first if line else number)

    def translated(self, text: str) -> str:
        """A message of httpd's, with the places of the original."""
        text = _MACRO_PLACE.sub(lambda match: str(self.place(match[0], int(match[3]))), text)
        pattern = re.compile(re.escape(str(self._folder)) + r"/[^\s:'\"()]+(?::(\d+))?")

        def original(match: re.Match[str]) -> str:
            path, _, line = match[0].partition(":")
            if line:
                return str(self.place(path, int(line)))
            file = self._files.get(path)
            return file.original if file else path
        return pattern.sub(original, text)
