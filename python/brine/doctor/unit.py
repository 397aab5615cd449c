"""The systemd unit that starts httpd, with its drop-ins, as systemd merges them. Parsing is pure."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from brine.configuration.lines import Place

_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
            "/lib/systemd/system")
_NAMES = ("apache2.service", "httpd.service")
_LISTS = ("capabilityboundingset", "execstart", "inaccessiblepaths")
_LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Setting:
    """A line of a unit."""

    value: str
    place: Place


@dataclass(frozen=True)
class Unit:
    """The settings of [Service] that hold: the last of each name, of lists all."""

    name: str
    settings: dict[str, tuple[Setting, ...]]
    """By their name in lower case."""

    def get(self, name: str) -> Setting | None:
        found = self.settings.get(name.lower(), ())
        return found[-1] if found else None

    def all(self, name: str) -> tuple[Setting, ...]:
        return self.settings.get(name.lower(), ())

    def is_on(self, name: str) -> bool:
        found = self.get(name)
        return found is not None and found.value.lower() in ("yes", "true", "on", "1")


def parsed(name: str, files: list[tuple[str, str]]) -> Unit:
    """Of the unit's file and its drop-ins, [(path, text)] in the order in which they count. An empty value takes back
    what was said before."""
    settings: dict[str, tuple[Setting, ...]] = {}
    for path, text in files:
        section, kept, first = "", "", 0
        for number, line in enumerate(text.split("\n"), 1):
            line = line.strip()
            if line.startswith(("#", ";")):
                continue
            if line.endswith("\\"):
                kept, first = kept + line[:-1] + " ", first or number
                continue
            line, place = kept + line, Place(path, first or number)
            kept, first = "", 0
            if line.startswith("["):
                section = line
            key, equals, value = line.partition("=")
            if section == "[Service]" and equals:
                key = key.strip().lower()
                before = settings.get(key, ()) if key in _LISTS else ()
                settings[key] = (*before, Setting(value.strip(), place)) if value.strip() else ()
    return Unit(name, settings)


def quantity(text: str) -> int | None:
    """A number or size of systemd's; None for infinity, and for a share of the machine."""
    match = re.fullmatch(r"(\d+)(?::\d+)?([KMGT]?)", text)
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2]] if match else None


def _text(path: Path) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LARGEST_FILE)
    except OSError:
        return None


def _drop_ins(folders: list[Path]) -> list[tuple[str, str]]:
    """Those of one name are one, of the first folder; they count in the order of their names."""
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            for file in sorted(folder.iterdir()):
                if file.suffix == ".conf":
                    found.setdefault(file.name, file)
        except OSError:
            continue
    texts = [(str(found[name]), _text(found[name])) for name in sorted(found)]
    return [(path, text) for path, text in texts if text is not None]


def read(unit: Path, folders: list[Path]) -> Unit | None:
    """The unit in that file, and its drop-ins in folders NAME.d of these."""
    text = _text(unit)
    if text is None:
        return None
    drop_ins = _drop_ins([*(folder / f"{unit.name}.d" for folder in folders),
                          *(folder / "service.d" for folder in folders)])
    return parsed(unit.name, [(str(unit), text), *drop_ins])


def find(configuration: Path, is_default: bool) -> Unit | None:
    """The one that starts httpd with that configuration: of Debian's or Fedora's name where it is the one that httpd
    takes by itself, or any whose command names the file."""
    folders = [Path(folder) for folder in _FOLDERS]

    def first(accepted: Callable[[Path, Unit], bool]) -> Unit | None:
        seen: set[str] = set()
        for folder in folders:
            for file in sorted(folder.glob("*.service")) if folder.is_dir() else []:
                if file.name in seen or not os.access(file, os.R_OK):
                    continue
                seen.add(file.name)
                unit = read(file, folders)
                if unit and accepted(file, unit):
                    return unit
        return None

    named = re.compile(rf"(?<!\S){re.escape(str(configuration))}(?!\S)")
    return first(lambda _, unit: any(named.search(each.value) for each in unit.all("ExecStart"))) or (
        first(lambda file, _: file.name in _NAMES) if is_default else None)
