"""preload=On: a group's processes are forked from a template that has loaded the scripts."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from harness import daemons, groups
from harness.deadline import SCALE, until
from harness.groups import ask
from harness.load import Load

from test_event_log import events

pytestmark = [pytest.mark.modes("groups"), pytest.mark.axes("python")]

APP = """
import gc, json, os, random, sys, threading, time
from urllib.parse import parse_qs

{start}
LOADED_BY = os.getpid()
FORKED = []
os.register_at_fork(after_in_child=lambda: FORKED.append(os.getpid()))


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    if hold := query.get("hold"):
        with open(hold[0] + ".held", "w") as file:
            file.write(str(os.getpid()))
        while not os.path.exists(hold[0]):
            time.sleep(0.01)
    if "crash" in query:
        os.abort()
    facts = dict(pid=os.getpid(), loaded_by=LOADED_BY, forked=FORKED, version={version!r}, random=random.random(),
                 frozen=gc.get_freeze_count(), parent=os.getppid(), uid=os.getuid(), folder=os.getcwd(),
                 main_thread=threading.main_thread().name, threads=threading.active_count())
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
"""


def app(version=1, start=""):
    return APP.format(version=version, start=start)


@pytest.fixture
def site(start_httpd, workspace):
    """`site("processes=2")`: (server, its group, the script). Each process that has started is told of to its end."""
    servers = []

    def start(options="processes=2", text=app(), group="%{GLOBAL}", more=""):
        more += "WSGIEventLog {dir}/events.log\n"
        server, *rest = groups.serving(start_httpd, workspace, f"preload=On {options}", text, group, more)
        servers.append(server)
        return server, *rest
    yield start
    for server in servers:
        server.stop()
        for pid, life in lives(server).items():
            kinds = [event["event"] for event in life]
            assert (kinds[0], kinds[-1], kinds.count("start"), kinds.count("end")) == ("start", "end", 1, 1), (pid, life)


def lives(server):
    """{pid: its events} of all processes, templates as well."""
    found = {}
    for event in events(server):
        found.setdefault(event["pid"], []).append(event)
    return found


def end_of(server, pid):
    """(how, reason) of the end of a process, when it is told of."""
    event = until(lambda: next(iter(events(server, event="end", pid=pid)), None), f"{pid} has ended")
    return event["how"], event.get("reason")


def all_ready(group, count, without=frozenset(), seconds=10):
    return until(lambda: len(pids := group.pids() - without) == count and pids, f"{count} processes are ready", seconds)


def each_process(server, count):
    """{pid: what the process with threads=1 answers}."""
    held = [daemons.Held(server, name=f"release-{number}") for number in range(count)]
    pids = {one.pid() for one in held}
    answers = [json.loads(one.release().text) for one in held]
    assert {answer["pid"] for answer in answers} == pids and len(pids) == count
    return {answer["pid"]: answer for answer in answers}


def templates(server):
    """Pids of the templates that were started."""
    return [int(text.split()[3]) for text in server.log.texts("started template process", 0)]


def replace(group, pid, seconds=10):
    os.kill(pid, signal.SIGTERM)
    return until(lambda: (pids := group.pids()) and pid not in pids and pids, "another process is ready", seconds)


def test_processes_share_what_a_template_has_loaded(site):
    server, group, _ = site("processes=3 threads=1")
    pids = all_ready(group, 3)
    answers = each_process(server, 3)
    assert set(answers) == pids
    template, = templates(server)
    for pid, answer in answers.items():
        assert answer["loaded_by"] == template and template != pid
        assert answer["forked"] == [pid], "functions of os.register_at_fork() have run, once"
        assert answer["frozen"] > 1000
        assert answer["parent"] in daemons.supervisors(server)
        assert answer["main_thread"] == "MainThread"
    assert len({answer["random"] for answer in answers.values()}) == 3, "random is seeded anew"


def test_ps_tells_a_template_from_processes(site):
    server, group, _ = site("processes=1 display-name=%{GROUP}")
    pid, = all_ready(group, 1)
    title = {each: Path(f"/proc/{each}/cmdline").read_bytes().rstrip(b"\0") for each in (pid, *templates(server))}
    assert list(title.values()) == [b"(wsgi:site)", b"(wsgi:site) template"]


def test_a_successor_imports_nothing(site):
    server, group, _ = site("processes=1")
    first, = all_ready(group, 1)
    second, = replace(group, first)
    assert ask(server)["pid"] == second
    third, = replace(group, second)
    answer = ask(server)
    assert (answer["pid"], [answer["loaded_by"]]) == (third, templates(server))
    ends = until(lambda: len(ends := daemons.obituaries(server, 0)) == 2 and ends, "both have ended")
    assert {end["why"] for end in ends} == {"reason: shutdown"}


def test_an_eviction_loads_everything_anew(site):
    """Whoever asks for fresh processes may have installed another version of a module."""
    server, group, _ = site("processes=2 threads=1")
    old = all_ready(group, 2)
    for pid in old:
        os.kill(pid, signal.SIGUSR1)
    all_ready(group, 2, old)
    first, *later = templates(server)
    answers = each_process(server, 2)
    assert {answer["loaded_by"] for answer in answers.values()} <= set(later) and first not in later
    ends = until(lambda: len(ends := daemons.obituaries(server, 0)) == 2 and ends, "both have ended")
    assert {end["why"] for end in ends} == {"reason: eviction"}


def test_a_crash_is_reported_with_its_stack(site):
    server, group, _ = site("processes=1")
    pid, = all_ready(group, 1)
    assert server.get("/app?crash=yes").status == 502
    server.expect_log("BRINE0603")
    record, = server.expect_log(f"BRINE0610: process {pid} ")
    assert "killed by SIGABRT" in record.text
    server.expect_log(r"BRINE0610\|.*in application")  # its stack
    server.allow_log(r"BRINE0610\|")
    answer = ask(server)
    assert answer["pid"] != pid and [answer["loaded_by"]] == templates(server)


@pytest.mark.parametrize("reloading", ["On", "Rolling"])
def test_changed_code_has_a_template_of_its_own(site, reloading):
    server, group, script = site("processes=2", more=f"WSGIScriptReloading {reloading}\n")
    old = all_ready(group, 2)
    with Load(server, "/app", clients=4) as load:
        load.go_on(10)
        server.write(script, app(version=2))
        until(lambda: ask(server)["version"] == 2, "the new code")
        load.go_on(10)
    load.nothing_lost()
    all_ready(group, 2, old)
    first, second = templates(server)
    assert ask(server)["loaded_by"] == second
    assert end_of(server, first) == ("killed by SIGKILL", "reload")


def test_broken_code_is_told_of_as_without_preload(site):
    server, group, script = site("processes=2")
    all_ready(group, 2)
    server.write(script, "raise RuntimeError('not today')\n")
    until(lambda: ask(server)["version"] == 1 and server.log.texts("BRINE0301", 0), "the old code goes on")
    server.allow_log("BRINE0301|BRINE0614|BRINE0617")
    server.write(script, app(version=3))
    answer = until(lambda: (got := ask(server))["version"] == 3 and got, "the mended code")
    assert answer["loaded_by"] == templates(server)[-1]


def test_a_script_that_never_loads(site):
    server, _, script = site("processes=1", text="raise RuntimeError('not today')\n")
    assert server.get("/app").status == 500
    server.allow_log("BRINE0301|BRINE0614")
    server.write(script, app())
    answer = until(lambda: (got := server.get("/app")).status == 200 and got, "it is mended")
    assert json.loads(answer.text)["version"] == 1


def test_a_template_with_threads_is_not_forked(site):
    server, group, _ = site("processes=2", text=app(start="""
