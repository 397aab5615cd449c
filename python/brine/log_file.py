"""Reading a log while it is being written."""

from pathlib import Path

from brine.log_record import Record, parse


class LogFile:
    """Gives each complete line of a file once, as a record; the file may come to be later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def new_records(self) -> list[Record]:
        """What was written since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        complete = data[:data.rfind(b"\n") + 1]
        self._position += len(complete)
        return [parse(line) for line in complete.splitlines() if line.strip()]
