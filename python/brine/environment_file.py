"""Files of variables for the environment: NAME=VALUE lines, as `.env` files and systemd's EnvironmentFile= have."""

import re
from pathlib import Path

from brine.refusal import Refusal

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_ESCAPE = re.compile(r'\\([\\"$`n])')


def _value(text: str) -> str | None:
    """A value without its quotes; None where a quote is not closed. Nothing in it is replaced, as by a shell."""
    quote = text[:1]
    if quote not in ("'", '"'):
        return re.sub(r"\s+#.*", "", text).rstrip()
    match = re.fullmatch(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", re.sub(r"\s+#[^'\"]*$", "", text).rstrip())
    if not match:
        return None
    if quote == "'":
        return match[1]
    return _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], match[2])


def read_environment(file: Path) -> dict[str, str]:
    """The variables of a file. Throws a Refusal that names the line which is none."""
    variables = {}
    content = file.read_text(errors="surrogateescape").removeprefix("\ufeff")  # which some editors write
    for number, line in enumerate(content.split("\n"), 1):
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        match = _LINE.fullmatch(text)
        value = _value(match[2]) if match else None
        if match is None or value is None or "\0" in value:
            raise Refusal(f"{file}, line {number}: not a variable such as NAME=VALUE or NAME=\"A VALUE\".")
        variables[match[1]] = value
    return variables
