"""preload=On with applications that do at import, in warm-up or at the fork what they should not, and what happens to templates."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from harness import daemons, groups
from harness.processes import state
from harness.deadline import until
from harness.groups import ask
from harness.load import Load

import test_preload
from test_event_log import events
from test_preload import all_ready, app, each_process, end_of, lives, replace, templates

pytestmark = pytest.mark.modes("groups")

site = test_preload.site


def in_warm_up(statement):
    """The end of a script that executes the statement in a request of warm-up=."""
    return f"""

serve = application


def application(environ, start_response):
    if "brine.warm_up" in environ:
        {statement}
    return serve(environ, start_response)
"""


@pytest.mark.parametrize("where", ["import", "warm-up"])
def test_a_fork_of_the_applications_that_goes_on_ends(site, workspace, where):
    """os.fork() at import or in a request: the child comes back into the server's code, where it has nothing to do."""
    mark = workspace.new_folder() / "writable" / "mark"
    forks = f"if os.fork() == 0: open({str(mark)!r}, 'w').write(str(os.getpid()))"
    text = app(start=forks) if where == "import" else app() + in_warm_up(forks)
    server, group, _ = site("processes=2" + (" warm-up=/app" if where == "warm-up" else ""), text=text)
    all_ready(group, 2)
    child = int(until(lambda: mark.exists() and mark.read_text(), "it has forked"))
    until(lambda: state(child) in (None, "Z"), "the child ends")
    assert ask(server)["loaded_by"] == templates(server)[0]


@pytest.mark.parametrize("where", ["import", "hook"])
def test_signals_that_the_application_blocks(site, where):
    """WSGIRestrictSignal is about handlers. The forked process hears its signals all the same."""
    block = """
import signal
def block():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
"""
    server, group, _ = site("processes=1", text=app(start=block + (
        "block()" if where == "import" else "os.register_at_fork(before=block)")))
    pid, = all_ready(group, 1)
    assert ask(server)["loaded_by"] == templates(server)[0]
    replace(group, pid)
    assert end_of(server, pid) == ("exit code 0", "shutdown")


def test_files_that_the_application_closes(site):
    """Those of the server's among them: such a process cannot serve, as without preload."""
    server, _, script = site("processes=1", text=app(start="os.closerange(3, 1000)"))
    server.expect_log("BRINE0610: .*exit code 0; nobody had told it to", count=2)
    server.write(script, app(version=2))
    until(lambda: server.get("/app").status == 200, "it is mended", 60)
    server.allow_log("BRINE06")


def test_a_folder_that_the_application_goes_to(site):
    server, group, _ = site("processes=2", text=app(start="os.chdir('/usr')"))
    all_ready(group, 2)
    assert ask(server)["folder"] == "/usr"


@pytest.mark.parametrize("ends", ["os._exit(3)", "sys.exit(3)", "os.kill(os.getpid(), 9)"])
@pytest.mark.parametrize("where", ["import", "warm-up"])
def test_an_application_that_ends_the_process(site, ends, where):
    text = app(start=ends) if where == "import" else app() + in_warm_up(ends)
    server, group, script = site("processes=2" + (" warm-up=/app" if where == "warm-up" else ""), text=text)
    server.allow_log("BRINE0")
    until(lambda: lives(server) and any(life[-1]["event"] == "end" for life in lives(server).values())
          or server.log.texts("BRINE0[36]", 0), "it is told of", 60)
    server.write(script, app(version=2))
    until(lambda: (answer := server.get("/app")).status == 200 and b'"version": 2' in answer.body, "it is mended", 90)
    server.allow_log("BRINE0")
    until(lambda: len(group.pids()) == 2, "all are there", 60)


