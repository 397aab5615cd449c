"""One line of the error log that `brine serve` has httpd write, and what it says."""

import re
from dataclasses import dataclass

# Time, process, thread, level, module, code of the operating system's error, message.
FORMAT = "%{cu}t|%-P|%-T|%-l|%-m|%-E|%M"

# What httpd says of itself whenever it starts, stops or restarts, and Brine of its daemon processes: nothing
# that a person has to know. Nor are records of Brine with a code at level info: processes that end in an orderly way,
# and what was said at a higher level before.
_ROUTINE = re.compile(r"AH00(094|163|169|17[0-3]|292|29[5-8]|489|49[1-4]): |"
                      r"started (?:template )?process \d+ of daemon group ")
# A line in httpd's own format, as logs in production have it.
_OF_HTTPD = re.compile(r"\[\w{3} \w{3} [ \d]\d (?P<time>[\d:.]+) \d+\] \[(?P<module>\w*):(?P<level>\w+)\] "
                       r"\[pid (?P<process>\d+)(?::tid (?P<thread>\d+))?\] (?P<failure>\(\d+\)[^:]*: )?"
                       r"(?:\[client [^]]*\] )?(?P<message>.*)", re.DOTALL)
_BRINE_CODE = re.compile(r"(BRINE\d{4})([:|]) ?")
_ESCAPE = re.compile(r'\\(x[0-9a-f]{2}|[\\"tbnrv])')
_CONTROLS = {"t": b"\t", "b": b"\b", "n": b"\n", "r": b"\r", "v": b"\v", "\\": b"\\", '"': b'"'}


@dataclass(frozen=True)
class Record:
    """A record as a person may see it: no character in it acts upon a terminal."""

    text: str
    time: str = ""
    """HH:MM:SS.ffffff; empty for a line that did not come through httpd's log."""
    source: str = ""
    """The thread that logged it."""
    level: str = ""
    code: str = ""
    """BRINE0xxx or empty."""
    continued: bool = False
    """It goes on with what the record before it from the same source began."""
    routine: bool = False
    """Not worth showing: processes start and stop, or it has been said before."""


def unescape(text: str) -> str:
    """Undoes httpd's escaping of log messages, which turns each byte of "é" into \\xNN."""
    def byte(match: re.Match[str]) -> bytes:
        word = match[1]
        return bytes([int(word[1:], 16)]) if word[0] == "x" else _CONTROLS[word]

    parts, end = [], 0
    for match in _ESCAPE.finditer(text):
        parts += [text[end:match.start()].encode(errors="replace"), byte(match)]
        end = match.end()
    parts.append(text[end:].encode(errors="replace"))
    return b"".join(parts).decode(errors="replace")


def printable(text: str) -> str:
    """The text with tabs as blanks, and what would move a cursor or change colours made visible."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1]
                   for character in text.expandtabs(8))


def parse(line: bytes) -> Record:
    """A line without its newline; one that is not in FORMAT becomes a record of text alone."""
    text = line.decode(errors="replace")
    fields = text.split("|", 6)
    if len(fields) < 7:
        return Record(printable(text))
    time, process, thread, level, _, failure, message = fields
    return _record(time.partition(" ")[2], f"{process}/{thread}", level, "" if failure == "-" else failure, message)


def parse_httpd_s(line: bytes) -> Record:
    """Likewise of a line in the format that httpd has without ErrorLogFormat."""
    text = line.decode(errors="replace")
    match = _OF_HTTPD.fullmatch(text)
    if not match:
        return Record(printable(text))
    return _record(match["time"], f"{match['process']}/{match['thread']}", match["level"], match["failure"] or "",
                   match["message"])


def _record(time: str, source: str, level: str, failure: str, message: str) -> Record:
    message = unescape(message)
    match = _BRINE_CODE.match(message)
    code, continued = (match[1], match[2] == "|") if match else ("", False)
    if continued and match:
        message = message[match.end():]
    elif failure:
        message += f" {failure.rstrip(': ')}"
    return Record(printable(message), time, source, level, code, continued,
                  bool(_ROUTINE.match(message)) or level == "info" and bool(code))
