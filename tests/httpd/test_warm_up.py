"""warm-up=: requests that a process makes to its application before it is ready."""

import os
import signal

import pytest

from harness import groups
from harness.deadline import until
from harness.groups import ask

pytestmark = [pytest.mark.modes("groups"), pytest.mark.axes("python")]

APP = """
import json, os, sys, threading, time
import mod_wsgi

LOADED_BY = os.getpid()
WARMED = []  # [url, pid, environ] of each warm-up request
TOLD = []
LOCAL = threading.local()
VERSION = {version!r}


class Left:
    def __del__(self):
        TOLD.append("thread-local value deleted")


class Body(list):
    def close(self):
        if WARMED:
            WARMED[-1].append("closed")


{start}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if "brine.warm_up" in environ:
        WARMED.append([environ["REQUEST_URI"], os.getpid(),
                       {{key: value for key, value in environ.items() if isinstance(value, str)}}])
        LOCAL.left = Left()
    if path == "/lazy":
        import colorsys
    if path == "/gate":
        open(GATE + ".held", "w").close()
        while not os.path.exists(GATE):
            time.sleep(0.01)
    if path == "/raise":
        raise RuntimeError("not warm")
    if path == "/sleep":
        while "brine.warm_up" in environ:
            time.sleep(0.01)
    if path == "/hang" and "brine.warm_up" in environ:
        import signal
        try:
            signal.sigwait([signal.SIGRTMAX])
        finally:
            pass
    if path == "/stubborn" and "brine.warm_up" in environ:
        for _ in range(3):
            try:
                while True:
                    time.sleep(0.01)
            except BaseException:
                pass
    if path == "/stacks":
        TOLD.append(stacks())
    if path == "/endless":
        start_response("200 OK", [])
        return iter(lambda: b"more", None)
    status = {{"/broken": "500 Broken", "/missing": "404 Not Found"}}.get(path, "200 OK")
    start_response(status, [("Content-Type", "application/json")])
    facts = dict(pid=os.getpid(), loaded_by=LOADED_BY, warmed=WARMED, version=VERSION, lazy="colorsys" in sys.modules,
                 told=TOLD, threads=threading.active_count())
    return Body([json.dumps(facts).encode()])
"""


def app(version=1, start=""):
    return APP.format(version=version, start=start)


@pytest.fixture
def site(start_httpd, workspace):
    """`site("warm-up=/app/lazy")`: (server, its group, the script)."""
    def start(options, text=app(), group="%{GLOBAL}", more=""):
        return groups.serving(start_httpd, workspace, f"processes=1 {options}", text, group, more)
    return start


def ready(group, without=frozenset()):
    pid, = until(lambda: len(pids := group.pids() - without) == 1 and pids, "the process is ready")
    return pid


def templates(server):
    return [int(text.split()[3]) for text in server.log.texts("started template process", 0)]


def replace(group, pid):
    os.kill(pid, signal.SIGTERM)
    return ready(group, {pid})


@pytest.mark.parametrize("preload", ["", "preload=On "])
def test_the_first_request_finds_all_imported(site, preload):
    server, group, _ = site(preload + "warm-up=/app/lazy")
    answer = ask(server)
    assert answer["lazy"]
    (url, pid, _, closed), = answer["warmed"]
    assert (url, pid, closed) == ("/app/lazy", answer["loaded_by"], "closed")
    assert (answer["pid"] != answer["loaded_by"]) == bool(preload)
    record, = server.log.expect("warm-up request for '/app/lazy' of daemon group 'site' was answered", since=0)
    assert "status 200" in record.text


@pytest.mark.parametrize("preload", ["", "preload=On "])
def test_nothing_of_a_warm_up_is_left_in_a_thread(site, preload):
    """A connection that a framework keeps for each thread is closed before there are processes that share it."""
    server, _, _ = site(preload + "warm-up=/app/,/app/lazy")
    answer = ask(server)
    assert answer["told"] == ["thread-local value deleted"] * 2 and len(answer["warmed"]) == 2


def test_it_is_a_request_as_any(site):
    server, _, _ = site("warm-up=/app/a%20b/c?d=e%20f")
    warmed, = ask(server)["warmed"]
    environ = warmed[2]
    facts = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/app", "PATH_INFO": "/a b/c", "QUERY_STRING": "d=e%20f",
        "REQUEST_URI": "/app/a%20b/c?d=e%20f", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http", "mod_wsgi.process_group": "site", "mod_wsgi.application_group": ""}
    assert {key: environ.get(key) for key in facts} == facts
    theirs = server.get("/app/").json()
    assert environ["HTTP_HOST"] == f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    assert theirs["version"] == 1


