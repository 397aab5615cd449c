"""The texts of the opcode STRING, by which Python 2 has written its `str`: as repr() shows it, in a line."""

import codecs
import warnings


def unquoted(line: bytes) -> bytes:
    """What a line stands for, which is without its end. Raises ValueError where it is no literal."""
    if len(line) < 2 or line[0] != line[-1] or line[0] not in b"'\"":
        raise ValueError("a text without its quotes")
    text = line[1:-1]
    if b"\\" not in text:
        return text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an escape that repr() does not write is told by a warning
        decoded: bytes = codecs.escape_decode(text)[0]  # type: ignore
    return decoded