def tick():
    while True:
        time.sleep(3600)

threading.Thread(target=tick, name="ticker", daemon=True).start()
"""))
    pids = all_ready(group, 2)
    record, = server.expect_log("BRINE0646:")
    assert "'ticker'" in record.text
    server.expect_log(r"BRINE0646\|.*in tick")  # its stack
    server.allow_log(r"BRINE0646\|")
    answer = ask(server)
    assert answer["pid"] == answer["loaded_by"] and answer["pid"] in pids
    pid, = {answer["pid"]}
    until(lambda: pid not in replace(group, pid), "as before")
    assert end_of(server, templates(server)[0])[1] == "cannot be forked"


NATIVE = """
import ctypes
libc = ctypes.CDLL(None)
native = ctypes.c_ulong()


def start_thread():
    libc.pthread_create(ctypes.byref(native), None, libc.pause, None)
    libc.pthread_setname_np(native, b"counter")


def end_thread():
    libc.pthread_cancel(native)
    libc.pthread_join(native, None)


"""


def test_a_thread_that_is_not_pythons_is_named(site):
    """An extension's, of which Python knows nothing: a forked process would not have it."""
    server, group, _ = site("processes=2", text=app(start=NATIVE + "start_thread()"))
    pids = all_ready(group, 2)
    text = server.expect_log("BRINE0646:")[0].text
    template, = templates(server)
    assert f"process {template}, cannot be forked" in text and re.search(r"lack: \d+ \('counter'\)", text), text
    answer = ask(server)
    assert answer["pid"] == answer["loaded_by"] and answer["pid"] in pids