def test_the_host_is_that_of_the_virtual_host(start_httpd, workspace):
    script = workspace.new_folder() / "scripts" / "app.wsgi"
    script.write_text(app())
    server = start_httpd(groups.CONFIG + f"""
        WSGIDaemonProcess site warm-up=/lazy
        <VirtualHost 127.0.0.1:{{port}}>
          ServerName first.example
          WSGIScriptAlias / {script} process-group=%{{GLOBAL}} application-group=%{{GLOBAL}}
        </VirtualHost>
        <VirtualHost 127.0.0.1:{{port}}>
          ServerName https://shop.example
          WSGIScriptAlias /static /nowhere
          WSGIScriptAlias / {script}
          WSGIProcessGroup site
          WSGIApplicationGroup %{{GLOBAL}}
        </VirtualHost>
        """)
    warmed, = server.get("/", Host="shop.example").json()["warmed"]
    facts = {"SERVER_NAME": "shop.example", "wsgi.url_scheme": "https", "SCRIPT_NAME": "", "PATH_INFO": "/lazy"}
    assert {key: warmed[2][key] for key in facts} == facts
    assert warmed[2]["HTTP_HOST"].startswith("shop.example")


def test_scripts_of_a_folder_and_of_an_expression(start_httpd, workspace):
    folder = workspace.new_folder() / "scripts"
    for name in ("one.wsgi", "two.wsgi"):
        (folder / name).write_text(app())
    server = start_httpd(groups.CONFIG + f"""
        WSGIDaemonProcess site warm-up=/s/one.wsgi/lazy,/x/two/lazy?a=1
        WSGIScriptAlias /s/ {folder}/ process-group=site application-group=%{{GLOBAL}}
        WSGIScriptAliasMatch ^/x/([^/]*) {folder}/$1.wsgi process-group=site application-group=%{{GLOBAL}}
        """)
    for path, name in (("/s/one.wsgi", "/s/one.wsgi"), ("/x/two", "/x/two")):
        warmed, = server.get(path).json()["warmed"]
        assert (warmed[2]["SCRIPT_NAME"], warmed[2]["PATH_INFO"]) == (name, "/lazy")


@pytest.mark.parametrize(("alias", "script"), [
    ("WSGIScriptAlias / {folder}/", "/one.wsgi"), ("WSGIScriptAlias /s {folder}/", "/s/one.wsgi"),
    ("WSGIScriptAlias /s/ {folder}//", "/s/one.wsgi"), ("WSGIScriptAliasMatch ^/ {folder}/one.wsgi", ""),
    ("WSGIScriptAlias / {folder}/one.wsgi", "")])
def test_the_script_is_the_one_that_httpd_runs(start_httpd, workspace, alias, script):
    folder = workspace.new_folder() / "scripts"
    (folder / "one.wsgi").write_text(app())
    server = start_httpd(groups.CONFIG + f"""
        WSGIDaemonProcess site processes=1 warm-up={script}/lazy
        {alias.format(folder=folder)} process-group=site application-group=%{{GLOBAL}}
        """)
    warmed, = server.get(script + "/first").json()["warmed"]
    assert (warmed[2]["SCRIPT_NAME"], warmed[2]["PATH_INFO"]) == (script, "/lazy")


def test_several_are_made_in_their_order(site):
    server, _, _ = site('warm-up="/app/b,/app/a,/app/lazy?x"')
    assert [url for url, *_ in ask(server)["warmed"]] == ["/app/b", "/app/a", "/app/lazy?x"]


def test_a_process_is_not_ready_before(site, workspace):
    """A request waits for the process, whose warm-up waits for the test."""
    gate = workspace.new_folder() / "writable" / "gate"
    server, group, _ = site("warm-up=/app/gate", text=app(start=f"GATE = {str(gate)!r}"))
    until((gate.parent / "gate.held").exists, "the warm-up has begun")
    assert not group.pids() and group.rows("starting")
    gate.write_text("")
    ready(group)


@pytest.mark.parametrize("preload", ["", "preload=On "])
@pytest.mark.parametrize(("path", "what"), [
    ("raise", "raised an exception"), ("broken", "was answered with status 500"),
    ("missing", "was answered with status 404")])
