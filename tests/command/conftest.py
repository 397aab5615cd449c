"""Fixtures for the tests of the `brine` command: the command of a build, and folders to serve from.

BRINE_BUILD names the build directory (default: build/). The tests run as root and as a plain user.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2] / "python")]

from ports import free_port  # noqa: E402
from serving import BUILD, Serving, write_script  # noqa: E402


@pytest.fixture(scope="session")
def public_folder():
    """A folder that httpd's user can reach, which pytest's own are not when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="brine-command-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def brine(public_folder):
    """The command, with copies of the module and the engines beside it (a clone may be under /root)."""
    if not (BUILD / "mod_brine.so").exists():
        pytest.skip(f"{BUILD} has no mod_brine.so")
    folder = public_folder / "build"
    folder.mkdir()
    for file in (BUILD / "brine", BUILD / "mod_brine.so", BUILD / "brine-worker", *BUILD.glob("brine_engine.*.so")):
        shutil.copy(file, folder)
    return folder / "brine"


@pytest.fixture
def folder(public_folder, request):
    """A new folder for one test's script and files."""
    path = Path(tempfile.mkdtemp(prefix=f"{request.node.name[:20].split('[')[0]}-", dir=public_folder))
    path.chmod(0o755)
    return path


@pytest.fixture
def script(folder):
    """A script that answers with one word; tests write others over it."""
    return write_script(folder / "app.wsgi", 'b"one"')


@pytest.fixture
def runtime(public_folder):
    """What XDG_RUNTIME_DIR is set to; empty again after each test."""
    path = Path(tempfile.mkdtemp(prefix="runtime-", dir=public_folder))
    yield path
    assert list(path.iterdir()) == [], "the command left something behind"


@pytest.fixture
def serve(brine, runtime):
    """serve(SCRIPT, OPTION...): a running `brine serve`, on a free port if none is given; ended after the test."""
    running = []

    def start(*arguments, environment=None, user=None):
        port = [] if "--port" in arguments else ["--port", free_port()]
        server = Serving([brine, "serve", *arguments, *port],
                         {"XDG_RUNTIME_DIR": str(runtime), **(environment or {})}, user)
        running.append(server)
        return server

    yield start
    for server in running:
        server.end()
