"""The pytest plugin brine.pytest_plugin, in pytest runs of their own."""

import os
import tracemalloc

import pytest
from brine import pytest_workers
from brine.pytest_workers import Mailbox, post

pytest_plugins = ["pytester"]

APPLICATION = """
from pickle import dumps, loads

def save(session):
    return dumps(session)

def save_or_not(session):
    try:
        return dumps(session)
    except Exception:
        return None

class Loses:
    def __init__(self): self.number = 3
    def __setstate__(self, state): self.number = 0

def save_what_changes(_=None):
    save([Loses()])

def save_a_lambda(_=None):
    return save_or_not([lambda: 0])

def make_a_lambda():
    return lambda: 0

def restore(data):
    try:
        return loads(data)
    except Exception:
        return None
"""

HEAD = """
import threading
import pytest

pytest_plugins = ["pytester"]
import application
import sys

class InMain: pass
InMain.__module__ = "__main__"
sys.modules["__main__"].InMain = InMain
"""


@pytest.fixture
def run(pytester, environment, monkeypatch):
    """run(TEST): the result of pytest with the plugin, on a file of this source beside the application.

    No other plugin takes part, whatever is installed or asked for by the environment.
    """
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(application=APPLICATION)

    def run(source, *arguments, plugin="-pbrine.pytest_plugin"):
        pytester.makepyfile(test_it=HEAD + source)
        return pytester.runpytest_subprocess("-q", "-pno:cacheprovider", plugin, *arguments)

    return run


def test_nothing_to_find(run):
    run("""
def test_it(brine_pickle_guard):
    assert application.save({"a": [1]})
    assert application.restore(application.save(ValueError("x"))).args == ("x",)
    assert brine_pickle_guard == []
""").assert_outcomes(passed=1)


def test_finding_fails_the_test(run):
    result = run("""
def test_it(brine_pickle_guard):
    assert application.save({"cart": [InMain()]})
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test came upon a pickle hazard", "",
                                 "pickle hazard naming-main: session?'cart'??0? is an instance of class InMain*",
                                 "at *application.py:4 in save"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_swallowed_exceptions(run):
    result = run("""
def test_dump(brine_pickle_guard):
    assert application.save_or_not([lambda: None]) is None

def test_load(brine_pickle_guard):
    assert application.restore(b"cno_such_module\\nItem\\n.") is None
""")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*naming-local*", "*restore-no-module: the pickle names no_such_module.Item*"])


def test_threads_and_fixtures(run):
    result = run("""
@pytest.fixture
def ends_late(brine_pickle_guard):
    yield
    application.save(InMain())

@pytest.fixture
def begins_early(brine_pickle_guard):
    application.save(InMain())

def test_thread(brine_pickle_guard):
    thread = threading.Thread(target=application.save, args=(InMain(),))
    thread.start()
    thread.join()

def test_begin(begins_early): pass
def test_end(ends_late): pass
""")
    result.assert_outcomes(failed=2, passed=1, errors=1)


def test_a_test_that_fails_by_itself(run):
    result = run("""
def test_it(brine_pickle_guard):
    application.save([InMain()])
    assert 1 == 2
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "*pickle hazards*", "*naming-main*"])


def test_expected_hazards(run):
    run("""
def test_clear(brine_pickle_guard):
    application.save([InMain()])
    report, = brine_pickle_guard
    assert report.ids == ("naming-main",) and report.hazards[0].path == "session[0]"
    assert [hazard.id for hazard in brine_pickle_guard.hazards] == ["naming-main"]
    brine_pickle_guard.clear()

def test_clear_is_not_for_ever(brine_pickle_guard):
    application.save([InMain()])
    brine_pickle_guard.clear()
    application.save([InMain()])

def test_allow(brine_pickle_guard):
    brine_pickle_guard.allow("naming-main", "naming-local")
    application.save([InMain()])
    application.save_or_not(lambda: None)
    assert len(brine_pickle_guard) == 2 and not brine_pickle_guard.hazards

def test_allow_afterwards(brine_pickle_guard):
    application.save([InMain()])
    brine_pickle_guard.allow("naming-main")

def test_allow_another(brine_pickle_guard):
    brine_pickle_guard.allow("naming-local")
    application.save([InMain()])

def test_allow_what_there_is_not(brine_pickle_guard):
    with pytest.raises(ValueError):
        brine_pickle_guard.allow("naming")
""").assert_outcomes(passed=4, failed=2)


