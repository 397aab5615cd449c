"""flake8 and mypy find nothing in the Python sources; .flake8 and .mypy.ini say what they look for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("BRINE_BUILD", ROOT / "build"))
TOOLS = {
    "the package by flake8": ["flake8", "python"],
    # Of the tests: names that are not defined, not used, defined twice. Their tables may have long lines.
    "the tests by flake8": ["flake8", "--select=E9,F", "tests"],
    "the package by mypy": ["mypy", f"--cache-dir={BUILD / 'mypy'}", "python/brine"],
}


def run(*command, cwd=ROOT):
    return subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("what", TOOLS)
def test_nothing_is_found_in(what):
    result = run(*TOOLS[what])
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("tool, settings, text", [
    ("flake8", ".flake8", "import os\n"),
    ("mypy", ".mypy.ini", "def length(text: str) -> int:\n    return text\n"),
])
def test_something_is_found(tool, settings, text, tmp_path):
    """That these tools look at all, with this configuration."""
    (tmp_path / "wrong.py").write_text(text)
    result = run(tool, f"--config={ROOT / settings}", "wrong.py", cwd=tmp_path)
    assert result.returncode == 1 and "wrong.py:" in result.stdout, result.stdout + result.stderr
