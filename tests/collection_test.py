"""The folders of tests can be run in one call, in whatever order, beside whatever else is
installed, and on a machine that is busy."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
FOLDERS = ("command", "pickle", "httpd")


def names(folder):
    """The modules of a folder that its tests may import."""
    return {path.stem for path in (TESTS / folder).iterdir()
            if path.suffix == ".py" and path.name != "conftest.py" or (path / "__init__.py").exists()}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(),
                    reason="without git nobody knows which files belong to the tree")
def test_the_top_level_has_what_a_newcomer_looks_for():
    """And nothing that a program has left there: files that begin with a dot and Markdown pages apart."""
    listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split("\n")
    top = {line.split("/")[0] for line in listed if line}
    assert {name for name in top if not name.startswith(".") and not name.endswith(".md")} == {
        "CMakeLists.txt", "CMakePresets.json", "LICENSE", "conf", "docs", "include", "python", "src", "tests"}


def test_no_test_imports_a_conftest():
    """Each folder has one, and all are called `conftest`: which of them an import finds is a matter of order."""
    assert not [path.name for folder in FOLDERS for path in (TESTS / folder).rglob("*.py")
                if "conftest" in imported(path)]


def test_no_two_folders_have_a_module_of_the_same_name():
    count = Counter(name for folder in FOLDERS for name in names(folder))
    assert not [name for name, times in count.items() if times > 1]


def test_all_folders_are_collected_in_one_call():
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quick", "-q", "-pno:cacheprovider",
         *(str(TESTS / folder) for folder in FOLDERS)],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr
    assert all(f"tests/{folder}/test_" in answer.stdout for folder in FOLDERS)


# `assert server.log.texts(...)`: true where the log has been written by now.
HASTE = re.compile(r"^\s*assert (?:[\w.]+ and )?[\w.]*\blog\.texts\([^\n]*\)$", re.MULTILINE)


def hasty(text):
    """Reads of httpd's log that do not wait for it; expect_log() does."""
    return [line.group().strip() for line in HASTE.finditer(text)]


def test_no_test_takes_the_log_for_written():
    assert not [(path.name, line) for path in sorted((TESTS / "httpd").glob("test_*.py"))
                for line in hasty(path.read_text())]


def test_what_takes_the_log_for_written():
    assert hasty('    assert site.server.log.texts("BRINE0204")\n    assert httpd.log.texts(f"{x}.*", 0)\n') == [
        'assert site.server.log.texts("BRINE0204")', 'assert httpd.log.texts(f"{x}.*", 0)']
    assert not hasty('assert not httpd.log.texts("x")\nassert len(httpd.log.texts("x")) == 1\n'
                     'assert httpd.log.texts("x") == []\n')


FAILURES = """
import pytest
from harness.errorlog import assert_none
from harness.deadline import until

KILLED = "AH00045: child process 1 still did not exit, sending a SIGTERM"

@pytest.fixture
def ends():
    yield
    assert_none([KILLED])

def waits(): until(lambda: False, "nothing", 0)
def answers_wrongly(): assert 1 == 2
def ends_late(ends): pass
def ends_late_with_an_error(): assert_none([KILLED, "AH00052: exit signal"])
def passes(): assert_none([])
"""


@pytest.mark.parametrize("tests, late", [
    ("passes", ""),
    ("waits passes ends_late", "waits ends_late"),
    ("waits answers_wrongly", ""),
    ("waits ends_late_with_an_error", ""),
    ("waits waits waits waits", ""),
])
def test_what_only_took_too_long_may_run_again(tmp_path, tests, late):
    """`tests/run` repeats what the file names; so many at once, or a failure of another kind, are a fault."""
    names = [f"test_{number}_{test}" for number, test in enumerate(tests.split())]
    (tmp_path / "test_it.py").write_text(
        FAILURES + "".join(f"{name} = {name.split('_', 2)[2]}\n" for name in names))
    named = tmp_path / "late"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-pno:cacheprovider", str(tmp_path)], cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "BRINE_LATE_TESTS": str(named),
             "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS / "httpd")])},
        capture_output=True)
    found = named.read_text().split() if named.exists() else []
    assert [re.sub(r".*::test_\d_", "", line) for line in found] == late.split()
