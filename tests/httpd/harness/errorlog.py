"""httpd's error log: its lines as records, and which of them a test has declared."""

import json
import re
from dataclasses import dataclass

from .deadline import DeadlineExceeded, until

RECORD = re.compile(
    r"\[[^]]+\] \[(?P<module>[^:\]]*):(?P<level>\w+)\] \[pid (?P<pid>\d+)[^]]*\] "
    r"(?:\[(?:client|remote) (?P<client>[^]]+)\] )?(?P<text>.*)"
)
# An httpd race: a connection is served, or ends, at the moment at which the event MPM stops listening.
CONTINUES = re.compile(r"(BRINE\d{4})\| ")  # a further line of an event of several lines
HARMLESS = ("AH03092: process_lingering_close: apr_pollset_add failure", "AH03093: process_socket: apr_pollset_add failure")
# A deadline of httpd's own: a child has not ended 3 s after it was told to, which is long on a busy machine only.
LATE = "AH00045"
LOUD = {"emerg", "alert", "crit", "error", "warn", "raw"}
FATAL = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "exit signal", "Segmentation",
         "ThreadSanitizer", "Fatal Python error")
LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "crit"}
TOLD = ("Aborted",)  # the end of a process that was told to leave its stack before it goes
# Two virtual hosts, of which the second has an error log of its own.
TWO_LOGS = """
<VirtualHost 127.0.0.1:{port}>
  ServerName main.example
</VirtualHost>
<VirtualHost 127.0.0.1:{port}>
  ServerName other.example
  ErrorLog {dir}/other.log
</VirtualHost>
"""


@dataclass(frozen=True)
class Record:
    """One line. Level "raw": something wrote to the file past httpd's logging."""

    module: str
    level: str
    pid: int
    client: str
    text: str
    line: str

    @property
    def needs_declaring(self):
        """Warnings and worse, and what an application printed."""
        return self.level in LOUD or (self.module == "wsgi" and self.level == "notice")


def parse(line):
    """A line as a Record; of WSGILogFormat JSON too."""
    if line.startswith('{"time":'):
        found = json.loads(line)
        code = found["code"] + ": " if "code" in found else ""
        return Record("wsgi", LEVELS[found["level"]], found["pid"], found.get("client", ""), code + found["message"], line)
    match = RECORD.fullmatch(line)
    if not match:
        return Record("", "raw", 0, "", line, line)
    level = re.sub(r"trace\d", "trace", match["level"])
    return Record(match["module"], level, int(match["pid"]), match["client"] or "",
                  match["text"], line)


def assert_none(problems):
    """Fails where there are problems: as a wait that took too long where nothing but such a wait is told of."""
    if problems:
        only_late = all(LATE in problem for problem in problems)
        raise (DeadlineExceeded if only_late else AssertionError)("\n".join(problems))


class ErrorLog:
    """One error log file, read from the mark that the running test has set."""

    def __init__(self, path):
        self.path = path
        self._mark = 0
        self._declared = []
        self._crashes = list(TOLD)

    def start_test(self):
        """Sets the mark: what was written before belongs to nobody any more."""
        self._mark = self._size()
        self._declared = []
        self._crashes = list(TOLD)

    def mark(self):
        """A place to hand to `records`."""
        return self._size()

    def records(self, since=None):
        """All complete lines behind the mark."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._mark if since is None else since)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1].decode("utf-8", "replace")
        return [parse(line) for line in complete.split("\n") if line]

    def texts(self, pattern, since=None):
        """The messages (without httpd's prefix) that match."""
        return [record.text for record in self.records(since) if re.search(pattern, record.line)]

    def declare(self, pattern):
        """Lines that match are allowed in this test."""
        self._declared.append(re.compile(pattern))

    def declare_crash(self, how):
        """A daemon process may leave its stack when it crashes so: "Segmentation fault"."""
        self._crashes.append(how)

    def expect(self, pattern, count=1, seconds=5, since=None):
        """Waits for at least `count` lines that match, declares them, returns their records."""
        self.declare(pattern)

        def found():
            hits = [record for record in self.records(since) if re.search(pattern, record.line)]
            return hits if len(hits) >= count else None

        try:
            return until(found, f"{count} x {pattern!r} in the error log", seconds)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(f"{error}\n{self.tail()}") from None

    def complaints(self):
        """Lines that fail the running test: undeclared, or fatal whatever was declared."""
        records = self.records()
        return [record.line for number, record in enumerate(records)
                if self._is_complaint(record) and not self._is_of_an_earlier_test(record, records[:number])]

    def _is_of_an_earlier_test(self, record, before):
        """Whether a line goes on with an event that began before the running test.

        A test waits for an event's first line; the others may be written when the next test has set its mark.
        """
        code = CONTINUES.match(record.text)
        if not code or any(word in record.line for word in FATAL):
            return False

        def begun(records):
            return any(other.text.startswith(f"{code[1]}: ") for other in records)

        return begun(self.records(0)) and not begun(before)

    def tail(self, lines=20):
        """The end of the log, for a failure's message."""
        return "\n".join(record.line for record in self.records(0)[-lines:])

    def _is_complaint(self, record):
        expected = any(f"{code}| Fatal Python error: {how}" in record.line
                       for how in self._crashes for code in ("BRINE0610", "BRINE0647"))
        if any(word in record.line for word in FATAL) and not expected:
            return True
        if not record.needs_declaring or any(text in record.line for text in HARMLESS):
            return False
        return not any(pattern.search(record.line) for pattern in self._declared)

    def _size(self):
        return self.path.stat().st_size if self.path.exists() else 0
