"""The self-check with each Python for which there is an extension module. pytest runs with one of them alone."""

import re
import subprocess
from pathlib import Path

import pytest
from places import BUILD


def pythons():
    """Those of the build that have an extension module: (version, program)."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    listed = re.search(r"^BRINE_PYTHONS:\w+=(.*)$", cache, re.M)
    names = [name for name in listed[1].split(";") if name] if listed else []
    found = {}
    for program in names or ["/usr/bin/python3"]:
        program = program if "/" in program else f"python{program}"
        tag = subprocess.run([program, "-c", "import sys; print('%d%d%s' % (*sys.version_info[:2], sys.abiflags))"], capture_output=True,
                             text=True).stdout.strip()
        if tag and list((BUILD / "python" / "brine").glob(f"_guard.cpython-{tag}-*.so")):
            found.setdefault(tag, program)
    return list(found.items())


@pytest.mark.parametrize("what", ["corpus", "--sweep"])
@pytest.mark.parametrize("tag, program", pythons())
def test_self_check(tag, program, what, environment):
    run = subprocess.run([program, Path(__file__).with_name("selfcheck.py"), what], env=environment,
                         capture_output=True, text=True)
    assert run.returncode == 0, (run.stdout + run.stderr)[:20_000]
