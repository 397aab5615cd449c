"""For the tests of the package `brine.pickle`, which need no server: they run in pytest's own process.

BRINE_BUILD names the build directory (default: build/), in whose python/ the extension module lies.
"""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from places import BUILD, REPOSITORY  # noqa: E402

for folder in (BUILD / "python", REPOSITORY / "python"):
    sys.path.insert(0, str(folder))

if not list((BUILD / "python" / "brine").glob("_guard.*.so")):
    pytest.exit(f"{BUILD}/python/brine has no extension module _guard", returncode=2)


@pytest.fixture
def environment():
    """os.environ for a Python of its own that is to find the package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(BUILD / "python"), str(REPOSITORY / "python"))),
            "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def policy():
    """policy("Enforce") sets the guard's policy; the former comes back after the test."""
    from brine import _guard
    former = _guard.policy()
    yield _guard.set_policy
    _guard.set_policy(former)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(NAME, SOURCE) writes a module into a folder on sys.path and returns its path; forgotten afterwards."""
    import importlib

    from brine.pickle import _react
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(name, source=""):
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        importlib.invalidate_caches()
        return path

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    _react.forget()
