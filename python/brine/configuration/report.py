"""The report, for a person and for programs."""

import json
from dataclasses import dataclass
from typing import Any

from brine.configuration.finding import CATEGORIES, SEVERITIES, Finding
from brine.configuration.lines import Place
from brine.installation import version
from brine.pickle_tools.formats import printable


UNREAD = "httpd cannot read the configuration to its end: mend what is said first, and check again."


@dataclass(frozen=True)
class Report:
    """What was found, and what was done about it."""

    configuration: str
    httpd: str
    module: str
    scripts: int
    groups: int
    findings: list[Finding]
    incomplete: str = ""
    """A sentence that says why not everything could be looked at; empty where it was."""
    done: str = ""
    """What was changed, and how to go back."""

    @property
    def code(self) -> int:
        if self.incomplete:
            return 2
        return 1 if any(each.counts for each in self.findings) else 0


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _more(places: tuple[Place, ...]) -> str:
    return f" (and {_counted(len(places) - 1, 'other line')})" if len(places) > 1 else ""


def _general(report: Report, general: list[Finding]) -> str:
    return (f"{report.configuration}: note: {_counted(len(general), 'difference')} of every site, of which nothing "
            "here says that they matter: see docs/migrating.md#what-differs-on-purpose, or --all [general]")


def text(report: Report, complete: bool = False) -> str:
    """One line for each finding, as compilers write them, and what to do below it; a summary at the end. What holds
    for every site is one line together, if it is not to be complete."""
    lines: list[str] = []
    general = [each for each in report.findings if each.general and not complete]
    shown = [each for each in report.findings if each not in general]
    for each in shown:
        where = str(each.places[0]) if each.places else report.configuration
        parts = [f"{where}: {each.severity}: {each.message} [{each.id}]{_more(each.places)}"]
        if each.remedy and each.counts:
            parts.append(f"    {each.remedy}")
        parts += [f"    {detail}" for detail in each.details]
        # A script's exception may have several lines: none of them begins as a finding does.
        lines += [line.replace("\n", "\n    ") for line in parts]
    if general:
        lines.append(_general(report, general))
    numbers = {name: sum(each.severity == name for each in shown) for name in SEVERITIES}
    told = ", ".join(_counted(number, name) for name, number in numbers.items() if number) or "nothing to do"
    lines.append(f"{report.configuration}: {_counted(report.scripts, 'script mapping')}, "
                 f"{_counted(report.groups, 'daemon group')}: {told}")
    if report.incomplete:
        lines.append(report.incomplete)
    if report.done:
        lines.append(report.done)
    return "".join("\n".join(printable(part) for part in line.split("\n")) + "\n" for line in lines)


def as_json(report: Report) -> str:
    """All of it, each finding with all of its places."""
    def plain(value: str) -> str:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    findings: list[dict[str, Any]] = [
        {"id": each.id, "severity": each.severity, "category": each.category, "about": CATEGORIES[each.category],
         "message": plain(each.message), "remedy": plain(each.remedy), "general": each.general,
         "details": [plain(detail) for detail in each.details],
         "places": [{"file": plain(place.file), "line": place.line or None} for place in each.places]}
        for each in report.findings]
    return json.dumps({"brine": version(), "configuration": plain(report.configuration), "httpd": report.httpd,
                       "module": report.module, "scripts": report.scripts, "groups": report.groups,
                       "complete": not report.incomplete, "exit_code": report.code, "done": plain(report.done) or None,
                       "findings": findings}, indent=2) + "\n"