def test_a_thread_that_its_library_ends_at_a_fork_is_in_nobodys_way(site):
    """As OpenBLAS does, by pthread_atfork()."""
    server, group, _ = site("processes=2", text=app(start=NATIVE + """
ENDED = []


@ctypes.CFUNCTYPE(None)
def before_fork():
    if not ENDED:
        end_thread()
    ENDED.append(1)


libc.__register_atfork(before_fork, None, None, None)
start_thread()
"""))
    all_ready(group, 2)
    assert [ask(server)["loaded_by"]] == templates(server)


def test_a_thread_that_a_hook_starts_is_seen_at_the_next_fork(site):
    server, group, _ = site("processes=1", text=app(start=NATIVE + "os.register_at_fork(after_in_parent=start_thread)"))
    pid, = all_ready(group, 1)
    template, = templates(server)
    assert ask(server)["loaded_by"] == template
    successor, = replace(group, pid)
    assert "'counter'" in server.expect_log("BRINE0646:")[0].text
    assert ask(server)["loaded_by"] == successor


def test_a_template_that_is_killed_is_made_anew(site):
    server, group, _ = site("processes=1")
    pid, = all_ready(group, 1)
    first, = templates(server)
    os.kill(first, signal.SIGKILL)
    record, = server.expect_log("BRINE0647:")
    assert f"process {first} " in record.text and "killed by SIGKILL" in record.text
    second = until(lambda: templates(server)[1:], "another template")[0]
    assert ask(server)["pid"] == pid, "processes go on"
    replace(group, pid)
    assert ask(server)["loaded_by"] == second


def test_a_template_that_is_killed_while_it_loads_is_made_anew(site, workspace):
    """It loads for no process, so that none tells of it. The first may be anybody's doing."""
    marks = workspace.new_folder() / "writable"
    server, group, _ = site("processes=1", text=app(start=f"""
if os.path.exists({str(marks / 'hang')!r}):
    os.rename({str(marks / 'hang')!r}, {str(marks / 'hangs')!r})
    time.sleep(3600)
"""))
    pid, = all_ready(group, 1)
    (marks / "hang").touch()
    (marks / "hang").chmod(0o666)
    os.kill(templates(server)[0], signal.SIGKILL)
    until((marks / "hangs").exists, "another template loads")
    os.kill(templates(server)[1], signal.SIGKILL)
    third = until(lambda: templates(server)[2:], "another template", 60)[0]
    assert ask(server)["pid"] == pid, "processes go on"
    replace(group, pid)
    assert ask(server)["loaded_by"] == third
    server.expect_log("BRINE0647: .*another is started.*SIGKILL", count=2)


def test_a_template_that_crashes_while_it_loads(site):
    server, group, script = site("processes=1", text="import os\nos.abort()\n")
    server.expect_log("BRINE0610: .*killed by SIGABRT", count=2)
    server.allow_log("BRINE0610")
    server.allow_log("BRINE060[0-9]")
    server.write(script, app())
    until(lambda: server.get("/app").status == 200, "it is mended", 60)
    server.allow_log("BRINE0610")


def test_a_template_that_hangs_while_it_loads(site):
    server, group, script = site("processes=1 startup-timeout=3s", text="import time\ntime.sleep(3600)\n")
    server.expect_log("BRINE0610: .*startup-timeout", seconds=30)
    server.expect_log(r"BRINE0610\|.*app\.wsgi")  # its stack
    server.allow_log("BRINE06")
    server.write(script, app())
    until(lambda: server.get("/app").status == 200, "it is mended", 60)


def test_a_template_is_aborted_once_for_all_that_wait(site, workspace):
    """One of them tells of it. Each would cut its stacks off by another signal, and delay the next start."""
    mark = workspace.new_folder() / "writable" / "mark"
    server, group, _ = site(f"processes=3 startup-timeout={3 * SCALE:g}s", text=app(start=f"""
if not os.path.exists({str(mark)!r}):
    open({str(mark)!r}, "w").close()
    time.sleep(3600)
"""))
    all_ready(group, 3, seconds=60)
    first, second = templates(server)
    record, = server.expect_log("BRINE0610:")
    assert f"process {first} " in record.text and "reason: startup-timeout" in record.text
    server.expect_log(r"BRINE0610\|.*app\.wsgi")  # its stack
    server.allow_log("BRINE0610")
    assert group.count("startup-timeout") == 1
    assert end_of(server, first) == ("killed by SIGABRT", "startup-timeout")
    assert [event["event"] for event in lives(server)[first]] == ["start", "retire", "end"]
    assert ask(server)["loaded_by"] == second


