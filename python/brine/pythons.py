"""Which Python is to run the script: what `--python` may say, and what it means for httpd."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from brine.looking import absolute, is_nothing_there, why_unseen
from brine.refusal import Refusal

# Run by the Python that is asked about; -I keeps the caller's environment and folder out.
_QUESTION = ("import json, sys; print(json.dumps(['%d.%d' % sys.version_info[:2] + 't' * ('t' in sys.abiflags), "
             "sys.prefix, sys.base_prefix, sys.implementation.name]))")
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Python:
    """The engine to use and where its Python finds its modules."""

    version: str
    """X.Y, or X.Yt of a free-threaded Python, which names the engine."""
    home: Path | None = None
    """Root of a virtual environment or prefix of an installation; None: the engine's own."""


def running_version() -> str:
    """That of the Python that runs this, as an engine is named by."""
    return "%d.%d" % sys.version_info[:2] + "t" * ("t" in sys.abiflags)


def _why_no_program(path: Path) -> str:
    """What a path is that cannot be run; empty if it can."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if not is_nothing_there(error):
            return f"cannot be looked at ({why_unseen(path, error)})"
        if path.is_symlink():
            return f"is a link to {os.readlink(path)}, which does not lead to a file"
        return "does not exist"
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    if not os.access(path, os.X_OK):
        return "may not be executed by you (see its mode and owner)"
    return ""


def _is_there(program: Path) -> bool:
    """Also a link that leads nowhere, and what the caller cannot look at."""
    try:
        program.lstat()
    except OSError as error:
        return not is_nothing_there(error)
    return True


def _program(path: Path, what: str) -> Path:
    """The executable that a path stands for: a python, a virtual environment or its bin/."""
    if not os.path.isdir(path):
        why = _why_no_program(path)
        if why:
            raise Refusal(f"{what}, which {why}: name a version X.Y for which there is an engine, or the path of a "
                          "virtual environment or of a python.")
        return path
    programs = [folder / name for folder in (path / "bin", path) for name in ("python", "python3")]
    there = [program for program in programs if _is_there(program)]
    for program in there:
        if not _why_no_program(program):
            return program
    if there and not os.path.lexists(there[0]):
        raise Refusal(f"{what}, but {there[0]} {_why_no_program(there[0])}: name one that you may use.")
    if there:
        environment = shlex.quote(str(there[0].parent.parent))
        raise Refusal(f"{what}, but {there[0]} {_why_no_program(there[0])}: make the virtual environment anew "
                      f"(`python3 -m venv --clear {environment}` empties it first), or name another.")
    raise Refusal(f"{what}, which is neither a virtual environment nor a python: the folder has no bin/python. Name "
                  "the folder of a virtual environment, or the path of a python.")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f" ({lines[-1].strip()})" if lines else ""


def _ask(program: Path, what: str) -> tuple[str, str, str]:
    """Version, prefix and base prefix of a Python, told by itself."""
    def refusal(why: str) -> Refusal:
        it = "which" if what.endswith(f" {program}") else f"but {program}"
        return Refusal(f"{what}, {it} {why}. Name a python, or a virtual environment that works.")

    try:
        answer = subprocess.run([program, "-I", "-c", _QUESTION], capture_output=True, text=True, errors="replace",
                                stdin=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise refusal("does not run as a Python: it did not tell its version in "
                      f"{_PATIENCE_SECONDS} seconds") from None
    except OSError as error:
        raise refusal(f"cannot be run ({error.strerror})") from None
    if answer.returncode:
        how = f"exit code {answer.returncode}" if answer.returncode > 0 else f"signal {-answer.returncode}"
        raise refusal("does not run as a Python: asked for its version, it ended with "
                      f"{how}{_last_line(answer.stderr)}")
    try:
        version, prefix, base_prefix, implementation = json.loads(answer.stdout)
    except (ValueError, TypeError):
        raise refusal("does not run as a Python: it ended without telling its version") from None
    if implementation != "cpython":
        raise refusal(f"is {implementation}, while Brine runs CPython")
    return version, prefix, base_prefix


def choose_python(wanted: str, source: str = "--python") -> Python:
    """What `--python` says, or the `source` that is named: "3.12", or the path of a virtual environment, its
    bin/ or a python."""
    if re.fullmatch(r"\d+\.\d+t?", wanted):
        return Python(wanted)
    path = absolute(wanted)
    what = f"{source} names {path}"
    version, prefix, base_prefix = _ask(_program(path, what), what)
    if prefix == base_prefix and prefix == "/usr":
        return Python(version)  # the system's: what an engine finds without being told
    return Python(version, Path(prefix))
