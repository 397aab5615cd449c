"""How the script of a site comes to be loaded, as the error log tells it."""

import re
import time
from collections.abc import Callable

from brine.log_record import Record
from brine.root_exception import root_exception

_LOADED = re.compile(r"loaded WSGI script ")
_STARTED = re.compile(r"started process \d+ of daemon group ")
_ENDED = re.compile(r"BRINE0610: process (\d+) of daemon group ")
_CHILD_DIED = re.compile(r"AH00052: child pid \d+ exit signal ")
_PROCESS = re.compile(r" \(process (\d+)\)$")
_UNTOLD = "; nobody had told it to;"
_NONE_SERVED = "; 0 requests served;"
_NONE_IN_PROGRESS = "; in progress: none;"

_DOES_NOT_LOAD = "BRINE0301"
_WHY_NOT = re.compile(r"BRINE030[1-5]$")  # which one of _NO_REQUESTS_YET follows
_MOST_LINES = 1000  # of a traceback

_ERRORS = ("error", "crit", "alert", "emerg")
#: What a daemon process, or one of httpd's own, says after what kept it from loading the script.
_NO_REQUESTS_YET = ("BRINE0614", "BRINE0008")

# A process that lives so long after it has loaded the script does not die of that.
_SOON_SECONDS = 10
_MOST_SOON_DEATHS = 3


def process_of(record: Record) -> str:
    """The process that a record is of: the supervisor, which writes it, says so at the end of its first line."""
    told = _PROCESS.search(record.text)
    return told[1] if told else record.source.partition("/")[0]


class Loading:
    """What became of the script in the daemon processes.

    A process that dies while it loads the script, with no other that has it, is the end of the site: the next
    one would fare no better. So are some in a row that die soon after that, without any request. One that dies
    later, or instead of one that serves, is replaced by Brine.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failed = False
        """A process could not load it, by an exception or for want of an application."""
        self.is_told_why = False
        """It is being logged why a process could not load it: the rest follows."""
        self.crash = ""
        """How the processes fared, where the site has come to its end."""
        self._clock = clock
        self._loads = 0
        self._last_lines: Record | None = None
        self._told_to_leave: set[str] = set()
        self._having: dict[str, float] = {}
        self._lacking: set[str] = set()
        self._traceback: list[str] = []
        self._last_error = ""
        self._last_is_old = False
        self._soon_deaths = 0
        self._dead_children = 0

    @property
    def loaded(self) -> bool:
        """Whether a process has loaded it, now or earlier."""
        return self._loads > 0

    @property
    def fails(self) -> bool:
        """Whether a process could not load it, and none has."""
        return self.failed and not self.loaded

    @property
    def settled(self) -> bool:
        """Whether requests get an answer of the script, or are told that it does not load."""
        return self.loaded or self.failed

    @property
    def why(self) -> str:
        """The exception that kept the script from being loaded the last time, or else the first error of the last
        daemon process that had one before it had loaded it; "" where there was none."""
        return root_exception(self._traceback) or self._last_error

    def let_go(self, processes: set[int]) -> None:
        """These processes were told to leave: however they end, the script is not at fault."""
        self._told_to_leave.update(map(str, processes))

    def note(self, record: Record) -> bool:
        """Takes a record of the log in. False: it repeats what is known, or tells of what was wanted."""
        if self.crash:
            return self._belongs_to_the_crash(record)
        self._note_traceback(record)
        ended = _ENDED.match(record.text)
        if _CHILD_DIED.match(record.text):
            self._note_death_of_child(record)
        if record.level == "info" and _LOADED.match(record.text):
            self._loads += 1
            self._having[process_of(record)] = self._clock()
            return True
        if record.code in _NO_REQUESTS_YET:
            self.failed, self.is_told_why = True, False
            self._lacking.add(process_of(record))
        elif not ended:
            self.is_told_why = self.is_told_why or _WHY_NOT.match(record.code) is not None
            self._note_error(record)
        return self._note_end(ended[1], record) if ended else True

    def _note_traceback(self, record: Record) -> None:
        if record.code == _DOES_NOT_LOAD and not record.continued:
            self._traceback = []
        elif record.code == _DOES_NOT_LOAD and len(self._traceback) < _MOST_LINES:
            self._traceback.append(record.text)

    def _note_error(self, record: Record) -> None:
        """Keeps the first error since a process was started: what follows is of its end. Of httpd's own processes,
        which have errors too, only those of loading a script count."""
        if _STARTED.match(record.text):
            self._last_is_old = True
        process = _PROCESS.search(record.text)
        loads = process[1] not in self._having if process else _WHY_NOT.match(record.code)
        if record.level in _ERRORS and record.code and loads and (self._last_is_old or not self._last_error):
            self._last_error = _PROCESS.sub("", record.text)
            self._last_is_old = False

    def _note_end(self, process: str, record: Record) -> bool:
        loaded_at = self._having.pop(process, None)
        knew = loaded_at is not None or process in self._lacking
        self._lacking.discard(process)
        untold = _UNTOLD in record.text
        if process in self._told_to_leave:
            self._told_to_leave.discard(process)
            return not untold
        if untold and not knew and not self._having:
            self._end("ended while it loaded the script", record)
        elif untold and _NONE_SERVED in record.text and self._is_soon(loaded_at):
            self._soon_deaths += _NONE_IN_PROGRESS in record.text  # else it may be that request's fault
            if self._soon_deaths == _MOST_SOON_DEATHS:
                self._end("ended just after it had loaded the script, as the two before it had", record)
        else:
            self._soon_deaths = 0
        return True

    def _note_death_of_child(self, record: Record) -> None:
        """One of httpd's own processes has crashed, which load the script themselves in embedded mode."""
        self._dead_children += 1
        if self._dead_children >= _MOST_SOON_DEATHS and not self.loaded:
            self._end("ended while it loaded the script, as those before it had", record)

    def _is_soon(self, loaded_at: float | None) -> bool:
        return loaded_at is not None and self._clock() - loaded_at < _SOON_SECONDS

    def _end(self, crash: str, record: Record) -> None:
        self.crash = crash
        self._last_lines = record

    def _belongs_to_the_crash(self, record: Record) -> bool:
        """Whether a record is one of the lines that follow the crash's first: its stack."""
        if not self._last_lines or record.source != self._last_lines.source:
            return False
        if not record.continued:
            self._last_lines = None
        return record.continued
