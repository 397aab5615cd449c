"""Signals: what CPython's own start does about them, and what processes inherit that applications start."""

import json
import signal

import pytest

from harness.variant import SUB

pytestmark = pytest.mark.axes("mpm", "python", "interpreter")

CONFIG = "WSGIScriptAlias /app {apps}/signals.wsgi"
STANDARD = (1 << 31) - 1  # the C library has two others for itself
PYTHON_IGNORES = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1


@pytest.fixture
def ask(httpd):
    return lambda way: json.loads(httpd.get(f"/app/{way}").body)


@pytest.fixture
def may_fork(variant):
    if variant.group == SUB:
        pytest.skip("a sub-interpreter cannot fork")


# --- what Python ignores -----------------------------------------------------------------------------


def test_what_is_ignored(ask):
    """Nothing else: programs would inherit it."""
    assert ask("own") == PYTHON_IGNORES


def test_a_limit_of_file_sizes(ask):
    assert ask("limit") == "File too large"


def test_a_pipe_that_nobody_reads(ask):
    assert ask("pipe") == "Broken pipe"


# --- what programs inherit ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["programs", "threads"])
def test_programs_start_with_no_signal_blocked(ask, way):
    found = ask(way)
    assert {name: blocked for name, (blocked, _) in found.items()} == dict.fromkeys(found, 0)
    assert {ignored & STANDARD & ~PYTHON_IGNORES for _, ignored in found.values()} == {0}
    assert len(found) == 6


def test_os_system(ask):
    assert ask("system") == [3 << 8, signal.SIGTERM, 0]
    assert ask("system-mask")[0] == 0


@pytest.mark.usefixtures("may_fork")
def test_children_start_with_no_signal_blocked(ask):
    found = ask("children")
    assert {name: blocked for name, (blocked, _) in found.items()} == dict.fromkeys(found, 0)
    assert {ignored & STANDARD & ~PYTHON_IGNORES for _, ignored in found.values()} == {0}


@pytest.mark.usefixtures("may_fork")
def test_children_have_none_of_httpds_handlers(ask, variant):
    if variant.mode == "daemon":
        pytest.skip("its handlers know a forked process")
    caught, = ask("handlers")
    assert caught & STANDARD == 0


@pytest.mark.usefixtures("may_fork")
def test_they_can_be_terminated(ask):
    assert ask("terminate") == [-signal.SIGTERM, -signal.SIGTERM]


@pytest.mark.usefixtures("may_fork")
def test_pools_end(ask):
    assert ask("pool") == "done"


# --- sub-interpreters --------------------------------------------------------------------------------


def test_a_sub_interpreter_refuses_to_fork(ask, variant):
    """Once, with the remedy; test_programs... shows that it starts programs."""
    if variant.group != SUB:
        pytest.skip("the main interpreter can")
    found = ask("refused")
    assert "cannot run a preexec_fn" in found["preexec_fn"]
    assert [name for name, text in found.items() if "WSGIApplicationGroup %{GLOBAL}" not in text] == []
    assert len(found) == 8