def test_a_template_tells_of_its_life(site):
    server, group, _ = site("processes=2 preload-idle=200ms")
    all_ready(group, 2)
    template, = templates(server)
    assert end_of(server, template) == ("killed by SIGKILL", "idle")
    told = lives(server)[template]
    assert [(event["event"], event.get("reason")) for event in told] == [
        ("start", "template"), ("ready", None), ("retire", "idle"), ("end", "idle")]
    assert told[-1]["peak_memory_bytes"] > 0 and told[-1]["age_seconds"] >= 0.2


def test_a_process_is_as_old_as_its_fork(site):
    """What its template took to import is no part of its start, in events and on the status page."""
    server, group, _ = site("processes=1", text=app(start="time.sleep(3)"))
    pid, = all_ready(group, 1)
    start, ready = lives(server)[pid]
    assert ready["age_seconds"] == pytest.approx(ready["time"] - start["time"], abs=2)


def test_a_restart_and_the_end_leave_nothing(site):
    server, group, _ = site("processes=2")
    old = all_ready(group, 2) | set(templates(server))
    server.reload()
    all_ready(group, 2, old)
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in old), "the old ones end")
    ask(server)
    assert server.stop() == []


def test_sub_interpreters_start_in_the_forked_process(site):
    server, group, _ = site("processes=1", group="shop")
    pid, = all_ready(group, 1)
    answer = ask(server)
    assert answer["pid"] == answer["loaded_by"] == pid
    assert templates(server)


def test_a_script_that_a_request_names_is_shared_from_then_on(start_httpd, workspace):
    script = workspace.new_folder() / "scripts" / "app.wsgi"
    script.write_text(app())
    server = start_httpd(groups.CONFIG + f"""
        WSGIDaemonProcess site processes=1 preload=On
        WSGIScriptAlias /app {script}
        WSGIProcessGroup site
        WSGIApplicationGroup %{{GLOBAL}}
        """)
    group = groups.Group(server)
    pid, = all_ready(group, 1)
    answer = ask(server)
    assert answer["loaded_by"] == pid
    second = until(lambda: templates(server)[1:], "a template that has loaded it")[0]
    until(lambda: not os.path.exists(f"/proc/{templates(server)[0]}"), "it takes the place of the first")
    replace(group, pid)
    assert ask(server)["loaded_by"] == second


def test_an_idle_template_is_dropped(site):
    server, group, _ = site("processes=1 preload-idle=200ms")
    pid, = all_ready(group, 1)
    first, = templates(server)
    until(lambda: not os.path.exists(f"/proc/{first}"), "the template ends")
    second, = replace(group, pid)
    assert ask(server)["loaded_by"] == templates(server)[1] != second


def test_events_tell_of_the_fork(site):
    server, group, _ = site("processes=1", text=app(start="""
import mod_wsgi
mod_wsgi.subscribe_events(lambda name, **event: name == "process_forked" and FORKED.append(name))
"""))
    all_ready(group, 1)
    answer = ask(server)
    assert answer["forked"] == [answer["pid"], "process_forked"]


def test_signals_stay_the_servers(site):
    """WSGIRestrictSignal: the forked process is the server's as the template was, also for hooks of the application's."""
    server, group, _ = site("processes=1", text=app(start="""
import signal

def take():
    FORKED.append(signal.signal(signal.SIGTERM, signal.SIG_IGN) is signal.SIG_IGN)

os.register_at_fork(after_in_child=take)
"""))
    pid, = all_ready(group, 1)
    server.expect_log("BRINE0204")
    assert ask(server)["forked"] == [True, pid]
    second, = replace(group, pid)
    assert ask(server)["pid"] == second


def test_nothing_is_noticed_with_reloading_off(site):
    server, group, script = site("processes=1", more="WSGIScriptReloading Off\n")
    pid, = all_ready(group, 1)
    server.write(script, app(version=2))
    replace(group, pid)
    assert ask(server)["version"] == 1
    assert len(templates(server)) == 1


def test_a_change_that_the_template_notices_is_a_reload_as_any(site):
    """No request has met it: the script is found changed when the next process is to be forked."""
    server, group, script = site("processes=1")
    pid, = all_ready(group, 1)
    server.write(script, app(version=2))
    replace(group, pid)
    assert ask(server)["version"] == 2
    assert [event["script"] for event in events(server, event="reload")] == [str(script)] and group.count("reloads") == 1


