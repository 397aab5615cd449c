"""Python's own tests of pickle see no difference, in each Python whose tests are at hand.

Debian has them in libpython3.X-testsuite; pyenv's Pythons have them beside what tests/run copies.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
from test_other_pythons import pythons

FEWEST = 900
"""Each of the Pythons has more tests than this in the four modules."""


def suites():
    """(version, program, folder that has the package `test`) of each Python that has its tests somewhere."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = []
    for _, program in pythons():
        version, folder = subprocess.run(
            [program, "-c", "import platform, sysconfig; print(platform.python_version()); "
             "print(sysconfig.get_path('stdlib'))"], capture_output=True, text=True, check=True).stdout.split("\n")[:2]
        elsewhere = pyenv / "versions" / version / "lib" / Path(folder).name
        found += [(version, program, each) for each in (Path(folder), elsewhere)
                  if (each / "test" / "pickletester.py").exists()][:1]
    return found


SECONDS = 1800  #: which none of them needs, on the slowest machine


def run(program, folder, how, environment, tmp_path):
    done = subprocess.run([program, "-B", Path(__file__).with_name("pythons_own.py"), folder, how], env=environment,
                          cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SUITES = suites()


@pytest.mark.skipif(not SUITES, reason="no Python has its tests here: install libpython3.X-testsuite")
@pytest.mark.parametrize("version, program, folder", SUITES, ids=[version for version, _, _ in SUITES])
def test_pythons_own_tests_see_no_difference(version, program, folder, environment, tmp_path):
    outcomes = run(program, folder, "guarded", environment, tmp_path)
    assert outcomes.pop("run") > FEWEST
    if outcomes:  # do these fail without the guard too?
        plain = run(program, folder, "plain", environment, tmp_path)
        assert outcomes.keys() <= plain.keys(), [outcomes[name] for name in outcomes.keys() - plain.keys()]
