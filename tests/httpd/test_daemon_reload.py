"""A changed script of a daemon group: a new process takes over, or the old code goes on."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import daemons, groups, processes
from harness.deadline import SCALE, in_time, until
from harness.load import Load

pytestmark = pytest.mark.modes("groups")

CONFIG = """
WSGIDaemonProcess site threads=4 %s
WSGIScriptAlias /s {dir}/scripts process-group=site application-group=%%{GLOBAL}
"""
SAYS = """
import os, threading
TEXT = {text!r}

def application(environ, start_response):
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    return [TEXT.encode()]
"""
BROKEN = "def broken(:\n"
MEETS = """
def application(environ, start_response):
    open(os.path.join(FOLDER, environ["HTTP_HOST"]), "w").close()
    deadline = time.monotonic() + 10
    while len([name for name in os.listdir(FOLDER) if name.endswith(".example")]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    start_response("200 OK", [])
    return [b"old"]
"""


def script(server, name, text=None, code=None):
    return server.write(f"scripts/{name}.wsgi", code or SAYS.format(text=text))


def ask(server, name):
    return server.get(f"/s/{name}.wsgi")


def versions(load):
    return [int(body) for body in load.bodies]


@pytest.mark.parametrize("setting", ["On", "Rolling"])
def test_edits_under_load(start_httpd, setting):
    server = start_httpd(f"WSGIScriptReloading {setting}\n" + CONFIG % "processes=2")
    script(server, "app", "0")
    ask(server, "app")
    number, written = 0, [(0, 0)]
    with Load(server, "/s/app.wsgi") as load:
        for number in load.paced(20 * SCALE, 0.5):
            script(server, "app", str(number + 1))
            written.append((time.monotonic(), number + 1))
            if number >= 7 and len(set(versions(load))) >= 4:  # a process may need as long as several edits to start
                break
        until(lambda: ask(server, "app").text == str(number + 1), "the newest code")
        load.go_on()
    load.nothing_lost()
    assert len(set(versions(load))) >= 4
    if setting == "On":
        old = [answer for answer in load.answers
               if int(answer.body) < max(n for at, n in written if at < answer.began)]
        assert not old, f"{len(old)} of {len(load.answers)} by old code: {old[:3]}"
    # Processes that started at the same time may have read one edit or the other: the last one wins.
    until(lambda: {ask(server, "app").text for _ in range(10)} == {str(number + 1)},
          "all processes have the last edit")


def test_a_request_in_progress_survives_an_edit(start_httpd):
    server = start_httpd(CONFIG % "")
    code = (server.folder.parent / "apps/pid.wsgi").read_text()
    script(server, "app", code=code)
    held = daemons.Held(server, "/s/app.wsgi")
    old = held.pid()
    script(server, "app", code=code + "# changed")
    assert int(ask(server, "app").text) != old
    answer = held.release()
    assert (answer.status, answer.text) == (200, str(old))


def test_off_means_no_reload(start_httpd):
    server = start_httpd("WSGIScriptReloading Off\n" + CONFIG % "")
    script(server, "app", "old")
    first = ask(server, "app")
    script(server, "app", "new")
    for _ in range(5):
        answer = ask(server, "app")
        assert (answer.text, answer.header("X-Pid")) == ("old", first.header("X-Pid"))


def test_the_new_process_imports_everything_anew(start_httpd):
    server = start_httpd(CONFIG % "python-path={dir}/scripts")
    server.write("scripts/helping_module.py", "WORD = 'old'\n")
    code = SAYS.format(text="x").replace("TEXT.encode()", "helping_module.WORD.encode()")
    script(server, "app", code="import helping_module\n" + code)
    assert ask(server, "app").text == "old"
    server.write("scripts/helping_module.py", "WORD = 'newer'\n")
    script(server, "app", code="import helping_module  # touched\n" + code)
    assert ask(server, "app").text == "newer"


def test_a_broken_edit_keeps_the_old_code_until_it_is_mended(start_httpd):
    server = start_httpd(CONFIG % "processes=2")
    script(server, "app", "good")
    ask(server, "app")
    server.expect_log("loaded WSGI script", count=2)  # the other process loads it too
    mark, began = server.log.mark(), time.monotonic()
    with Load(server, "/s/app.wsgi") as load:
        load.go_on()
        script(server, "app", code=BROKEN)
        server.expect_log("BRINE0617")
        load.go_on()
    load.nothing_lost()
    assert set(load.bodies) == {b"good"}
    server.expect_log("BRINE0301")
    server.expect_log("BRINE0614")
    told = [record.level for record in server.log.records(mark) if record.text.startswith("BRINE0301:")]
    assert told.count("error") == 1 and set(told) <= {"error", "info"}, "once for a change, however often it is tried"
    daemons.assert_no_loop(len(daemons.starts(server, mark)), time.monotonic() - began)
    script(server, "app", "mended")
    assert ask(server, "app").text == "mended"


def test_a_broken_edit_with_fail_answers_500(start_httpd):
    server = start_httpd("WSGIReloadFailure Fail\n" + CONFIG % "")
    script(server, "app", "good")
    assert ask(server, "app").text == "good"
    script(server, "app", code=BROKEN)
    assert ask(server, "app").status == 500
    server.expect_log("BRINE0301")
    server.expect_log("BRINE0614")
    script(server, "app", "mended")
    assert ask(server, "app").text == "mended"


def test_a_script_that_is_broken_from_the_start(start_httpd):
    server = start_httpd(CONFIG % "")
    script(server, "app", code=BROKEN)
    mark = server.log.mark()
    assert ask(server, "app").status == 500
    server.expect_log("BRINE0301")
    server.allow_log("BRINE06(14|17)")
    script(server, "app", "mended")
    assert ask(server, "app").text == "mended"
    assert len(daemons.starts(server, mark)) <= 2


def test_one_broken_script_does_not_keep_others_from_being_reloaded(start_httpd):
    server = start_httpd(CONFIG % "")
    for name in ("broken", "other"):
        script(server, name, "good")
        assert ask(server, name).text == "good"
    script(server, "broken", code=BROKEN)
    assert ask(server, "broken").text == "good"
    server.expect_log("BRINE0617")
    server.expect_log("BRINE0301")
    server.expect_log("BRINE0614")
    server.allow_log("BRINE0")  # it is tried again; then its last good code is kept beside the new processes
    for text in ("second", "third"):
        script(server, "other", text)
        until(lambda: ask(server, "other").text == text, "the new code of the other one")  # noqa: B023
    assert ask(server, "broken").text == "good"
    script(server, "broken", "mended")
    until(lambda: ask(server, "broken").text == "mended", "the mended code")
    assert ask(server, "other").text == "third"


def test_a_script_that_was_removed_does_not_stop_the_others(start_httpd):
    server = start_httpd(CONFIG % "")
    for name in ("removed", "other"):
        script(server, name, "good")
        assert ask(server, name).text == "good"
    (server.folder / "scripts" / "removed.wsgi").unlink()
    script(server, "other", "new")
    assert ask(server, "other").text == "new"


def test_the_new_process_has_loaded_what_the_old_one_had(start_httpd):
    server = start_httpd(CONFIG % "processes=2")
    for name in ("one", "two"):
        script(server, name, "old")
        ask(server, name)
        server.expect_log(rf"loaded WSGI script .*/{name}\.wsgi", count=2)  # so the supervisor has heard of it
    mark = server.log.mark()
    script(server, "one", "new")
    first = ask(server, "one").header("X-Pid")  # it goes ahead
    loaded = [re.search(r"/(\w+)\.wsgi.* \(process (\d+)\)$", record.line)
              for record in server.log.expect("loaded WSGI script", count=2, since=mark)]
    assert sorted(match[1] for match in loaded if match[2] == first) == ["one", "two"]


def broken(server, starts):
    """Breaks the script while it is served; waits until so many processes have tried to load it."""
    script(server, "app", "good")
    ask(server, "app")
    server.expect_log("loaded WSGI script", count=2)
    mark = server.log.mark()
    script(server, "app", code=BROKEN)
    assert ask(server, "app").text == "good"
    server.expect_log("BRINE0617")
    server.expect_log("BRINE0301")
    server.allow_log("BRINE06(14|17)")
    until(lambda: len(daemons.starts(server, mark)) >= starts, f"{starts} have tried it", 20)


def test_a_crash_while_the_script_is_broken_starts_no_loop(start_httpd):
    server = start_httpd(CONFIG % "processes=2")
    broken(server, 1)
    mark, killed_at = server.log.mark(), time.monotonic()
    os.kill(int(ask(server, "app").header("X-Pid")), signal.SIGKILL)
    server.expect_log("BRINE0610")
    with Load(server, "/s/app.wsgi") as load:
        until(lambda: len(daemons.starts(server, mark)) >= 3, "it is tried again and again", 20)
    assert time.monotonic() - killed_at > 1.5, "one at once, then after a second, then after two"
    load.nothing_lost()
    assert set(load.bodies) == {b"good"}
    script(server, "app", "mended")
    until(lambda: ask(server, "app").text == "mended", "the mended code")
    until(lambda: len(daemons.workers(server)) == 2, "both processes", 20)


def test_a_script_that_never_loads_costs_the_others_nothing(start_httpd):
    server = start_httpd(CONFIG % "processes=2")
    script(server, "good", "good")
    script(server, "bad", code=BROKEN)
    assert ask(server, "good").text == "good"
    until(lambda: len(daemons.starts(server)) == 2, "both processes")
    mark = server.log.mark()
    with Load(server, "/s/good.wsgi", clients=2) as load:
        for _ in load.paced(12, 0.25):
            assert ask(server, "bad").status == 500
    load.nothing_lost()
    server.allow_log("BRINE0301|SyntaxError|def broken|bad.wsgi|\\^")
    assert daemons.starts(server, mark) == []
    script(server, "bad", "mended")
    assert ask(server, "bad").text == "mended"
    assert daemons.starts(server, mark) == []


ENDS = {"by itself": "import os\nos._exit(3)\n", "by a crash": "import os\nos.abort()\n"}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_code_that_ends_its_process_is_not_waited_for(start_httpd, code):
    server = start_httpd(CONFIG % "processes=2")
    script(server, "app", "good")
    assert ask(server, "app").text == "good"
    server.expect_log("loaded WSGI script", count=2)
    pids = set(map(str, daemons.workers(server)))
    script(server, "app", code=code)
    began = time.monotonic()
    with Load(server, "/s/app.wsgi", clients=4) as load:
        server.expect_log("BRINE0617")
        load.go_on(20)
        server.expect_log("BRINE0610", count=2)
    load.nothing_lost()
    assert set(load.bodies) == {b"good"}
    in_time(time.monotonic() - began, 15, "nobody waits for connect-timeout")
    server.allow_log("BRINE06(10|17)")
    script(server, "app", "mended")
    until(lambda: ask(server, "app").text == "mended", "the mended code")
    assert ask(server, "app").header("X-Pid") not in pids


def two_processes(start_httpd, options="", setting="On"):
    """A server whose two processes have loaded the script."""
    server = start_httpd(groups.CONFIG + f"WSGIScriptReloading {setting}\n" + CONFIG % f"processes=2 {options}")
    group = groups.Group(server)
    until(lambda: len(group.pids()) == 2, "both are ready")
    script(server, "app", "good")
    assert ask(server, "app").status == 200
    server.expect_log("loaded WSGI script", count=2)
    return server


def all_answer(server, text):
    """Waits until no other answer comes, and no further process is there."""
    def asked():
        return {ask(server, "app").text for _ in range(10)} == {text} and len(daemons.workers(server)) == 2
    until(asked, f"all answer {text!r}", 15)


def test_code_that_hangs_once(start_httpd):
    server = two_processes(start_httpd, f"startup-timeout={SCALE}s connect-timeout={3 * SCALE}s")
    flag = server.folder / "writable" / "hung"
    script(server, "app", code=f"import os, time\nif not os.path.exists({str(flag)!r}):\n"
                               f"    open({str(flag)!r}, 'w').close()\n    time.sleep(100)\n" + SAYS.format(text="new"))
    assert ask(server, "app").text == "good"
    server.expect_log("BRINE0617")
    server.expect_log("BRINE0610.*startup-timeout")
    server.allow_log(r"BRINE0610\|")
    all_answer(server, "new")


def hanging(start_httpd):
    """A server whose new code nobody waits for any longer, and the process that hangs in it."""
    server = two_processes(start_httpd, f"connect-timeout={SCALE}s")
    mark = server.log.mark()
    script(server, "app", code="import time\ntime.sleep(1000)\n" + SAYS.format(text="new"))
    assert ask(server, "app").text == "good"
    server.expect_log("BRINE0627")
    hung, = daemons.starts(server, mark)
    return server, hung


def test_code_that_hangs_for_ever(start_httpd):
    """Without startup-timeout: requests wait for it once, and mending the script is enough."""
    server, hung = hanging(start_httpd)
    began = time.monotonic()
    assert {ask(server, "app").text for _ in range(20)} == {"good"}
    in_time(time.monotonic() - began, 10, "not each of them waits for connect-timeout")
    script(server, "app", "mended")
    until(lambda: ask(server, "app").text == "mended", "the mended code")
    all_answer(server, "mended")
    server.expect_log(f"BRINE0610: process {hung} .* reason: reload")
    server.expect_log(r'BRINE0610\| .*app.wsgi", line 2 in <module>')
    server.allow_log(r"BRINE0610\|")


def test_code_that_hangs_from_the_start(start_httpd, workspace):
    """Nobody serves who could notice that it is mended: the supervisor does."""
    folder = workspace.new_folder()
    hangs = folder / "writable" / "hangs"
    server = start_httpd("WSGIDaemonProcess site connect-timeout=500ms\n"
                         "WSGIScriptAlias /s {dir}/app.wsgi process-group=site application-group=%{GLOBAL}\n", folder=folder,
                         files={"app.wsgi": f"import time\nopen({str(hangs)!r}, 'w').close()\ntime.sleep(1000)\n"})
    assert server.get("/s").status == 503
    until(hangs.exists, "it hangs in the first code")
    server.write("app.wsgi", SAYS.format(text="mended"))
    answer = until(lambda: (got := server.get("/s")).status == 200 and got, "the mended code")
    assert answer.text == "mended"
    server.expect_log("BRINE0610: .* reason: reload")
    server.allow_log(r"BRINE0601|BRINE0610\|")


def test_code_that_hangs_and_is_killed(start_httpd):
    """By somebody who saw that TERM does not help; or by the kernel."""
    server, hung = hanging(start_httpd)
    os.kill(hung, signal.SIGKILL)
    server.expect_log(f"BRINE0610: process {hung} ")
    server.allow_log("BRINE06(10|17|27)")
    assert ask(server, "app").text == "good"
    script(server, "app", "mended")
    until(lambda: ask(server, "app").text == "mended", "the mended code")
    all_answer(server, "mended")


def test_a_slow_start_is_left_alone_when_others_learn_a_script(start_httpd):
    """A process that starts without having heard of it is none that loads an old one."""
    server = start_httpd(CONFIG % f"processes=2 connect-timeout={SCALE}s")
    gate = server.folder / "writable" / "gate"
    waits = f"import os, time\nwhile os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
    script(server, "app", code=waits + SAYS.format(text="app"))
    script(server, "other", "other")
    old = int(ask(server, "app").header("X-Pid"))
    server.expect_log("loaded WSGI script", count=2)
    gate.touch()
    mark = server.log.mark()
    os.kill(old, signal.SIGUSR1)
    slow, = until(lambda: daemons.starts(server, mark), "its successor starts")
    with Load(server, "/s/app.wsgi", clients=1) as load:
        for _ in load.paced(4 * (SCALE + 2), 0.25):  # until it counts as slow
            pass
        assert ask(server, "other").text == "other"
        for _ in load.paced(8, 0.25):  # the supervisor looks every second
            pass
    gate.unlink()
    load.nothing_lost()
    until(lambda: old not in daemons.workers(server), "it has become ready, and the old one has gone")
    assert slow in daemons.workers(server)
    assert daemons.starts(server, mark) == [slow]


@pytest.mark.parametrize("setting", ["On", "Rolling"])
def test_code_that_takes_long_to_load(start_httpd, setting):
    """Longer than requests wait for it: they have the old code until then, and all get the new."""
    server = two_processes(start_httpd, f"connect-timeout={SCALE}s", setting)
    script(server, "app", code=f"import time\ntime.sleep({4 * SCALE})\n" + SAYS.format(text="new"))
    assert ask(server, "app").text == "good"
    server.expect_log("BRINE0627")
    all_answer(server, "new")


def test_new_code_while_all_old_processes_are_still_busy(start_httpd):
    """There is no place for a further process: the newest that runs answers, and a line says so."""
    server = start_httpd(CONFIG % f"graceful-timeout=0 connect-timeout={SCALE}s")
    code = (server.folder.parent / "apps/pid.wsgi").read_text()
    held = []
    server.allow_log("BRINE06(01|27)")  # a process may take longer to start than connect-timeout
    for version in range(3):
        script(server, "app", code=code + f"# {version}")
        busy = [str(one.pid()) for one in held]
        until(lambda: (answer := ask(server, "app")).status == 200 and answer.text not in busy, "a new process")  # noqa: B023
        held.append(daemons.Held(server, "/s/app.wsgi", f"release{version}"))
        held[-1].pid()
    newest = held[-1].pid()
    script(server, "app", "new")
    assert int(ask(server, "app").text) == newest
    server.expect_log("a new process of daemon group 'site' has to wait: 2 old ones")
    began = time.monotonic()
    assert {int(ask(server, "app").text) for _ in range(20)} == {newest}
    in_time(time.monotonic() - began, 10, "not each of them waits for connect-timeout")
    assert [one.release().status for one in held] == [200, 200, 200]
    until(lambda: ask(server, "app").text == "new", "the new code")


def test_reload_required_that_always_says_yes(start_httpd):
    """Each request is served, and a process lives for two seconds at least."""
    server = start_httpd(CONFIG % "")
    script(server, "app", code="import time\nLOADED = time.monotonic()\n"
                               "def reload_required(path):\n    return True\n" +
                               SAYS.format(text="x").replace("TEXT.encode()", "str(LOADED).encode()"))
    with Load(server, "/s/app.wsgi", clients=2) as load:
        until(lambda: len(set(load.bodies)) >= 3, "it was loaded three times", 20)
    load.nothing_lost()
    loaded = sorted(float(body) for body in set(load.bodies))
    assert min(later - earlier for earlier, later in zip(loaded, loaded[1:])) > 2


def test_more_interpreters_than_a_process_may_have(start_httpd):
    """Two processes have learnt different ones: their successors do not fail for that."""
    server = start_httpd("WSGIInterpreterLimit 1\nWSGIApplicationGroup %{HOST}\n"
                         "WSGIDaemonProcess site processes=2 threads=1\n"
                         "WSGIScriptAlias /s {dir}/scripts process-group=site\n")
    script(server, "app", code=f"import os, time\nFOLDER = {str(server.folder / 'writable')!r}\n" + MEETS)
    with ThreadPoolExecutor(2) as pool:  # each occupies its process until the other has begun
        both = list(pool.map(lambda host: server.get("/s/app.wsgi", Host=host), ["a.example", "b.example"]))
    assert [answer.status for answer in both] == [200, 200]
    server.allow_log("BRINE0201")
    script(server, "app", "new")
    def new():
        answers = [server.get("/s/app.wsgi", Host=host) for host in ["a.example", "b.example"] * 4]
        return {answer.text for answer in answers if answer.status == 200} == {"new"}
    until(new, "the new code", 15)
    assert not server.log.texts("BRINE0617")


def test_what_is_mended_while_it_is_tried(start_httpd):
    server = two_processes(start_httpd, f"connect-timeout={SCALE}s")
    held = server.folder / "writable" / "held"
    held.touch()
    mark = server.log.mark()
    script(server, "app", code=f"import os, time\nwhile os.path.exists({str(held)!r}):\n    time.sleep(0.02)\nos._exit(3)\n")
    assert ask(server, "app").text == "good"
    until(lambda: daemons.starts(server, mark), "it is being tried")
    script(server, "app", "mended")
    held.unlink()
    server.expect_log("BRINE0610: ")
    server.allow_log("BRINE06(10|17|27)")
    until(lambda: ask(server, "app").text == "mended", "the mended code", 4)
    all_answer(server, "mended")


def test_the_supervisor_dies_while_new_code_fails(start_httpd):
    daemons.adopt_orphans()
    server = two_processes(start_httpd)
    script(server, "app", code=ENDS["by itself"])
    assert ask(server, "app").text == "good"
    server.expect_log("BRINE0617")
    server.allow_log("BRINE06(10|17|20)")
    supervisor, = daemons.supervisors(server)
    orphans = daemons.workers(server)
    os.kill(supervisor, signal.SIGKILL)
    server.expect_log("BRINE0620")
    script(server, "app", "mended")
    until(lambda: ask(server, "app").text == "mended", "the mended code", 15)
    until(lambda: daemons.reap(server) or not set(orphans) & set(processes.in_session(server.pid)), "the old ones end")
    until(lambda: len(daemons.workers(server)) == 2, "both processes")


def test_a_group_that_could_not_start_starts_when_it_is_mended(start_httpd):
    """However long the time has become after which it is tried again."""
    server = start_httpd("WSGIDaemonProcess site threads=4\n"
                         "WSGIScriptAlias /s {dir}/app.wsgi process-group=site application-group=%{GLOBAL}\n",
                         files={"app.wsgi": ENDS["by itself"]})
    server.expect_log("BRINE0610", count=5, seconds=20)
    began = time.monotonic()
    server.write("app.wsgi", SAYS.format(text="mended"))
    assert server.get("/s").text == "mended"
    in_time(time.monotonic() - began, 5, "the start, as the next attempt was eight seconds away")


def test_what_is_mended_is_not_kept_waiting(start_httpd):
    """However long the time has become after which a broken script is tried again."""
    server = start_httpd(CONFIG % f"processes=2 connect-timeout={2 * SCALE}s")
    broken(server, 4)  # the next time is four seconds away
    script(server, "app", "mended")
    assert ask(server, "app").text == "mended"