def test_a_script_that_changes_right_after_the_fork(site, workspace):
    """The new process has not yet looked at it. It has to come from a template, as any changed script."""
    mark = workspace.new_folder() / "writable" / "mark"
    server, group, script = site("processes=1", text=app(start=f"""
def wait():
    open({str(mark)!r}, "w").close()
    while os.path.exists({str(mark)!r}):
        time.sleep(0.01)

os.register_at_fork(after_in_child=wait)
"""))
    until(mark.exists, "the process is forked")
    server.write(script, app(version=2))
    mark.unlink()
    all_ready(group, 1)
    answer = ask(server)
    assert (answer["version"], answer["loaded_by"]) == (2, templates(server)[-1])


def test_limits_hold_in_forked_processes(site):
    server, group, _ = site("processes=1 threads=1 maximum-requests=2 graceful-timeout=1s")
    first, = all_ready(group, 1)
    ask(server)
    ask(server)
    all_ready(group, 1, {first})
    assert "reason: maximum-requests" in server.expect_log(f"BRINE0610: process {first} ")[0].text


def test_a_files_number_stays_the_applications(site):
    """What the application has opened when it is forked is there afterwards."""
    server, group, script = site("processes=1", text=app(start="""
FILES = [open(os.devnull) for _ in range(20)]
NUMBERS = [(file.fileno(), os.fstat(file.fileno()).st_ino) for file in FILES]
os.register_at_fork(after_in_child=lambda: FORKED.append(
    all(os.fstat(number).st_ino == inode for number, inode in NUMBERS)))
"""))
    all_ready(group, 1)
    answer = ask(server)
    assert answer["forked"] == [True, answer["pid"]]


@pytest.mark.parametrize(("options", "complaint"), [
    ("preload=On threads=0", "has preload=On and threads=0: a service has one process"),
    ("preload=On threads=4 interpreters=2", "has preload=On and interpreters=2: a forked process has the main interpreter alone"),
    ("preload=Maybe", "the option 'preload', which must be On or Off"), ("preload=", "empty value for the option 'preload'"),
    ("preload-idle=soon", "the option 'preload-idle', which must be")])
def test_what_cannot_be(workspace, variant, options, complaint):
    passed, answer = workspace.configtest(variant, f"WSGIDaemonProcess site {options}\n")
    assert not passed and complaint in answer and "httpd.conf" in answer


def test_processes_start_without_a_template_that_crashes(start_httpd, workspace):
    """A spare one that ends while it loads takes nobody with it, and is not tried again before a script changes."""
    flag = workspace.new_folder() / "writable" / "flag"
    script = flag.parent.parent / "scripts" / "app.wsgi"
    script.write_text(app(start=f"if os.path.exists({str(flag)!r}): os.abort()"))
    server = start_httpd(groups.CONFIG + f"""
        WSGIDaemonProcess site processes=1 preload=On
        WSGIScriptAlias /app {script} process-group=site application-group=%{{GLOBAL}}
        """)
    group = groups.Group(server)
    pid, = all_ready(group, 1)
    flag.write_text("")
    os.kill(templates(server)[0], signal.SIGKILL)
    server.expect_log("BRINE0647: .*another is started.*SIGKILL")
    server.expect_log("BRINE0647: .*without one.*SIGABRT")
    server.allow_log(r"BRINE0647\|")
    assert ask(server)["pid"] == pid
    flag.unlink()
    second, = replace(group, pid)
    assert ask(server)["loaded_by"] == second
    assert len(templates(server)) == 2


IMPOSTOR = """
import socket
mark = {mark!r}
if not os.path.exists(mark):
    open(mark, "w").close()
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=os.dup(3))
    control.send(bytes([0, 1]))  # Message::ready
    _, fds, _, _ = socket.recv_fds(control, 16, 6)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=fds[0])
    child = {child}
    if child == 0:
        channel.send(bytes([7, 0]))  # Message::forked
    while os.path.exists(mark):
        time.sleep(0.01)
    os._exit(0)
"""


@pytest.mark.parametrize("child", ["0", "os.fork()"], ids=["itself", "a child of its own"])
def test_a_template_cannot_pass_another_process_off_as_forked(site, workspace, child):
    """The supervisor, perhaps root, would signal that process, and reap it never."""
    mark = workspace.new_folder() / "writable" / "mark"
    server, group, _ = site("processes=1", text=app(start=IMPOSTOR.format(mark=str(mark), child=child)))
    server.expect_log("BRINE0646: .*passed another process off")
    all_ready(group, 1)
    answer = ask(server)
    assert answer["pid"] == answer["loaded_by"] != templates(server)[0]
    mark.unlink()  # the impostor ends
