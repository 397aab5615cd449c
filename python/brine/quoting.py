"""Values as httpd's configuration wants them: quoted so that httpd reads what was meant, or refused.

httpd has three layers of its own: a line is cut at its newline, `${NAME}` is replaced anywhere (in
quotes too, and there is no escape), and a quoted word ends at the next quote that has no backslash.
"""

from pathlib import Path

from brine.refusal import Refusal


def _checked(value: str | Path) -> str:
    text = str(value)
    if any(character < " " or character == "\x7f" for character in text):
        raise Refusal(f"{text!r} contains a control character, which httpd's configuration cannot hold.")
    if "${" in text:
        raise Refusal(f"{text!r} contains '${{', which httpd would take for one of its variables.")
    return text


def quoted(value: str | Path) -> str:
    """The value as one quoted word of a directive."""
    return '"' + _checked(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted_option(name: str, value: str | Path) -> str:
    """`name="value"`, as Brine's directives take options: they end at the next quote, and know no backslash."""
    text = _checked(value)
    mark = next((mark for mark in ('"', "'") if mark not in text), None)
    if mark is None:
        raise Refusal(f"{text!r} contains both kinds of quotes, which the option {name}= cannot hold.")
    return f"{name}={mark}{text}{mark}"


def quoted_pattern(value: str | Path) -> str:
    """The value for <Directory> and <Files>, which take shell patterns: it matches itself only.

    Brackets, not backslashes: httpd takes a name for a pattern only if `*`, `?` or `[]` is in it,
    and a backslash in any other name is compared as it stands.
    """
    wild = {"*": "[*]", "?": "[?]", "[": "[[]", "\\": "[\\\\]"}
    return quoted("".join(wild.get(character, character) for character in str(value)))
