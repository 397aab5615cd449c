"""For all folders of tests: pytest puts this folder on sys.path, for the modules that they share."""

import os
from pathlib import Path

MOST_LATE = 3


def pytest_terminal_summary(terminalreporter):
    """Writes the ids of tests that only ran out of their time to the file that BRINE_LATE_TESTS names.

    It writes none if any test failed in another way, such as by a wrong answer or a sanitizer's finding, or if so
    many were late that it is no matter of chance.
    """
    path = os.environ.get("BRINE_LATE_TESTS")
    failed = [report for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, [])]
    if path and 0 < len(failed) <= MOST_LATE and all(ran_out_of_time(report) for report in failed):
        Path(path).write_text("".join(f"{report.nodeid}\n" for report in failed))


def ran_out_of_time(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash is not None and "DeadlineExceeded" in crash.message.split(":")[0]