def test_one_that_fails_is_told_of(site, preload, path, what):
    server, group, _ = site(preload + f"warm-up=/app/{path},/app/lazy")
    ready(group)
    record, = server.expect_log("BRINE0648:")
    assert f"request for '/app/{path}' of daemon group 'site' {what} after " in record.text
    if path == "raise":
        server.expect_log("BRINE0401")
    answer = ask(server)
    assert answer["lazy"] and answer["version"] == 1, "the process serves, and the others were made"
    assert (answer["pid"] != answer["loaded_by"]) == bool(preload)


@pytest.mark.parametrize("preload", ["", "preload=On "])
@pytest.mark.parametrize("path", ["sleep", "endless"])
def test_one_that_takes_too_long_is_interrupted(site, preload, path):
    server, group, _ = site(preload + f"warm-up-timeout=300ms warm-up=/app/{path},/app/lazy")
    ready(group)
    first, second = server.expect_log("BRINE0648:", count=2)
    assert f"'/app/{path}' of daemon group 'site' was interrupted by warm-up-timeout" in first.text
    assert "'/app/lazy' of daemon group 'site' was left out" in second.text
    server.allow_log("BRINE0408")
    answer = ask(server)
    assert not answer["lazy"]
    assert (answer["pid"] != answer["loaded_by"]) == bool(preload)


@pytest.mark.parametrize("preload", ["", "preload=On "])
def test_one_that_goes_on_is_interrupted_again(site, preload):
    server, group, _ = site(preload + "warm-up-timeout=300ms warm-up=/app/stubborn")
    ready(group)
    assert "'/app/stubborn' of daemon group 'site' was interrupted" in server.expect_log("BRINE0648:")[0].text


@pytest.mark.parametrize("preload", ["", "preload=On "])
def test_its_thread_is_as_those_of_other_requests(site, preload):
    server, _, _ = site(preload + "stack-size=1MB warm-up=/app/stacks", text=app(start="""
import ctypes

class AlternateStack(ctypes.Structure):
    _fields_ = [("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

def stacks():
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_ulong
    attributes, address, size = ctypes.create_string_buffer(64), ctypes.c_void_p(), ctypes.c_size_t()
    library.pthread_getattr_np(ctypes.c_ulong(library.pthread_self()), attributes)
    library.pthread_attr_getstack(attributes, ctypes.byref(address), ctypes.byref(size))
    library.pthread_attr_destroy(attributes)
    alternate = AlternateStack()
    library.sigaltstack(None, ctypes.byref(alternate))
    return [size.value, alternate.flags, alternate.size]
"""))
    warm_up, other = (told for told in ask(server, "/app/stacks")["told"] if isinstance(told, list))
    assert warm_up == other and warm_up[:2] == [2**20, 0]


@pytest.mark.parametrize("preload", ["", "preload=On "])
def test_one_that_cannot_be_interrupted_keeps_no_group_from_serving(site, preload):
    server, group, _ = site(preload + "warm-up-timeout=100ms shutdown-timeout=1s warm-up=/app/hang")
    pid = ready(group)
    server.expect_log("BRINE0648: .*'/app/hang'.* does not end", count=2 if preload else 1)
    if preload:
        server.expect_log("BRINE0646: .*the warm-up request for '/app/hang' does not end")
    answer = ask(server)
    assert answer["pid"] == answer["loaded_by"] == pid
    server.allow_log("BRINE0648")
    replace(group, pid)
    server.allow_log("BRINE06(48|46|10)")


@pytest.mark.parametrize("preload", ["", "preload=On "])
def test_one_that_hangs_leaves_time_of_startup_timeout(site, preload):
    """What loading takes counts too. Otherwise each process ends like the one before, and the group never serves."""
    server, group, _ = site(preload + "startup-timeout=8s shutdown-timeout=1s warm-up=/app/hang",
                            text=app(start="time.sleep(4)"))
    ready(group)
    assert ask(server)["loaded_by"]
    server.allow_log("BRINE06(48|46|10)")


def test_an_order_to_end_comes_first(site, workspace):
    gate = workspace.new_folder() / "writable" / "gate"
    server, group, _ = site("warm-up-timeout=1h warm-up=/app/gate", text=app(start=f"GATE = {str(gate)!r}"))
    until((gate.parent / "gate.held").exists, "the warm-up has begun")
    pid = group.rows("starting")[0].pid
    os.kill(pid, signal.SIGTERM)
    until(lambda: not os.path.exists(f"/proc/{pid}"), "it ends")
    server.allow_log("BRINE0[46]")
    assert server.stop() == []


