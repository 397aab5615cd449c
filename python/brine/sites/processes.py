"""The daemon processes of a site, found in /proc: no server has to be asked."""

from pathlib import Path

from brine.httpd_process import children


def processes_of(httpd: int, group: str) -> set[int]:
    """The processes of a daemon group: grandchildren of httpd's first process, which show the group's name."""
    title = f"(wsgi:{group})".encode()
    return {process for supervisor in children(httpd) for process in children(supervisor)
            if _first_word(process) == title}


def runner_of(httpd: int, name: str) -> int | None:
    """The `brine run` of a site that has started this httpd, and tidies up behind it; None where there is none."""
    try:
        parent = int(Path(f"/proc/{httpd}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
    return parent if _words(parent)[-3:] == [b"run", name.encode(), b""] else None


def _words(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def _first_word(process: int) -> bytes:
    return _words(process)[0]


def is_alive(process: int) -> bool:
    """Whether it has not ended; one that has, and is not waited for yet, has no command line."""
    return bool(_first_word(process))
