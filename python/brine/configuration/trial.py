"""What httpd with mod_brine.so refuses or warns of: all of it, by trying again without what it has refused."""

import re

from brine.configuration.asking import Answer, Asker, Record
from brine.configuration.finding import Finding
from brine.configuration.lines import Line, Place, is_load_line, options, without_option
from brine.configuration.reading import MOST_ROUNDS, broken, unheard
from brine.configuration.shadow import Shadow

_CODED = re.compile(r"(BRINE\d{4}): (.*)", re.DOTALL)
_LOG_PLACE = re.compile(r"""\((macro '.*?"+|[^()\s][^()]*?):(\d+)(?: and \d+ other places?)?\)""")
_NAMED_OPTIONS = (re.compile(r"option '([\w-]+)'"), re.compile(r"^(?:[^:]|:\S)*: ([\w-]+)= "),
                  re.compile(r": option ([\w-]+)"))
_UNKNOWN = re.compile(r"Invalid command '([^']*)'")
# BRINE0014 says that httpd was not started by root, which is true of whoever asks, and not of the server.
_OF_THE_ASKER = ("BRINE0014",)


def _active(line: Line) -> str:
    return "" if unheard(line) or is_load_line(line) else line.text


def try_out(asker: Asker, shadow: Shadow) -> list[Finding]:
    """All that `httpd -t` would say, one after the other, if each were mended before the next try."""
    findings: list[Finding] = []
    for _ in range(MOST_ROUNDS):
        shadow.write(_active)
        answer = asker.ask(shadow.root)
        findings += _warnings(answer, shadow)
        if answer.accepted:
            return findings
        refused = _syntax_error(answer, shadow) or _logged_errors(answer, shadow)
        if not refused:
            return [*findings, broken(shadow.translated(answer.last_words))]
        findings += refused
        changed = [_mend(shadow, place, finding.message) for finding in refused for place in finding.places[:1]]
        if not any(changed):
            return findings
    return findings


def _syntax_error(answer: Answer, shadow: Shadow) -> list[Finding]:
    if answer.error is None:
        return []
    number, source, reason = answer.error
    place = shadow.place(source, number)
    unknown = _UNKNOWN.match(reason)
    if unknown and unknown[1].lower().lstrip("</").startswith("wsgi"):
        return [Finding("unknown-directive", "refused", "error",
                        f"{unknown[1]}{'>' if unknown[1].startswith('<') else ''} is not there in Brine", (place,),
                        "docs/migrating.md, \"What is not there yet\", says what takes its place.")]
    if not shadow.line(place).lower().lstrip("</").startswith("wsgi"):
        return [broken(shadow.translated(reason), place)]
    return [Finding("refused", "refused", "error", shadow.translated(reason), (place,))]


def _finding(record: Record, shadow: Shadow, severity: str) -> Finding | None:
    match = _CODED.search(record.text)
    if not match or match[1] in _OF_THE_ASKER:
        return None
    found = _LOG_PLACE.search(match[2])
    places = (shadow.place(found[1], int(found[2])),) if found else ()
    category = "refused" if severity == "error" else "differs"
    return Finding(match[1], category, severity, shadow.translated(match[2]), places,
                   f"docs/errors.md tells more of {match[1]}.")


def _logged_errors(answer: Answer, shadow: Shadow) -> list[Finding]:
    found = [_finding(record, shadow, "error") for record in answer.records if record.level not in ("warn", "notice")]
    return [finding for finding in found if finding]


def _warnings(answer: Answer, shadow: Shadow) -> list[Finding]:
    found = [_finding(record, shadow, "warning") for record in answer.records if record.level == "warn"]
    return [finding for finding in found if finding]


def _mend(shadow: Shadow, place: Place, reason: str) -> bool:
    """Takes out what has been refused: the option that is named, or else the whole line."""
    text = shadow.line(place)
    for pattern in _NAMED_OPTIONS:
        match = pattern.search(reason)
        if match and match[1].lower() in options(text):
            shadow.change(place, without_option(text, match[1]))
            return True
    # A group stays, so that what names it is not refused for that.
    bare = re.match(r"\s*WSGIDaemonProcess\s+(\"[^\"=]*\"|[^\s=\"]+)(?=\s)", text, re.IGNORECASE)
    if bare and bare[0].strip() != text.strip():
        shadow.change(place, bare[0])
        return True
    return shadow.leave_out(place)
