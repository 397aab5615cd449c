"""The reloader: an edit is seen by the next request, a broken edit harms nobody, nothing leaks."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import until

pytestmark = pytest.mark.axes("python", "interpreter")

# In daemon mode a new process takes over: test_daemon_reload.py has what is different there.
in_place = pytest.mark.modes("embedded")

CONFIG = """
WSGIScriptAlias /s {dir}/scripts
"""
SAYS = """
TEXT = {text!r}

def application(environ, start_response):
    start_response("200 OK", [])
    return [TEXT.encode()]
"""


@pytest.fixture
def script(httpd):
    """Writes scripts/NAME.wsgi with an application that says TEXT, or with other code."""

    def write(name, text=None, code=None):
        return httpd.write(f"scripts/{name}.wsgi", code or SAYS.format(text=text))

    return write


def ask(httpd, name):
    return httpd.get(f"/s/{name}.wsgi")


def everywhere(httpd, name):
    """The bodies of enough requests to have met every process."""
    return {ask(httpd, name).body for _ in range(20)}


@pytest.mark.axes("mpm", "python", "interpreter")
def test_an_edit_is_seen_by_the_next_request(httpd, script):
    for text in ("first", "second one", "third"):
        script("edit", text)
        assert everywhere(httpd, "edit") == {text.encode()}


def test_edits_in_the_same_second_and_of_the_same_size(httpd, script):
    path = script("same", "aaaa")
    assert ask(httpd, "same").body == b"aaaa"
    for text in ("bbbb", "cccc", "dddd", "eeee"):
        path.write_text(SAYS.format(text=text))  # the same inode
        assert ask(httpd, "same").body == text.encode()


def test_only_the_inode_changes(httpd, script):
    path = script("inode", "aaaa")
    stamp = path.stat()
    assert ask(httpd, "inode").body == b"aaaa"
    script("inode", "bbbb")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_ino != stamp.st_ino
    assert ask(httpd, "inode").body == b"bbbb"


def test_an_older_file_is_a_change_too(httpd, script):
    path = script("older", "new")
    assert ask(httpd, "older").body == b"new"
    script("older", "old")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert ask(httpd, "older").body == b"old"


def rewrite(path, text):
    """Other code of the same size in the same file, whose time of change is put back."""
    stamp = path.stat()
    path.write_text(SAYS.format(text=text))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_ino) == (stamp.st_size, stamp.st_ino)
    assert path.stat().st_mtime_ns == stamp.st_mtime_ns


def loads(httpd, name):
    return len(httpd.log.texts(rf"loaded WSGI script '.*/{name}' "))


def test_a_rewritten_file_with_its_old_time_and_size(httpd, script):
    path = script("times", "aaaa")
    assert everywhere(httpd, "times") == {b"aaaa"}
    for text in ("bbbb", "cccc"):
        rewrite(path, text)
        assert everywhere(httpd, "times") == {text.encode()}


def test_a_time_that_differs_by_a_nanosecond(httpd, script):
    path = script("nano", "aaaa")
    os.utime(path, ns=(10**18, 10**18))
    assert everywhere(httpd, "nano") == {b"aaaa"}
    path.write_text(SAYS.format(text="bbbb"))
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert everywhere(httpd, "nano") == {b"bbbb"}


def test_another_mode_or_link_loads_nothing(httpd, script, variant):
    path = script("mode", "same")
    assert everywhere(httpd, "mode") == {b"same"}
    before = until(lambda: loads(httpd, "mode.wsgi"), "its load is told of")
    generations = len(httpd.log.texts("mode.wsgi' .generation 2."))
    for change in (lambda: path.chmod(0o644), lambda: path.chmod(0o755),
                   lambda: os.link(path, path.with_suffix(".link")),
                   lambda: path.with_suffix(".link").unlink()):
        change()
        assert everywhere(httpd, "mode") == {b"same"}
    assert not generations and not httpd.log.texts("mode.wsgi' .generation 2.")
    if variant.one_process:
        assert loads(httpd, "mode.wsgi") == before, "nothing is loaded"
    rewrite(path, "test")
    assert everywhere(httpd, "mode") == {b"test"}


RELEASED = """
import os

