"""Reads a configuration by httpd, and says what httpd refuses of it whoever runs its Python."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from brine.configuration.asking import Answer, Asker
from brine.configuration.finding import Finding
from brine.configuration.lines import Line, Place, is_load_line
from brine.configuration.shadow import Shadow
from brine.configuration.tree import WRAPPER, Tree, parse
from brine.refusal import Refusal

MOST_ROUNDS = 500
_UNHEARD = ("errorlog", "errorlogformat", "loglevel", "customlog", "transferlog", "globallog", "forensiclog")
"""Directives about logs, which would look for folders, and keep httpd from saying what is asked."""
_STRUCTURE = re.compile(r"was not closed|without matching|Expected </|\bwas not found|missing closing|Unclosed|"
                        r"directive missing|macro .* is not (?:closed|defined)", re.IGNORECASE)


class Unreadable(Exception):
    """httpd could not read the configuration to its end; what was found before counts too."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.findings = [finding]


@dataclass
class Reading:
    """The configuration."""

    tree: Tree
    user: str
    group: str
    server_root: str
    findings: list[Finding] = field(default_factory=list)


def unheard(line: Line) -> bool:
    """Whether the copy goes without that line."""
    return line.name in _UNHEARD


def _inert(line: Line) -> str:
    """A line of the copy that is read: those of mod_wsgi are there, and do nothing."""
    if unheard(line):
        return ""
    if line.name.lstrip("</").startswith("wsgi") or is_load_line(line):
        return f"{WRAPPER} {line.text}"
    return line.text


def read(asker: Asker, shadow: Shadow, configuration: Path) -> Reading:
    """Reads until httpd accepts; a line that it refuses is left out and said."""
    findings: list[Finding] = []
    for _ in range(MOST_ROUNDS):
        shadow.write(_inert)
        answer = asker.ask(shadow.root, "DUMP_CONFIG", "DUMP_INCLUDES", "DUMP_RUN_CFG")
        if shadow.discover(answer.output):
            continue
        if answer.accepted or "# In file: " in answer.output:
            if not answer.accepted and "BRINE" not in answer.last_words:
                findings.append(_broken(answer, shadow, Place(str(configuration), 0)))
            return _reading(answer, shadow, findings)
        try:
            findings.append(_left_out(answer, shadow, configuration))
        except Unreadable as error:
            error.findings[:0] = findings
            raise
    raise Unreadable(Finding("too-much", "broken", "error", f"httpd refuses {MOST_ROUNDS} lines and more; the check "
                             "ends here", (Place(str(configuration), 0),)))


def _left_out(answer: Answer, shadow: Shadow, configuration: Path) -> Finding:
    if answer.error is None:
        if "No MPM loaded" in answer.messages:
            raise Refusal(f"{configuration} is only a part of a configuration, since it loads no MPM: name the file "
                          "that httpd is started with, such as /etc/apache2/apache2.conf.")
        raise Unreadable(_broken(answer, shadow, Place(str(configuration), 0)))
    number, source, reason = answer.error
    place = shadow.place(source, number)
    finding = _broken(answer, shadow, place)
    if _STRUCTURE.search(reason) or not shadow.leave_out(place):
        raise Unreadable(finding)
    return finding


def _broken(answer: Answer, shadow: Shadow, place: Place) -> Finding:
    return broken(shadow.translated(answer.error[2] if answer.error else answer.last_words), place)


def broken(reason: str, *places: Place) -> Finding:
    """What httpd refuses with mod_wsgi too."""
    return Finding("broken", "broken", "error", reason or "httpd refuses this line", places,
                   "httpd does not start with this line, whichever module runs Python; the check goes on without it.")


def _told(output: str, pattern: str) -> str:
    match = re.search(pattern, output, re.MULTILINE)
    return match[1] if match else ""


def _reading(answer: Answer, shadow: Shadow, findings: list[Finding]) -> Reading:
    output = answer.output
    dump = re.split(r"^ServerRoot: ", output, maxsplit=1, flags=re.MULTILINE)
    tree = parse(dump[0], shadow.place)
    users, groups = tree.named("User"), tree.named("Group")
    return Reading(tree,
                   _told(output, r'^User: name="([^"]*)"') or (users[-1].words[0] if users else ""),
                   _told(output, r'^Group: name="([^"]*)"') or (groups[-1].words[0] if groups else ""),
                   _told(output, r'^ServerRoot: "([^"]*)"'), findings)
