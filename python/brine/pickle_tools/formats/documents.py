"""Results for programs, as JSON: one object, or a line for each thing that is said."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from brine.installation import version
from brine.pickle_tools.finding import Finding
from brine.pickle_tools.result import Outcome, Result


def document(outcome: Outcome) -> str:
    """One object, with all files in it."""
    return dumped({"brine": version(), "command": outcome.command, "exit_code": outcome.code,
                   "files": [_whole(result) for result in outcome.results], **_totals(outcome)}, indent=2)


def lines(outcome: Outcome) -> str:
    """An object for each finding and each error, one for each file behind these, and a last one for the run.

    `type` says which it is, so that a program can read line by line, and `grep` and `jq` can choose.
    """
    return "".join(dumped(each) for each in _records(outcome))


def _records(outcome: Outcome) -> Iterator[dict[str, Any]]:
    for result in outcome.results:
        of_file = {"file": result.file}
        yield from ({"type": "finding"} | of_file | _finding(finding) for finding in result.findings)
        yield from ({"type": "error"} | of_file | asdict(failure) for failure in result.failures)
        yield {"type": "file"} | of_file | _summary(result)
    yield {"type": "run", "brine": version(), "command": outcome.command, "exit_code": outcome.code,
           **_totals(outcome)}


def _totals(outcome: Outcome) -> dict[str, Any]:
    return {"totals": asdict(outcome.totals)} if outcome.totals else {}


def _whole(result: Result) -> dict[str, Any]:
    return {"file": result.file, "errors": [asdict(failure) for failure in result.failures],
            "findings": [_finding(finding) for finding in result.findings], **_summary(result)}


def _summary(result: Result) -> dict[str, Any]:
    """What is said of a file as a whole; of one with pickles also all that they name."""
    if result.globals is None:
        return {"verdict": result.verdict}
    grade = None if result.failures and result.grade == "safe" else result.grade  # of what was not read it is not known
    return {"verdict": result.verdict, "grade": grade, "pickles": result.pickles, "globals": result.globals}


def _finding(finding: Finding) -> dict[str, Any]:
    return {key: value for key, value in asdict(finding).items() if key != "file"}


def dumped(value: Any, indent: int | None = None) -> str:
    """A line of JSON, or an indented object, in characters that every file and terminal can hold."""
    return json.dumps(_unicode(value), indent=indent, allow_nan=False) + "\n"


def _unicode(value: Any) -> Any:
    """Without lone surrogates (from file names and from pickles), which are no Unicode and so no JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_unicode(key): _unicode(each) for key, each in value.items()}
    return [_unicode(each) for each in value] if isinstance(value, list) else value