def test_a_changed_script_is_warm_before_it_serves(site):
    server, group, script = site("preload=On warm-up=/app/lazy", more="WSGIScriptReloading Rolling\n")
    ready(group)
    server.write(script, app(version=2))
    answer = until(lambda: (got := ask(server))["version"] == 2 and got, "the new code")
    first, second = templates(server)
    assert answer["loaded_by"] == second and answer["lazy"]
    assert [pid for _, pid, *_ in answer["warmed"]] == [second], "once, in the new template"


def test_a_successor_of_a_template_is_warm_already(site):
    server, group, _ = site("preload=On warm-up=/app/lazy")
    pid = ready(group)
    replace(group, pid)
    answer = ask(server)
    assert [pid for _, pid, *_ in answer["warmed"]] == templates(server) == [answer["loaded_by"]]


def test_sub_interpreters_are_warm_in_the_forked_process(site):
    server, group, _ = site("preload=On warm-up=/app/lazy", group="shop")
    pid = ready(group)
    assert [pid for _, pid, *_ in ask(server)["warmed"]] == [pid]


def test_a_script_that_does_not_load_is_as_before(site):
    server, _, script = site("warm-up=/app/lazy", text="raise RuntimeError('not today')\n")
    assert server.get("/app").status == 500
    server.allow_log("BRINE0301|BRINE0614")
    assert not server.log.texts("BRINE0648", 0)
    server.write(script, app())
    until(lambda: server.get("/app").status == 200, "it is mended")


def test_it_is_no_clients_request(site):
    """Neither in the access log, nor in the status, nor for subscribers."""
    server, group, _ = site("maximum-requests=2 graceful-timeout=1s warm-up=/app/a,/app/b,/app/c", text=app(start="""
mod_wsgi.subscribe_events(lambda name, **event: TOLD.append(name) if name.startswith("request_") else None)
"""))
    pid = ready(group)
    assert [row.served for row in group.rows("ready")] == [0]
    told = ask(server)["told"]
    assert [each for each in told if each.startswith("request_")] == ["request_started"]
    assert ask(server)["pid"] == pid, "maximum-requests does not count them"
    ready(group, {pid})
    assert "maximum-requests" in server.expect_log(f"BRINE0610: process {pid} ")[0].text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_it_runs_as_the_groups_user(site):
    server, _, _ = site("user=nobody home=/ warm-up=/app/lazy", text=app(start="""
if os.getuid() == 0 or os.getuid() != __import__("pwd").getpwnam("nobody").pw_uid:
    raise RuntimeError("as another user")
"""))
    answer = ask(server)
    assert answer["lazy"]


@pytest.mark.parametrize(("options", "complaint"), [
    ("warm-up=app", "the option 'warm-up', which must name paths such as /login/"),
    ("warm-up=", "empty value for the option 'warm-up'"),
    ('warm-up="/a b"', "not '/a b'"), ("warm-up=/a,,/b", "not ''"), ("warm-up=/a#b", "not '/a#b'"),
    ("warm-up=https://shop.example/", "not 'https://shop.example/'"),
    ("warm-up-timeout=0 warm-up=/app", "the option 'warm-up-timeout', which must not be 0"),
    ("warm-up-timeout=soon", "the option 'warm-up-timeout', which must be a duration"),
    ("warm-up=/app/%zz", "has warm-up='/app/%zz', but it holds a %"),
    ("warm-up=/elsewhere/x", "has warm-up='/elsewhere/x', but no WSGIScriptAlias leads there and to this group"),
    ("warm-up=/other/x", "has warm-up='/other/x', but no WSGIScriptAlias leads there and to this group"),
    ("warm-up=/open/x", "but its application group is '%{HOST}', which each request decides"),
    ("interpreters=2 warm-up=/app", "has warm-up= and interpreters=2: a request would warm one of them alone"),
    ("threads=0 warm-up=/app", "has warm-up='/app', but threads=0: a service serves no requests")])
def test_what_cannot_be(workspace, variant, options, complaint):
    passed, answer = workspace.configtest(variant, f"""WSGIDaemonProcess site {options}
        WSGIDaemonProcess another
        WSGIScriptAlias /app {{apps}}/hello.wsgi process-group=site application-group=%{{GLOBAL}}
        WSGIScriptAlias /other {{apps}}/hello.wsgi process-group=another application-group=%{{GLOBAL}}
        WSGIScriptAlias /open {{apps}}/hello.wsgi process-group=site application-group=%{{HOST}}
        """)
    assert not passed and complaint in answer and "httpd.conf:" in answer