RELEASE = os.path.basename(os.path.dirname(os.path.realpath(__file__)))

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{RELEASE} {os.path.basename(os.path.dirname(__file__))}".encode()]
"""
SWITCHES = ("folder", "file", "renamed")


@pytest.mark.parametrize("switched", SWITCHES)
def test_a_deployment_by_hard_links(httpd, switched):
    root = httpd.folder / "scripts" / f"links-{switched}"
    first = httpd.write(f"scripts/links-{switched}/one/app.wsgi", RELEASED)
    (root / "two").mkdir()
    (root / "two").chmod(0o755)

    def serve(release):
        next = root / "next"
        if switched == "folder":
            next.symlink_to(root / release)
            next.rename(root / "current")
        elif switched == "file":
            (root / "current").mkdir(exist_ok=True)
            next.symlink_to(root / release / "app.wsgi")
            next.rename(root / "current" / "app.wsgi")
        else:
            if (root / "current").exists():
                (root / "current").rename(root / "old")
            (root / release).rename(root / "current")

    def answers():
        return {httpd.get(f"/s/links-{switched}/current/app.wsgi").text for _ in range(20)}

    said = {name: "current" if switched == "renamed" else name for name in ("one", "two")}

    def release(name):
        return f"{said[name]} current"

    if switched == "renamed":
        first.write_text(RELEASED.replace("RELEASE = ", "RELEASE = str(os.stat(os.path.dirname("
                                          "os.path.realpath(__file__))).st_ino) or "))
        said.update({name: str((root / name).stat().st_ino) for name in said})
    serve("one")
    assert answers() == {release("one")}
    os.link(first if first.exists() else root / "current" / "app.wsgi", root / "two" / "app.wsgi")
    assert answers() == {release("one")}, "it is linked, but not yet switched to"
    serve("two")
    assert answers() == {release("two")}
    assert answers() == {release("two")}, "and stays"
    if switched != "renamed":
        serve("one")
        assert answers() == {release("one")}, "a roll-back"


@in_place
def test_the_generation_is_logged(httpd, script):
    script("logged", "one")
    everywhere(httpd, "logged")
    httpd.expect_log(r"loaded WSGI script '.*logged.wsgi' \(generation 1\)")
    script("logged", "two")
    everywhere(httpd, "logged")
    httpd.expect_log(r"loaded WSGI script '.*logged.wsgi' \(generation 2\)")


@in_place
def test_other_modules_and_state_are_untouched(httpd, script, variant):
    if not variant.one_process:
        pytest.skip("the state lives in one process")
    code = """
import builtins
builtins.reload_loads = getattr(builtins, "reload_loads", 0) + 1
""" + SAYS.replace("TEXT.encode()", "str(builtins.reload_loads).encode()")
    script("state", code=code.format(text="a"))
    assert ask(httpd, "state").body == b"1"
    assert ask(httpd, "state").body == b"1"
    script("state", code=code.format(text="b"))
    assert ask(httpd, "state").body == b"2"


def test_a_new_generation_starts_empty(httpd, script):
    script("fresh", code=SAYS.format(text="x") + "\nONLY_IN_THE_FIRST = 1\n")
    ask(httpd, "fresh")
    script("fresh", code="TEXT = str('ONLY_IN_THE_FIRST' in globals())\n" +
           SAYS.format(text="").replace("TEXT = ''", ""))
    assert ask(httpd, "fresh").body == b"False"


BROKEN = {"syntax": "def broken(:\n", "raises": "raise ValueError('broken edit')\n",
          "exits": "raise SystemExit(1)\n"}


@in_place
@pytest.mark.axes("mpm", "python", "interpreter")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_edit_keeps_the_old_code(httpd, script, variant, kind):
    if not variant.one_process:
        pytest.skip("a process that never loaded the good code has none to keep")
    name = f"keep-{kind}"
    script(name, "good")
    assert everywhere(httpd, name) == {b"good"}
    script(name, code=BROKEN[kind])
    for _ in range(5):
        assert (ask(httpd, name).status, ask(httpd, name).body) == (200, b"good")
    records = httpd.expect_log("BRINE030[62]")
    assert name in "".join(record.text for record in records)
    assert len(httpd.log.texts("BRINE0306: ")) == 1, "once for a change"
    script(name, code=BROKEN[kind] + "# still broken\n")
    assert ask(httpd, name).body == b"good"
    httpd.expect_log("BRINE0306: ", count=2)
    script(name, "mended")
    assert everywhere(httpd, name) == {b"mended"}


@in_place
def test_a_broken_edit_is_half_executed_for_nobody(httpd, script, variant):
    if not variant.one_process:
        pytest.skip("a process that never loaded the good code has none to keep")
    script("half", "good")
    assert ask(httpd, "half").body == b"good"
    script("half", code="TEXT = 'half made'\n" + SAYS.format(text="half made") + "\n1 / 0\n")
    assert ask(httpd, "half").body == b"good"
    httpd.expect_log("BRINE0306")


def test_an_edit_without_the_callable(httpd, script):
    script("nocall", "good")
    assert ask(httpd, "nocall").body == b"good"
    script("nocall", code="x = 1\n")
    assert ask(httpd, "nocall").status in (200, 404)
    httpd.expect_log("BRINE030[46]")
    httpd.allow_log("BRINE06(14|17)")  # a new process that does not take over
    script("nocall", "again")
    assert ask(httpd, "nocall").body == b"again"


def test_a_script_that_is_removed(httpd, script):
    path = script("removed", "here")
    assert ask(httpd, "removed").body == b"here"
    path.unlink()
    assert ask(httpd, "removed").status == 404
    httpd.expect_log("BRINE0102")
    script("removed", "back")
    assert ask(httpd, "removed").body == b"back"


@pytest.mark.axes("mpm", "python", "interpreter")
def test_a_request_in_flight_finishes_on_the_old_code(httpd, script, variant):
    if not variant.one_process:
        pytest.skip("the gate lives in one process")
    gate = httpd.folder / "writable" / "gate"
    gate.unlink(missing_ok=True)
    slow = f"""
