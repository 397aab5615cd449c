"""Manual pages, one for each command, in roff."""

import re

from brine.manual.commands import Command, Option

_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}


def page(command: Command, version: str) -> str:
    """It carries no date, so that two builds make the same bytes."""
    lines = [f'.TH {_escaped(command.name.upper())} 1 "" "Brine {version}" "User Commands"', ".SH NAME",
             f"{_escaped(command.name)} \\- {_escaped(_first(command.summary))}", ".SH SYNOPSIS",
             f".B {_escaped(' '.join(command.words))}", *_text(command.usage.removeprefix(" ".join(command.words))),
             ".SH DESCRIPTION", *_paragraphs(command.description or command.summary)]
    if command.commands:
        lines.append(".SH COMMANDS")
        for each in command.commands:
            lines += [".TP", f".BR {_escaped(each.name)} (1)", *_text(each.summary)]
    for title, options in command.groups:
        lines.append(f".SH {_escaped(title.upper())}")
        for option in options:
            lines += [".TP", _head(option), *(_text(option.help) or [r"\&"])]
    for title, body in _sections(command.epilog):
        lines += [f".SH {_escaped(title.upper())}", *_paragraphs(body)]
    related = [each for each in (command.words[:-1], *(each.words for each in command.commands)) if each]
    if related:
        lines += [".SH SEE ALSO", *(f".BR {_escaped('-'.join(words))} (1){',' if words != related[-1] else ''}"
                                    for words in related)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)


def _first(text: str) -> str:
    """The first sentence, without its full stop."""
    return re.split(r"\.\s", " ".join(text.split()) + " ", maxsplit=1)[0].strip().rstrip(".")


def _text(text: str) -> list[str]:
    """A paragraph, which is filled; a line that begins like a request of roff's is none."""
    line = _escaped(" ".join(text.split()))
    return [rf"\&{line}" if line[:1] == "." else line] if line else []


def _head(option: Option) -> str:
    values = rf" \fI{_escaped(option.values)}\fR" if option.values else ""
    if not option.flags:
        return values.strip()
    return ", ".join(rf"\fB{_escaped(flag)}\fR{values}" for flag in option.flags)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs are filled, but for those that have columns."""
    lines: list[str] = []
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        if not part.strip():
            continue
        if re.search(r"\S {2,}\S", part):
            shown = [_escaped(line.removeprefix("  ")) for line in part.split("\n")]
            lines += [".PP", ".nf", *(rf"\&{line}" for line in shown), ".fi"]
        else:
            lines += [".PP", *_text(part)]
    return lines[1:] if lines[1:] and lines[1] != ".nf" else lines


def _sections(epilog: str) -> list[tuple[str, str]]:
    """A line at the margin that ends with a colon is the title of what follows."""
    found: list[tuple[str, str]] = []
    for line in epilog.split("\n"):
        title = re.fullmatch(r"([^\s].*):", line)
        if title:
            found.append((title[1], ""))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
        elif line.strip():
            found.append(("notes", f"{line}\n"))
    return found
