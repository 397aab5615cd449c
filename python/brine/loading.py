"""How the script of a site comes to be loaded, as the error log tells it."""

import re

from brine.log_record import Record

_LOADED = re.compile(r"loaded WSGI script ")
_ENDED = re.compile(r"BRINE0610: process (\d+) of daemon group ")
_UNTOLD = "; nobody had told it to;"


def _process(record: Record) -> str:
    return record.source.partition("/")[0]


class Loading:
    """What became of the script in the daemon processes.

    A process that dies while it loads the script, with no other that has it, is the end of the site: the next
    one would fare no better. One that dies later, or instead of one that serves, is replaced by Brine.
    """

    def __init__(self) -> None:
        self.loaded = False
        """A process has loaded it, now or earlier."""
        self.failed = False
        """A process could not, by an exception."""
        self._crash: Record | None = None
        self._crash_told = False
        self._having: set[str] = set()
        self._lacking: set[str] = set()

    @property
    def settled(self) -> bool:
        """Whether requests get an answer of the script, or are told that it does not load."""
        return self.loaded or self.failed

    @property
    def crashed(self) -> bool:
        """Whether the site has come to its end."""
        return self._crash is not None

    def note(self, record: Record) -> bool:
        """Takes a record of the log in. False: it comes after the end, and repeats what is known."""
        if self._crash:
            return self._tells_of_the_crash(record, self._crash)
        ended = _ENDED.match(record.text)
        if record.level == "info" and _LOADED.match(record.text):
            self.loaded = True
            self._having.add(_process(record))
        elif record.code == "BRINE0614":
            self.failed = True
            self._lacking.add(_process(record))
        elif ended:
            self._note_end(ended[1], record)
        return True

    def _note_end(self, process: str, record: Record) -> None:
        knew = process in self._having | self._lacking
        self._having.discard(process)
        self._lacking.discard(process)
        if _UNTOLD in record.text and not knew and not self._having:
            self._crash = record

    def _tells_of_the_crash(self, record: Record, crash: Record) -> bool:
        """Whether a record is one of the lines that follow the crash's first: its stack."""
        if record.source == crash.source and not record.continued:
            self._crash_told = True
        return record.source == crash.source and not self._crash_told