import os, time

def helper():
    return TEXT

def application(environ, start_response):
    start_response("200 OK", [])
    yield b"started "
    while not os.path.exists({str(gate)!r}):
        time.sleep(0.005)
    yield helper().encode()
"""
    script("flight", code="TEXT = 'old'\n" + slow)
    with httpd.raw() as raw:
        raw.send(b"GET /s/flight.wsgi HTTP/1.0\r\n\r\n")
        raw.read_until(b"started ")
        script("flight", "new")
        assert ask(httpd, "flight").body == b"new"
        gate.write_text("")
        assert raw.read_to_end() == b"old"


def test_reload_required(httpd, script, variant):
    if not variant.one_process:
        pytest.skip("the answers are counted in one process")
    flag = httpd.folder / "writable" / "wanted"
    code = f"""
import os, time
LOADED = time.monotonic_ns()

def reload_required(path):
    assert os.path.isabs(path) and path.endswith("required.wsgi"), path
    if os.path.exists({str(flag)!r}):
        os.unlink({str(flag)!r})
        return True
    return False

def application(environ, start_response):
    start_response("200 OK", [])
    return [str(LOADED).encode()]
"""
    flag.unlink(missing_ok=True)
    script("required", code=code)
    first = ask(httpd, "required").body
    assert ask(httpd, "required").body == first
    flag.write_text("")
    until(lambda: ask(httpd, "required").body != first, "it is reloaded")
    second = ask(httpd, "required").body
    assert ask(httpd, "required").body == second


def test_reload_required_that_raises_counts_as_no(httpd, script):
    script("raising", code="def reload_required(path):\n    raise ValueError('not today')\n" +
           SAYS.format(text="served"))
    def asked():
        assert everywhere(httpd, "raising") == {b"served"}
        return httpd.log.texts("BRINE0308")
    until(asked, "it is asked")
    httpd.expect_log("BRINE0308")


@in_place
def test_what_keeps_a_generation_alive_is_named(httpd, script, variant):
    if not variant.one_process:
        pytest.skip("generations are counted in one process")
    if variant.python == "3.13t":
        pytest.skip("this Python keeps the code of all generations")
    keeper = """
import builtins

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%d"]

builtins.kept = getattr(builtins, "kept", []) + [application]
"""
    for number in range(12):
        script("kept", code=keeper % number)
        assert ask(httpd, "kept").body == b"%d" % number
    records = httpd.expect_log("BRINE0307")
    assert "kept.wsgi" in "".join(record.text for record in records)


# --- servers of their own ------------------------------------------------------------------------


@in_place
def test_keep_and_fail_and_off(start_httpd):
    server = start_httpd("""
WSGIScriptAlias /fail {dir}/scripts/fail.wsgi
WSGIScriptAlias /off {dir}/scripts/off.wsgi
<Location /fail>
  WSGIReloadFailure Fail
</Location>
<Location /off>
  WSGIScriptReloading Off
</Location>
""")
    for name in ("fail", "off"):
        server.write(f"scripts/{name}.wsgi", SAYS.format(text="good"))
        assert server.get(f"/{name}").body == b"good"
    everyone = [server.get("/off").body for _ in range(20)]
    assert set(everyone) == {b"good"}
    server.write("scripts/fail.wsgi", "1 / 0\n")
    server.write("scripts/off.wsgi", SAYS.format(text="new"))
    assert [server.get("/fail").status for _ in range(3)] == [500] * 3
    server.expect_log("BRINE030[16]")
    assert b"good" in {server.get("/off").body for _ in range(5)}
    server.write("scripts/fail.wsgi", SAYS.format(text="mended"))
    assert server.get("/fail").body == b"mended"


def test_a_slow_load_makes_requests_wait_for_the_new_code(httpd, script):
    script("slow", "old")
    assert ask(httpd, "slow").body == b"old"
    script("slow", code="import time\ntime.sleep(0.3)\n" + SAYS.format(text="new"))
    with ThreadPoolExecutor(6) as pool:
        bodies = list(pool.map(lambda _: ask(httpd, "slow").body, range(6)))
    assert b"new" in bodies and set(bodies) <= {b"old", b"new"}
    until(lambda: ask(httpd, "slow").body == b"new", "the new code")