def test_a_lock_that_is_taken_at_import(site, workspace):
    """The template's lock is its processes' too, so another template does not get it; the log says what follows."""
    lock = workspace.new_folder() / "writable" / "lock"
    server, group, _ = site("processes=2", text=app(start=f"""
import fcntl
LOCK = open({str(lock)!r}, "w")
fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""))
    pids = all_ready(group, 2)
    os.kill(templates(server)[0], signal.SIGKILL)
    server.expect_log("BRINE0647")
    server.expect_log("BRINE0646: .* a script does not load in it")
    assert ask(server)["pid"] in pids


def test_a_connection_of_sqlalchemys(site, workspace):
    """As docs/operations.md has it: engine.dispose() at the end of the script."""
    database = workspace.new_folder() / "writable" / "db"
    pytest.importorskip("sqlalchemy")
    server, group, _ = site("processes=2 threads=1", text=app(start=f"""
import sqlalchemy
ENGINE = sqlalchemy.create_engine("sqlite:///" + {str(database)!r}, poolclass=sqlalchemy.pool.QueuePool)
CONNECTED = []
sqlalchemy.event.listen(ENGINE, "connect", lambda *_: CONNECTED.append(os.getpid()))
with ENGINE.begin() as connection:
    connection.execute(sqlalchemy.text("create table if not exists asked (pid integer)"))
""") .replace("    facts = dict(", """    with ENGINE.begin() as connection:
        connection.execute(sqlalchemy.text("insert into asked values (:pid)"), dict(pid=os.getpid()))
    facts = dict(connected=CONNECTED, """) + "\nENGINE.dispose()\n")
    pids = all_ready(group, 2)
    answers = each_process(server, 2)
    template, = templates(server)
    assert {pid: answer["connected"] for pid, answer in answers.items()} == {pid: [template, pid] for pid in pids}


@pytest.mark.parametrize("hook", ["before", "after_in_parent", "after_in_child"])
def test_a_hook_that_raises(site, hook):
    server, group, _ = site("processes=2", text=app(start=f"""
def fail():
    raise RuntimeError("not now")

os.register_at_fork({hook}=fail)
"""))
    all_ready(group, 2)
    assert [ask(server)["loaded_by"]] == templates(server)
    server.allow_log("not now|Traceback|fail|Ignored|Exception")


BLOCK = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
"""


BLOCKS = {"": ("", ""), "with signals blocked": (BLOCK, ""), "and blocks signals": ("import signal", BLOCK.splitlines()[-1])}


@pytest.mark.parametrize(("first", "then"), BLOCKS.values(), ids=BLOCKS)
def test_a_hook_of_the_forked_process_that_hangs(site, first, then):
    server, group, script = site("processes=1 startup-timeout=3s", text=app(start=f"""{first}
def hang():
    {then}
    time.sleep(3600)

os.register_at_fork(after_in_child=hang)
"""))
    server.expect_log("BRINE0610: .*startup-timeout", seconds=30)
    server.expect_log(r"BRINE0610\|.*in hang")  # its stack
    server.allow_log("BRINE06")
    server.write(script, app(version=2))
    until(lambda: server.get("/app").status == 200, "it is mended", 60)


def leaves_its_stack_and_can_be_mended(server, script):
    """A script that hangs for startup-timeout."""
    server.expect_log("BRINE0610: .*startup-timeout", seconds=30)
    server.expect_log(rf"BRINE0610\|.*{Path(script).name}")  # its stack
    server.allow_log("BRINE06")
    server.write(script, app())
    until(lambda: server.get("/app").status == 200, "it is mended", 60)
    server.allow_log("BRINE06")


@pytest.mark.parametrize("preload", ["On", "Off"])
@pytest.mark.parametrize("how", ["SIG_BLOCK", "SIG_SETMASK"])
def test_a_script_that_blocks_signals_and_hangs(start_httpd, workspace, preload, how):
    """Its stack is asked for by SIGABRT, which it blocks too."""
    text = BLOCK.replace("SIG_BLOCK", how) + "import time\ntime.sleep(3600)\n"
    server, _, script = groups.serving(start_httpd, workspace, f"processes=1 preload={preload} startup-timeout=3s", text, "%{GLOBAL}")
    leaves_its_stack_and_can_be_mended(server, script)


def test_a_script_that_hangs_after_one_that_blocks_signals(start_httpd, workspace):
    """The template is aborted, and writes its stacks nevertheless."""
    folder = workspace.new_folder() / "scripts"
    blocks, hangs = folder / "a.wsgi", folder / "b.wsgi"
    blocks.write_text(app(start=BLOCK))
    hangs.write_text("import time\ntime.sleep(3600)\n")
    server = start_httpd(groups.CONFIG + f"""
        WSGIDaemonProcess site processes=1 preload=On startup-timeout=3s
        WSGIScriptAlias /a {blocks} process-group=site application-group=%{{GLOBAL}}
        WSGIScriptAlias /app {hangs} process-group=site application-group=%{{GLOBAL}}
        """)
    leaves_its_stack_and_can_be_mended(server, hangs)


@pytest.mark.parametrize("hook", ["before", "after_in_parent"])
def test_a_hook_of_the_template_that_hangs(site, hook):
    server, group, script = site("processes=2 connect-timeout=4s", text=app(start=f"""
def hang():
    time.sleep(3600)

os.register_at_fork({hook}=hang)
"""))
    server.expect_log(r"BRINE0646: .* os.register_at_fork\(\) has not returned after 2.0 s", seconds=30)
    all_ready(group, 2)


def test_a_template_that_forks_slowly(site):
    """All eight are ordered at once, and forked one after another: the last has waited for longer than a hook may take."""
    server, group, _ = site("processes=8 connect-timeout=8s", text=app(start="""
def linger():
    time.sleep(0.7)

os.register_at_fork(before=linger)
"""))
    pids = all_ready(group, 8, seconds=90)
    template, = templates(server)
    assert template not in pids and ask(server)["loaded_by"] == template


def test_a_fork_may_take_longer_than_a_short_connect_timeout(site):
    """The least that it gets is 2 s."""
    server, group, _ = site("processes=1 connect-timeout=200ms", text=app(start="""
def linger():
    time.sleep(0.6)

os.register_at_fork(before=linger)
"""))
    pid, = all_ready(group, 1)
    template, = templates(server)
    assert template != pid and [event["event"] for event in lives(server)[template]] == ["start", "ready"]


def test_chance_is_each_processs_own(site):
    server, group, _ = site("processes=3 threads=1", text=app(start="""
import secrets, ssl, uuid
try:
    import numpy.random
except ImportError:
    numpy = None
random.random(), secrets.token_hex(), uuid.uuid4(), uuid.uuid1(), ssl.RAND_bytes(8), numpy and numpy.random.random()
""").replace("    facts = dict(", """    chance = [random.random(), secrets.token_hex(), str(uuid.uuid4()), str(uuid.uuid1()), ssl.RAND_bytes(8).hex()]
    chance += [numpy.random.random()] if numpy else []
    facts = dict(chance=chance, """))
    all_ready(group, 3)
    answers = each_process(server, 3)
    assert {answer["loaded_by"] for answer in answers.values()} == set(templates(server))
    for drawn in zip(*(answer["chance"] for answer in answers.values()), strict=True):
        assert len(set(drawn)) == 3, drawn


def test_a_template_that_is_stopped(site):
    """Requests wait for half of connect-timeout, and have the other half for another template's start."""
    server, group, _ = site("processes=1 connect-timeout=16s")
    pid, = all_ready(group, 1)
    template, = templates(server)
    os.kill(template, signal.SIGSTOP)
    with Load(server, "/app", clients=2) as load:
        load.go_on(2)
        replace(group, pid, 60)
        load.go_on(2)
    load.nothing_lost()
    server.expect_log(f"BRINE0647: .* process {template} is stopped")
    until(lambda: state(template) is None, "it ends")
    assert ask(server)["loaded_by"] == templates(server)[-1] != template


def test_memory_that_is_not_enough(site, workspace):
    if "address" in workspace.build.sanitizer:
        pytest.skip("the address sanitizer needs more memory for itself than the limit allows")
    server, group, script = site("processes=1 memory-limit=300M", text=app(start="KEPT = bytearray(1 << 30)"))
    assert server.get("/app").status == 500
    server.allow_log("BRINE0301|BRINE0614")
    server.write(script, app(version=2, start="KEPT = bytearray(1 << 20)"))
    until(lambda: server.get("/app").status == 200, "it is mended")


def test_a_script_that_is_deleted(site):
    server, group, script = site("processes=2")
    pids = all_ready(group, 2)
    text = script.read_text()
    script.unlink()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    server.allow_log("BRINE06")
    server.get("/app")
    until(lambda: len(lives(server)) >= 4, "others start")
    server.write(script, text.replace("version=1", "version=5"))
    until(lambda: server.get("/app").status == 200 and ask(server)["version"] == 5, "it is back", 60)
    server.allow_log("BRINE0|AH0")
    until(lambda: len(group.pids()) == 2, "all are there", 60)


class Gate:
    """A script with version 2 that does not load before `open()`."""

    def __init__(self, workspace):
        self.closed = workspace.new_folder() / "writable" / "closed"
        self.closed.write_text("")
        self.reached = self.closed.with_name("reached")
        self.text = app(version=2, start=f"""
open({str(self.reached)!r}, "w").close()
while os.path.exists({str(self.closed)!r}):
    time.sleep(0.01)
""")

    def wait(self):
        until(self.reached.exists, "a template imports")

    def open(self):
        self.closed.unlink()


@pytest.mark.parametrize("imports", [False, True], ids=["idle", "importing"])
def test_a_supervisor_that_dies(start_httpd, workspace, imports):
    """Its template ends, whatever that does, and the next supervisor has one of its own."""
    gate = Gate(workspace)
    server, group, script = groups.serving(start_httpd, workspace, "processes=2 preload=On", app(), "%{GLOBAL}")
    all_ready(group, 2)
    if imports:
        server.write(script, gate.text)
        for pid in group.pids():
            os.kill(pid, signal.SIGUSR1)
        gate.wait()
        until(lambda: len(templates(server)) >= 2, "it is told of")
    supervisor, = daemons.supervisors(server)
    known = set(templates(server))
    os.kill(supervisor, signal.SIGKILL)
    server.expect_log("BRINE0620:")
    until(lambda: all(state(pid) in (None, "Z") for pid in known), "its templates end")
    gate.open()
    until(lambda: len(group.pids()) == 2 and ask(server)["loaded_by"] in set(templates(server)) - known, "new processes serve", 60)
    server.allow_log("BRINE06")


def test_restarts_and_new_code_while_templates_import(site, workspace):
    """The newest code serves in the end, from the one template that is left."""
    gate = Gate(workspace)
    server, group, script = site("processes=2")
    all_ready(group, 2)
    with Load(server, "/app", clients=2) as load:
        load.go_on(2)
        server.write(script, gate.text)
        for _ in range(2):
            gate.wait()
            gate.reached.unlink()
            server.reload()
        gate.wait()
        server.write(script, app(version=3))
        gate.open()
        until(lambda: ask(server)["version"] == 3, "the newest code", 60)
        load.go_on(2)
    load.nothing_lost()
    until(lambda: sum(bool(state(pid)) for pid in templates(server)) == 1, "one template is left")


@pytest.mark.parametrize("options", ["processes=1-1", "processes=2-8 threads=1 processes-idle=300ms", "processes=2-8 preload-idle=100ms"])
@pytest.mark.parametrize("reloading", ["On", "Rolling"])
def test_growing_groups_and_reloads(site, options, reloading):
    server, group, script = site(options, more=f"WSGIScriptReloading {reloading}\n")
    until(lambda: group.pids(), "ready")
    with Load(server, "/app", clients=6) as load:
        for version in (2, 3, 4):
            load.go_on(5)
            server.write(script, app(version=version))
            until(lambda: ask(server)["version"] == version, "the new code", 30)
        with suppress(ProcessLookupError):  # an idle one may end at any time
            os.kill(templates(server)[-1], signal.SIGKILL)
        load.go_on(5)
    load.nothing_lost()
    server.allow_log("BRINE0647|BRINE0610: .*SIGKILL")  # by this test, perhaps while processes waited for it


def starts_alone(server, group, count):
    """All processes are there, and have loaded the scripts themselves; the log says why."""
    all_ready(group, count, seconds=60)
    answer = ask(server)
    assert answer["pid"] == answer["loaded_by"] and answer["pid"] not in templates(server)
    return server.expect_log("BRINE0646")[0].text


@pytest.mark.parametrize("ends", ["os._exit(3)", "os.abort()"])
@pytest.mark.parametrize("hook", ["before", "after_in_child"])
def test_a_hook_that_ends_the_process(site, hook, ends):
    """Without preload the application would serve, so it does."""
    server, group, _ = site("processes=2", text=app(start=f"os.register_at_fork({hook}=lambda: {ends})"))
    text = starts_alone(server, group, 2)
    assert "what it forks ends before it is ready" in text or "it takes no orders" in text
    server.allow_log("BRINE0610|BRINE0647")
    assert len(templates(server)) == 1


def test_a_hook_that_ends_the_template_when_it_has_forked(site):
    """Its processes serve. Each fork costs a template, or none is forked any more."""
    server, group, _ = site("processes=2", text=app(start="os.register_at_fork(after_in_parent=lambda: os._exit(3))"))
    pids = all_ready(group, 2, seconds=60)
    replace(group, pids.pop(), 60)
    all_ready(group, 2, seconds=60)
    assert ask(server)["loaded_by"]
    server.allow_log("BRINE0610|BRINE064[67]")


def test_new_code_whose_processes_do_not_survive_the_fork(site):
    """The old ones serve until the new ones are there, which start in the ordinary way."""
    server, group, script = site("processes=2")
    old = all_ready(group, 2)
    with Load(server, "/app", clients=2) as load:
        load.go_on(2)
        server.write(script, app(version=2, start="os.register_at_fork(after_in_child=lambda: os._exit(3))"))
        until(lambda: ask(server)["version"] == 2, "the new code", 60)
        load.go_on(2)
    load.nothing_lost()
    all_ready(group, 2, old, 60)
    starts_alone(server, group, 2)
    server.allow_log("BRINE0610")
    server.write(script, app(version=3))
    answer = until(lambda: (got := ask(server))["version"] == 3 and got, "the mended code", 60)
    assert answer["loaded_by"] == templates(server)[-1], "it has a template again"


def test_processes_that_hang_after_the_fork_are_started_otherwise(site):
    server, group, _ = site("processes=1 startup-timeout=3s", text=app(start="""
def hang():
    time.sleep(3600)

os.register_at_fork(after_in_child=hang)
"""))
    assert "what it forks hangs before it is ready" in starts_alone(server, group, 1)
    server.allow_log("BRINE0610")


def test_new_code_that_hangs_after_the_fork_for_longer_than_requests_wait(site):
    """They have passed it over by then, and there would be no further attempt."""
    server, group, script = site("processes=1 connect-timeout=1s startup-timeout=3s")
    old = all_ready(group, 1)
    server.write(script, app(version=2, start="os.register_at_fork(after_in_child=lambda: time.sleep(3600))"))
    until(lambda: ask(server)["version"] == 2, "the new code", 60)
    server.expect_log("BRINE0627")
    assert "what it forks hangs before it is ready" in starts_alone(server, group, 1)
    assert not old & group.pids()
    server.allow_log("BRINE0610")


#: A library whose function, which each new process runs, ends some of them.
LIBRARY = """
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static pid_t first;
static void in_child(void) { %s; }
__attribute__((constructor)) static void begin(void) { first = getpid(); pthread_atfork(0, 0, in_child); }
"""


@pytest.mark.parametrize("ends, why", [("abort()", "what it forks ends by a signal at once"),
                                       ("if (getppid() != first) _exit(0)", "what it forks ends before it is ready")],
                         ids=["at once", "when its parent has ended"])
def test_a_library_that_does_not_survive_a_fork(site, workspace, ends, why):
    folder = workspace.new_folder()
    (folder / "library.c").write_text(LIBRARY % ends)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "library.so", folder / "library.c"], check=True)
    (folder / "library.so").chmod(0o755)
    server, group, _ = site("processes=2", text=app(start=f"import ctypes\nctypes.CDLL({str(folder / 'library.so')!r})"))
    assert why in starts_alone(server, group, 2)
    server.allow_log("BRINE0616")


def test_a_forked_process_that_is_killed_while_it_starts(site, workspace):
    """Once, which may be anybody: the next one is forked as well."""
    mark = workspace.new_folder() / "writable" / "mark"
    server, group, _ = site("processes=1", text=app(start=f"""
def wait():
    if not os.path.exists({str(mark)!r}):
        with open({str(mark)!r} + ".new", "w") as file:
            file.write(str(os.getpid()))
        os.rename({str(mark)!r} + ".new", {str(mark)!r})
        time.sleep(3600)

os.register_at_fork(after_in_child=wait)
"""))
    until(mark.exists, "a process is forked")
    os.kill(int(mark.read_text()), signal.SIGKILL)
    server.expect_log("BRINE0610: .*SIGKILL")
    all_ready(group, 1)
    assert [ask(server)["loaded_by"]] == templates(server)


@pytest.mark.parametrize("where", ["before", "after_in_parent", "after_in_child"])
def test_files_that_a_hook_closes(site, where):
    """Those of the server's among them. Whatever ends by that, the group serves."""
    server, group, _ = site("processes=2", text=app(start=f"os.register_at_fork({where}=lambda: os.closerange(3, 1000))"))
    all_ready(group, 2, seconds=60)
    assert ask(server)["version"] == 1
    server.allow_log("BRINE0")
    assert len(templates(server)) < 10


def test_what_the_application_sets_for_its_process(site):
    """umask, limits, priority, session: the forked process has what an ordinary one would have."""
    server, group, _ = site("processes=2", text=app(start="""
import resource
os.umask(0o027)
os.setsid()
os.nice(1)
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.environ["OF_THE_IMPORT"] = "yes"
""").replace("    facts = dict(", """    was = os.umask(0o027)
    facts = dict(was=was, nice=os.nice(0), files=resource.getrlimit(resource.RLIMIT_NOFILE)[0], set=os.environ["OF_THE_IMPORT"], """))
    all_ready(group, 2)
    answer = ask(server)
    assert [answer["loaded_by"]] == templates(server)
    assert {key: answer[key] for key in ("was", "files", "set")} == {"was": 0o027, "files": 200, "set": "yes"}
    pid, = {answer["pid"]}
    replace(group, pid)
    assert end_of(server, pid) == ("exit code 0", "shutdown")


def test_a_limit_of_descriptors_that_leaves_none(site, workspace):
    """Neither the template nor a process that starts by itself can serve, which is told of, until the script is mended."""
    if "undefined" in workspace.build.sanitizer:
        pytest.skip("this sanitizer needs a pipe to look at an object, and takes it for none without")
    server, _, script = site("processes=1", text=app(start="""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (5, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""))
    server.expect_log("BRINE06", seconds=30)
    server.allow_log("BRINE0")
    server.write(script, app(version=2))
    until(lambda: server.get("/app").status == 200, "it is mended", 60)
    server.allow_log("BRINE0")


def test_an_event_loop_of_the_import(site):
    """Each process makes its own. The import's has one set of descriptors for all of them (docs/operations.md)."""
    server, group, _ = site("processes=3 threads=1", text=app(start="""
import asyncio

async def later(value):
    await asyncio.sleep(0.01)
    return value

LOOP = asyncio.new_event_loop()
assert LOOP.run_until_complete(later(1)) == 1

def renew():
    global LOOP
    LOOP = asyncio.new_event_loop()

os.register_at_fork(after_in_child=renew)
""").replace("    facts = dict(", "    facts = dict(loop=LOOP.run_until_complete(later(os.getpid())), "))
    all_ready(group, 3)
    for pid, answer in each_process(server, 3).items():
        assert answer["loop"] == pid and answer["loaded_by"] in templates(server)


def test_a_template_that_is_killed_again_and_again(site):
    """Its group serves on, and has one in the end."""
    server, group, _ = site("processes=2 threads=1")
    all_ready(group, 2)
    killed = set()
    with Load(server, "/app", clients=2) as load:
        for _ in range(5):
            template = until(lambda: next((pid for pid in templates(server) if pid not in killed), None), "a template", 60)
            until(lambda: events(server, event="ready", pid=template), "it can be forked", 60)  # noqa: B023
            os.kill(template, signal.SIGKILL)
            killed.add(template)
            load.go_on(2)
    load.nothing_lost()
    until(lambda: all(state(pid) is None for pid in killed), "they are reaped")
    pid = ask(server)["pid"]
    replace(group, pid, 60)
    all_ready(group, 2, {pid}, 60)
    assert {answer["loaded_by"] for answer in each_process(server, 2).values()} <= set(templates(server))
    server.expect_log("BRINE0647: .*another is started.*SIGKILL", count=5)


@pytest.mark.parametrize("preload", ["On", "Off"])
def test_handlers_of_the_application(start_httpd, workspace, preload):
    """WSGIRestrictSignal Off: what Python decides, it decides in the forked process too. The server's orders come otherwise."""
    server, group, _ = groups.serving(start_httpd, workspace, f"processes=1 preload={preload}", app(start="""
import signal
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD):
    signal.signal(number, lambda *_: None)
"""), "%{GLOBAL}", "WSGIRestrictSignal Off\n")
    pid, = all_ready(group, 1)
    assert ask(server)["pid"] == pid
    server.reload()
    all_ready(group, 1, {pid})
    until(lambda: state(pid) is None, "the old one ends")
    assert server.stop() == []


def test_a_template_that_is_killed_while_it_forks(site, workspace):
    """Once, which may be anybody: the process that waited for it tells of it, and the next one is forked as well."""
    mark = workspace.new_folder() / "writable" / "mark"
    server, group, _ = site("processes=1", text=app(start=f"""
def wait():
    if not os.path.exists({str(mark)!r}):
        open({str(mark)!r}, "w").close()
        time.sleep(3600)

os.register_at_fork(before=wait)
"""))
    until(mark.exists, "it is about to fork")
    first, = templates(server)
    os.kill(first, signal.SIGKILL)
    server.expect_log(f"BRINE0610: process {first} .*SIGKILL")
    all_ready(group, 1)
    assert [first, ask(server)["loaded_by"]] == templates(server)


def test_a_script_of_a_sub_interpreter_that_crashes(site):
    """Each process loads it after the fork, and would as a program of its own: it is told of until it is mended."""
    server, group, script = site("processes=2", text="import os\nos.abort()\n", group="shop")
    assert "what it forks ends before it is ready" in server.expect_log("BRINE0646:", seconds=30)[0].text
    server.expect_log("BRINE0610: .*SIGABRT", count=3, seconds=60)
    server.allow_log("BRINE06")
    server.write(script, app())
    until(lambda: server.get("/app").status == 200, "it is mended", 60)
    all_ready(group, 2, seconds=60)
    server.allow_log("BRINE06")
