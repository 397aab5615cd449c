"""Results for a person, who reads them at a terminal."""

from typing import Any

from brine.pickle_tools.finding import Finding
from brine.pickle_tools.result import Outcome, Result, Totals, within


def text(outcome: Outcome) -> str:
    """Each file in its turn, and of folders a line that sums all up. Why a file is an error is told elsewhere."""
    return "".join(_of_file(result) for result in outcome.results) + (_sum(outcome.totals) if outcome.totals else "")


def printable(value: str) -> str:
    """Text from outside as a terminal may see it: a pickle's names may hold control characters."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in value)


def _of_file(result: Result) -> str:
    """A file's findings and what is all right of a pickle, one by one, and a line that sums them up."""
    globals_ = result.globals or []
    members = {each["member"]: index for index, each in enumerate(globals_)}
    lines = [((members[each["member"]], each["position"]), [_safe_line(result.file, each)])
             for each in globals_ if each["kind"] == "safe"]
    lines += [((members.get(finding.member, 0), finding.offset or 0), _finding_lines(finding))
              for finding in result.findings]
    lines.sort(key=lambda each: each[0])  # a script's findings have no offset, and stay as they are
    told = [line for _, some in lines for line in some] + [f"{printable(result.file)}: {_verdict(result)}"]
    return "".join(f"{line}\n" for line in told)


def _safe_line(file: str, each: dict[str, Any]) -> str:
    """What a pickle names and may."""
    place = f"{within(file, each['member'])}:{each['position']}"
    return printable(f"{place}: ok: {each['module']}.{each['name']} ({each['resolves_to']})")


def _finding_lines(finding: Finding) -> list[str]:
    file = within(finding.file, finding.member)
    place = ":".join(str(part) for part in (file, finding.line, finding.column, finding.offset) if part is not None)
    return [printable(f"{place}: {finding.severity} {finding.id}: {finding.message}"),
            *([printable(f"    {finding.remedy}")] if finding.remedy else [])]


def _verdict(result: Result) -> str:
    """In a few words. Why a file is an error is told on standard error."""
    hazards = sum(finding.counts for finding in result.findings)
    notes = len(result.findings) - hazards
    words = ["error"] if result.failures else [] if hazards else ["clean"]
    if hazards:
        words.append(_counted(hazards, "hazard"))
    if notes:
        words.append(_counted(notes, "note"))
    if result.pickles is not None:
        if hazards:
            words.insert(bool(result.failures), f"grade {result.grade}")
        words.append(f"{_counted(result.pickles, 'pickle')} with {_counted(len(result.globals or []), 'global')}")
    return ", ".join(words)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sum(totals: Totals) -> str:
    return (f"in all: {_counted(totals.files, 'file')}, {totals.others} without a pickle, "
            f"{_counted(totals.pickles, 'pickle')}, {_counted(totals.hazards, 'hazard')}, "
            f"{_counted(totals.errors, 'error')}\n")
