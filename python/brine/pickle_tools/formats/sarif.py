"""Findings as SARIF 2.1.0, the format in which analysers hand their results to code hosts and editors.

The comments name sections of https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from brine.installation import version
from brine.pickle_tools.finding import Finding
from brine.pickle_tools.formats.documents import dumped
from brine.pickle_tools.result import ERROR, Failure, Outcome, within
from brine.pickle_tools.rules import CHECK_RULES, LINT_RULES, RULES, SCAN_RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(outcome: Outcome) -> str:
    """A log with one run."""
    rules = list({"scan": SCAN_RULES, "lint": LINT_RULES, "check": CHECK_RULES}[outcome.command])
    failures = [_notification(result.file, failure) for result in outcome.results for failure in result.failures]
    # 3.20.14: required
    invocation: dict[str, Any] = {"executionSuccessful": outcome.code != ERROR, "exitCode": outcome.code}
    if failures:
        invocation["toolExecutionNotifications"] = failures
    return dumped({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "brine", "version": version(), "rules": [_rule(id_) for id_ in rules]}},
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",  # 3.14.17
            "results": [_result(finding, rules) for result in outcome.results for finding in result.findings],
        }],
    }, indent=2)


def _rule(id_: str) -> dict[str, Any]:
    """3.49: a reportingDescriptor."""
    rule = RULES[id_]
    return {"id": rule.id, "shortDescription": {"text": rule.short}, "fullDescription": {"text": rule.full},
            "help": {"text": rule.help}, "defaultConfiguration": {"level": rule.severity}}


def _result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    """3.27: a result. Its levels are called as our severities are."""
    location = _location(finding.file, finding.line, finding.column, None if finding.member else finding.offset)
    result: dict[str, Any] = {"ruleId": finding.id, "ruleIndex": rules.index(finding.id), "level": finding.severity,
                              "message": {"text": _told(finding)},
                              "locations": [location]}
    line = finding.details.get("reaches_line")
    if line:
        # 3.34: a location of its own, with a message that says what is there.
        result["relatedLocations"] = [{**_location(finding.file, line, None, None),
                                       "message": {"text": f"reaches {finding.details['reaches']} here"}}]
    if finding.details:
        result["properties"] = finding.details | ({"member": finding.member} if finding.member else {})
    return result


def _told(finding: Finding) -> str:
    where = f"In {finding.member}: " if finding.member else ""
    return f"{where}{finding.message} {finding.remedy}".strip()


def _notification(file: str, failure: Failure) -> dict[str, Any]:
    """3.58: what kept the tool from its work."""
    return {"level": "error", "message": {"text": f"{within(file, failure.member)}: {failure.reason}"},
            "locations": [_location(file, failure.line, failure.column, None if failure.member else failure.offset)]}


def _location(file: str, line: int | None, column: int | None, offset: int | None) -> dict[str, Any]:
    """3.28, 3.29: a location in a file; 3.30: the region of it, in lines for text and in bytes else."""
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(file)}}
    if line is not None:
        physical["region"] = {"startLine": line, **({"startColumn": column} if column else {})}
    elif offset is not None:
        physical["region"] = {"byteOffset": offset, "byteLength": 0}
    return {"physicalLocation": physical}


def uri(file: str) -> str:
    """3.4.3: a URI, relative to where the command was run if the path is."""
    path = os.fsencode(file)
    return f"file://{quote(path)}" if Path(file).is_absolute() else quote(path)