def test_policy_is_restored(run):
    run("""
import brine.pickle

def test_before():
    assert brine.pickle.policy() == "Off"
    application.save(InMain())

def test_within(brine_pickle_guard):
    assert brine.pickle.policy() == "Report"

def test_after():
    assert brine.pickle.policy() == "Off"

def test_own_policy(request):
    brine.pickle.install("Enforce")
    request.getfixturevalue("brine_pickle_guard")
    assert brine.pickle.policy() == "Report"

def test_own_policy_after():
    assert brine.pickle.policy() == "Enforce"
    with pytest.raises(brine.pickle.UnsafePickleError):
        application.save(InMain())
""").assert_outcomes(passed=5)


def test_each_hazard_is_told_once(run):
    result = run("""
def test_it(brine_pickle_guard):
    for _ in range(3):
        application.save([InMain()])
    application.save({"another": InMain()})
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test came upon 2 pickle hazards", "*session?0?*", "*session?'another'?*"])


def test_other_kinds_of_tests(run):
    result = run("""
import unittest

@pytest.mark.usefixtures("brine_pickle_guard")
class TestClass(unittest.TestCase):
    def test_bad(self):
        application.save([InMain()])

    def test_good(self):
        application.save([1])

@pytest.mark.xfail(strict=True)
def test_expected_to_fail(brine_pickle_guard):
    application.save([InMain()])

@pytest.mark.parametrize("number", [1, 2])
def test_parameters(number, brine_pickle_guard):
    application.save([number])
""")
    result.assert_outcomes(failed=1, passed=3, xfailed=1)


def test_by_conftest(run, pytester):
    pytester.makeconftest('pytest_plugins = ["brine.pytest_plugin"]\n')
    run("""
def test_it(brine_pickle_guard):
    application.save([InMain()])
""", plugin="-pno:doctest").assert_outcomes(failed=1)


def test_autouse(run, pytester):
    pytester.makeconftest("import pytest\n@pytest.fixture(autouse=True)\ndef guard(brine_pickle_guard): pass\n")
    run("""
def test_it():
    application.save([InMain()])
""").assert_outcomes(failed=1)


def test_the_round_trip_of_what_is_pickled(run):
    result = run("""
class Loses:
    def __init__(self): self.number = 3
    def __setstate__(self, state): self.number = 0

def test_fails(brine_pickle_guard):
    brine_pickle_guard(round_trip=True)
    application.save([Loses()])

def test_passes(brine_pickle_guard):
    application.save([Loses()])

def test_is_well(brine_pickle_guard):
    brine_pickle_guard(round_trip=True)
    application.save([ValueError("x")])
    assert brine_pickle_guard.unchecked == []
""")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*restore-differs: the object*number is 3 when it is pickled, and 0 when*"])


# --- processes that a test starts -----------------------------------------------------------------------

WORKERS = {
    "os.fork": """
    pid = os.fork()
    if pid == 0:
        application.save_or_not([lambda: 0])
        os._exit(0)
    os.waitpid(pid, 0)
""",
    **{f"process by {method}": f"""
    process = multiprocessing.get_context({method!r}).Process(target=application.save_a_lambda)
    process.start()
    process.join()
    assert process.exitcode == 0
""" for method in ("fork", "spawn", "forkserver")},
    **{f"pool by {method}": f"""
    with multiprocessing.get_context({method!r}).Pool(1) as pool:
        assert pool.map(application.save_a_lambda, [1]) == [None]
""" for method in ("fork", "spawn", "forkserver")},
    **{f"executor by {method}": f"""
    context = multiprocessing.get_context({method!r})
    with concurrent.futures.ProcessPoolExecutor(1, context) as executor:
        assert list(executor.map(application.save_a_lambda, [1])) == [None]
""" for method in ("fork", "spawn")},
}
IMPORTS = "import concurrent.futures, multiprocessing, os\n"


@pytest.mark.parametrize("how", WORKERS)
def test_a_worker_that_pickles_a_hazard_fails_the_test(run, how):
    result = run(f"{IMPORTS}\ndef test_it(brine_pickle_guard):\n{WORKERS[how]}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test came upon a pickle hazard", "*naming-local: session?0? is a lambda*"])


@pytest.mark.parametrize("how", WORKERS)
def test_the_round_trip_of_what_a_worker_pickles(run, how):
    """In the test's own process; where it was not asked for, there is none."""
    worker = WORKERS[how].replace("save_or_not([lambda: 0])", "save_what_changes()").replace("save_a_lambda", "save_what_changes")
    result = run(f"{IMPORTS}\ndef test_fails(brine_pickle_guard):\n    brine_pickle_guard(round_trip=True)\n{worker}\n"
                 f"def test_passes(brine_pickle_guard):\n{worker}")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*restore-differs: the object*number is 3 when it is pickled, and 0 when*"])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_what_a_worker_sends_is_seen_too(run, method):
    """The answer is pickled in the worker, by a Pickler of multiprocessing's own, and cannot be loaded here."""
    result = run(f"""{IMPORTS}
def test_it(brine_pickle_guard):
    with multiprocessing.get_context({method!r}).Pool(1) as pool:
        with pytest.raises(multiprocessing.pool.MaybeEncodingError):
            pool.apply(application.make_a_lambda)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*naming-local: * is a lambda*"])


def test_a_worker_without_a_hazard_is_fine_and_one_that_is_expected_can_be_allowed(run):
    run(f"""{IMPORTS}
def test_fine(brine_pickle_guard):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(application.save, [[1]])
    assert not brine_pickle_guard

def test_cleared(brine_pickle_guard):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(application.save_a_lambda, [1])
    brine_pickle_guard.clear()

def test_allowed(brine_pickle_guard):
    brine_pickle_guard.allow("naming-local")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(application.save_a_lambda, [1])
""").assert_outcomes(passed=3)


@pytest.fixture
def mailbox():
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


def test_what_does_not_fit_into_the_mailbox_leaves_nothing(mailbox, monkeypatch):
    """The rest of a piece that a full disk has cut off would be read from what comes next."""
    post(mailbox.path, b"first")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, data[:len(data) // 2]))
        with pytest.raises(OSError, match="no room"):
            post(mailbox.path, b"second")
    post(mailbox.path, b"third")
    assert mailbox.take() == [b"first", b"third"]


def test_a_pickle_that_is_too_long_for_the_mailbox(mailbox, monkeypatch):
    monkeypatch.setattr(pytest_workers, "LONGEST", 1000)
    post(mailbox.path, bytes(1001))
    post(mailbox.path, b"next")
    words, stream = mailbox.take()
    assert "bytes are more than a worker hands over" in words and stream == b"next"
    assert os.path.getsize(mailbox.path) < 1000


def test_what_was_taken_is_not_read_again(mailbox):
    post(mailbox.path, bytes(8 << 20))
    assert len(mailbox.take()) == 1
    post(mailbox.path, b"next")
    tracemalloc.start()
    try:
        assert mailbox.take() == [b"next"]
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_worker_says_which_pickle_is_not_checked(run):
    result = run(f"""{IMPORTS}
def work():
    from brine import pytest_workers
    pytest_workers.LONGEST = 1000
    application.save([ValueError("x" * 2000)])

def test_passes(brine_pickle_guard):
    brine_pickle_guard(round_trip=True)
    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    worker.join()
    brine_pickle_guard.gather()
    assert "more than a worker hands over" in brine_pickle_guard.unchecked[0]
""")
    result.assert_outcomes(passed=1)
