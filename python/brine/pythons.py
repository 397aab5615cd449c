"""Which Python is to run the script: what `--python` may say, and what it means for httpd."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from brine.refusal import Refusal

# Run by the Python that is asked about; -I keeps the caller's environment and folder out.
_QUESTION = "import json, sys; print(json.dumps(['%d.%d' % sys.version_info[:2], sys.prefix, sys.base_prefix]))"


@dataclass(frozen=True)
class Python:
    """The engine to use and where its Python finds its modules."""

    version: str
    """X.Y, which names the engine."""
    home: Path | None = None
    """Root of a virtual environment or prefix of an installation; None: the engine's own."""


def _program(path: Path) -> Path:
    """The executable that a path stands for: a python, a virtual environment or its bin/."""
    if path.is_dir():
        folders = [path / "bin", path]
        programs = [folder / name for folder in folders for name in ("python", "python3")]
    else:
        programs = [path]
    for program in programs:
        if program.is_file() and os.access(program, os.X_OK):
            return program
    raise Refusal(f"{path} is neither a Python X.Y, nor a python, nor the folder of a virtual environment.")


def choose_python(wanted: str) -> Python:
    """What `--python` says: "3.12", or the path of a virtual environment, its bin/ or a python."""
    if re.fullmatch(r"\d+\.\d+", wanted):
        return Python(wanted)
    program = _program(Path(os.path.abspath(wanted)))
    try:
        answer = subprocess.run([program, "-I", "-c", _QUESTION], capture_output=True, text=True,
                                timeout=30, check=True)
        version, prefix, base_prefix = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Refusal(f"{program} does not run as a Python: {error}") from None
    if prefix == base_prefix and prefix == "/usr":
        return Python(version)  # the system's: what an engine finds without being told
    return Python(version, Path(prefix))
