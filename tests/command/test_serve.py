"""`brine serve` from its start to its end, against a real httpd."""

import concurrent.futures
import http.client
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from types import SimpleNamespace

import pytest

from brine.root_exception import root_exception
from ports import free_port
from serving import PATIENCE, REPOSITORY, Serving, poll, write_held_script, write_script

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def write_file(path, text):
    """Writes a file that httpd's user can read, and gives it its place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o755)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(0o644)
    new.replace(path)
    return path


def test_a_page_is_served_until_ctrl_c(serve, script):
    server = serve(script)
    assert server.get() == (200, "one")
    assert server.stop(signal.SIGINT) == 0
    assert not server.answers()


def test_port_0_is_any_that_is_free(serve, script):
    server = serve(script, "--port", 0)
    assert not server.url.endswith(":0")
    assert server.get() == (200, "one")


def command_with_a_taken_port(brine, script, port):
    """`brine serve` for which somebody else is quicker, the first time that it looks for a free port."""
    program = ("import brine.starting as s, sys\nfrom brine.cli import main\nfree = s.free_port\n"
               "answers = [int(sys.argv[2])]\n"
               "s.free_port = lambda host, wanted: answers.pop() if answers else free(host, wanted)\n"
               "sys.exit(main(['serve', sys.argv[1], '--port', sys.argv[3]], sys.argv[4]))")
    return ["/usr/bin/python3", "-c", program, script, port, "0", brine.parent]


def test_port_0_is_another_where_somebody_was_quicker(brine, script, runtime):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        command = command_with_a_taken_port(brine, script, taken)
        server = Serving(command, {"XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(REPOSITORY / "python")})
        try:
            assert server.get() == (200, "one")
            assert not server.url.endswith(f":{taken}")
            assert server.stop() == 0
        finally:
            server.end()
        command[-2] = str(taken)  # which was asked for
        answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE,
                                env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(REPOSITORY / "python")})
        assert answer.returncode == 2 and "somebody else was quicker" in answer.stderr, answer.stdout + answer.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_as_well(serve, script, number):
    server = serve(script)
    assert server.get() == (200, "one")
    assert server.stop(number) == 0
    assert not server.answers()


@pytest.mark.parametrize("number, options", [
    (signal.SIGINT, []), (signal.SIGTERM, ["--mpm", "prefork", "--threads", "2"]), (signal.SIGHUP, ["--embedded"])])
def test_a_request_in_progress_is_answered_before_the_end(serve, folder, number, options):
    gate = folder / "gate"
    server = serve(write_held_script(folder / "app.wsgi", gate), "--shutdown-timeout", "10m", *options)
    assert server.get() == (200, "answered")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        page = pool.submit(server.get, "/held")
        server.wait_for("a request is held")
        server.process.send_signal(number)
        server.wait_for("^Requests in progress have 600 s to come to their end")
        assert server.process.poll() is None and not page.done()
        gate.touch()
        assert page.result(PATIENCE) == (200, "answered")
    assert server.wait() == 0


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGQUIT,)])
def test_whoever_insists_waits_for_no_request(serve, folder, numbers):
    server = serve(write_held_script(folder / "app.wsgi", folder / "gate"), "--shutdown-timeout", "10m")
    assert server.get() == (200, "answered")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        page = pool.submit(server.get, "/held")
        server.wait_for("a request is held")
        for count, number in enumerate(numbers, 1):
            server.process.send_signal(number)
            if count < len(numbers):
                server.wait_for("^Requests in progress have 600 s")
        assert server.wait() == 0
        with pytest.raises((OSError, http.client.HTTPException)):
            page.result(PATIENCE)


def test_a_request_that_does_not_end_has_the_time_of_an_option(serve, folder):
    server = serve(write_held_script(folder / "app.wsgi", folder / "gate"), "--shutdown-timeout", "100ms")
    assert server.get() == (200, "answered")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        page = pool.submit(server.get, "/held")
        server.wait_for("a request is held")
        assert server.stop() == 0
        with pytest.raises((OSError, http.client.HTTPException)):
            page.result(PATIENCE)


def test_half_a_request_does_not_hold_the_end_up(serve, script):
    server = serve(script, "--shutdown-timeout", "1s")
    assert server.get() == (200, "one")
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert server.get() == (200, "one")  # which was accepted after it
        assert server.stop() == 0
    assert "AH00046" not in server.output, "httpd has waited for it until its patience was over"


@pytest.mark.parametrize("options", [[], ["--embedded"]])
def test_a_graceful_restart_takes_new_code_and_answers_what_runs(serve, folder, options):
    """New code of a module, which nobody watches."""
    gate = folder / "gate"
    server = serve(write_held_script(folder / "app.wsgi", gate), *options)
    assert server.get() == (200, "answered")
    loads = server.output.count("loaded WSGI script")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        page = pool.submit(server.get, "/held")
        server.wait_for("a request is held")
        server.process.send_signal(signal.SIGUSR2)
        server.process.send_signal(signal.SIGUSR1)
        poll(lambda: server.get() == (200, "answered") and server.output.count("loaded WSGI script") > loads, "new code")
        assert not page.done()
        gate.touch()
        assert page.result(PATIENCE) == (200, "answered")
    assert server.stop() == 0


def test_nobody_has_to_see_or_hear_it(brine, script, runtime):
    """By a program that has closed its standard files, whose numbers are free then."""
    port = free_port()
    process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" serve "$1" --port "$2" <&- >&- 2>&-', brine, script, str(port)],
                               env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)})
    try:
        def answer():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE).read()
            except OSError:
                return None if process.poll() is None else b"it has ended"

        assert poll(answer, "a page") == b"one"
    finally:
        process.terminate()
    assert process.wait(PATIENCE) == 0


def test_a_signal_while_the_script_still_loads(serve, folder):
    script = write_script(folder / "slow.wsgi", 'b""', "import time; print('loading'); time.sleep(3)")
    server = serve(script)
    server.wait_for("loading")
    assert server.stop() == 0
    assert "http://" not in server.output


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_ways_of_httpd(serve, script, mpm):
    assert serve(script, "--mpm", mpm, "--threads", "3").get() == (200, "one")


def test_the_main_interpreter_runs_the_script(serve, folder):
    script = write_script(folder / "app.wsgi", "environ['mod_wsgi.application_group'].encode()")
    assert serve(script).get() == (200, "")


def test_an_edit_is_seen_by_the_next_request(serve, script):
    server = serve(script)
    assert server.get() == (200, "one")
    write_script(script, 'b"two"')
    assert server.get() == (200, "two")


@pytest.mark.parametrize("options", [(), ("--embedded",), ("--processes", "3"), ("--preload",), ("--mpm", "prefork")],
                         ids=" ".join)
def test_a_script_that_does_not_load_is_the_end(serve, folder, options):
    """The exception that all others come from is said first, and last."""
    script = write_file(folder / "app.wsgi", "try:\n    {}['key']\nexcept KeyError as error:\n"
                                             "    raise RuntimeError('two') from error\n")
    server = serve(script, *options)
    assert server.wait() == 1
    first, *_, last = server.output.splitlines()
    assert first == f"brine: {script} does not load: KeyError: 'key' ({script}:2)"
    assert last == f"brine: {script} has never loaded: KeyError: 'key' ({script}:2). The lines above tell more."
    assert re.search(r"^ +Traceback .most recent call last", server.output, re.MULTILINE)
    assert "http://" not in server.output


def test_a_script_that_does_not_load_can_be_mended_while_it_is_watched(serve, folder):
    script = write_file(folder / "app.wsgi", "import no_such_module\n")
    server = serve(script, "--reload")
    server.wait_for("^http://")
    output = server.output
    assert output.startswith(f"brine: {script} does not load: ModuleNotFoundError: No module named 'no_such_module'")
    assert re.search(r"^\d\d:\d\d:\d\d error  .*", output, re.MULTILINE)
    assert re.search(r"^ +ModuleNotFoundError: No module named 'no_such_module'", output, re.MULTILINE)
    assert output.index("ModuleNotFoundError") < output.index("http://")
    write_script(script, 'b"mended"')
    server.wait_for_page("/", "mended")
    assert server.stop() == 0


def test_one_of_several_applications_that_does_not_load_leaves_the_others(serve, folder, script):
    broken = write_file(folder / "broken.wsgi", "import no_such_module\n")
    server = serve(script, "--mount", f"/broken={broken}")
    server.wait_for("BRINE0614")
    assert server.get() == (200, "one")
    assert server.get("/broken")[0] == 500
    assert server.stop() == 0


def test_what_is_tried_again_is_told_once(serve, script, runtime):
    server = serve(script)
    assert server.get() == (200, "one")
    write_file(script, "this is no Python\n")
    assert server.get() == (200, "one")
    server.wait_for("BRINE0617")
    [log] = runtime.glob("*/error.log")
    poll(lambda: log.read_text().count("BRINE0617") > 1, "another attempt")
    assert server.stop() == 0
    assert server.output.count("BRINE0301") == server.output.count("BRINE0617") == 1


def test_a_watched_script_that_never_loads_is_a_failure(serve, folder):
    script = write_file(folder / "app.wsgi", "import no_such_module\n")
    server = serve(script, "--reload")
    assert server.get()[0] == 500
    write_file(script, "import no_such_module_either\n")
    server.wait_for("no_such_module_either'$")
    assert server.stop() == 1
    assert server.output.endswith(f"brine: {script} has never loaded: ModuleNotFoundError: No module named "
                                  f"'no_such_module_either' ({script}:1). The lines above tell more.\n")


@pytest.mark.parametrize("text, expected", [
    ("import nosuch\n", "ModuleNotFoundError: No module named 'nosuch' ({script}:1)"),
    ("def start():\n    return {}['key']\ntry:\n    start()\nexcept KeyError as error:\n"
     "    raise RuntimeError('two\\nlines') from error\n", "KeyError: 'key' ({script}:2)"),
    ("try:\n    1 / 0\nfinally:\n    import nosuch\n", "ZeroDivisionError: division by zero ({script}:2)"),
    ("def f(:\n", "SyntaxError: invalid syntax ({script}:1)"),
    ("raise ValueError('one\\n  two')\n", "ValueError: one ({script}:1)"),
    ("raise SystemExit(3)\n", "SystemExit: 3 ({script}:1)"),
])
def test_the_root_of_a_chain_of_exceptions_is_told(folder, text, expected):
    script = write_file(folder / "app.wsgi", text)
    printed = subprocess.run([sys.executable, "-c", "import runpy, sys, traceback\ntry:\n    runpy.run_path(sys.argv[1])\n"
                              "except BaseException:\n    print(traceback.format_exc())", script],
                             capture_output=True, text=True, check=True).stdout
    assert root_exception(printed.splitlines()) == expected.format(script=script)


@pytest.mark.parametrize("options", [(), ("--embedded",)], ids=" ".join)
@pytest.mark.parametrize("text, why", [("", "does not define 'application'"), ("application = None\n", "cannot be called"),
                                       ("raise SystemExit('no database')\n", "SystemExit: no database")])
def test_a_script_without_an_application_is_a_failure(serve, folder, options, text, why):
    script = write_file(folder / "app.wsgi", text)
    server = serve(script, *options)
    assert server.wait() == 1
    assert server.output.startswith(f"brine: {script} does not load: ") and why in server.output.splitlines()[0]
    assert f"brine: {script} has never loaded" in server.output


def test_a_script_that_crashes_httpd_s_own_processes_is_the_end(serve, folder):
    script = write_file(folder / "app.wsgi", "import os\nos.abort()\n")
    server = serve(script, "--embedded")
    assert server.wait() == 1
    assert f"to run {script} ended while it loaded the script" in server.output


def test_a_script_that_hangs_while_it_loads_is_told_and_a_failure(serve, folder):
    script = write_file(folder / "app.wsgi", "import time\ntime.sleep(3600)\n")
    server = serve(script)
    server.wait_for(f"^{script} is still being loaded")
    assert server.stop() == 1
    assert server.output.count("still being loaded") == 1 and "http://" not in server.output
    assert f"brine: {script} has not come to the end of its loading" in server.output


CRASHES_WHEN_LOADED = """
import os, sys, threading, time
loader = threading.get_ident()

def is_loading():
    frame = sys._current_frames().get(loader)
    while frame and frame.f_code.co_filename != __file__:
        frame = frame.f_back
    return frame

def crash():
    while is_loading():
        time.sleep(0.001)
    time.sleep({seconds})
    os.abort()

threading.Thread(target=crash).start()
"""


@pytest.mark.parametrize("mpm", ["event", "prefork"])
@pytest.mark.parametrize("seconds", [0.1, 0.5])
def test_crashes_just_after_loading_are_the_end(serve, folder, seconds, mpm):
    script = write_script(folder / "app.wsgi", "b''", CRASHES_WHEN_LOADED.format(seconds=seconds))
    server = serve(script, "--mpm", mpm)
    assert server.wait() == 1
    assert server.output.count("BRINE0610") == 3
    assert f"to run {script} ended just after it had loaded the script" in server.output


def test_crashes_that_requests_cause_are_not_the_end(serve, folder):
    script = write_script(folder / "app.wsgi", "os.abort() if environ['PATH_INFO'] == '/abort' else b'one'", "import os")
    server = serve(script)
    for _ in range(4):
        assert server.get("/abort")[0] == 502
    server.wait_for_page("/", "one")
    assert server.stop() == 0


CRASHES = {
    "SIGABRT": "import os\nos.abort()\n",
    "SIGSEGV": "import ctypes\nctypes.string_at(0)\n",
    # Each level is a call in C as well: the stack ends before the recursion limit is reached.
    "SIGSEGV ": "import sys\nsys.setrecursionlimit(10 ** 9)\nclass Deep:\n    def __getattr__(self, name):\n"
                "        return getattr(self, name)\nDeep().x\n",
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_while_the_script_loads_is_told_once_and_the_end(serve, folder, name):
    server = serve(write_file(folder / "app.wsgi", CRASHES[name]))
    assert server.wait() == 1
    assert server.output.count("BRINE0610") == server.output.count("Fatal Python error") == 1
    assert f"ended: killed by {name.strip()};" in server.output
    assert re.search(r'^ +File "[^"]+/app.wsgi", line \d+ in ', server.output, re.MULTILINE)
    assert f"to run {folder}/app.wsgi ended while it loaded the script" in server.output
    assert "http://" not in server.output and "AH00052" not in server.output


def test_an_exit_while_the_script_loads_is_the_end_with_every_mpm(serve, folder):
    script = write_file(folder / "app.wsgi", "import os\nos._exit(0)\n")
    for options in ([], ["--mpm", "prefork"]):
        server = serve(script, *options)
        assert server.wait() == 1
        assert server.output.count("BRINE0610") == 1 and "ended while it loaded the script" in server.output


def test_a_module_that_crashes_after_an_edit_is_the_end(serve, folder):
    module = write_file(folder / "neighbour.py", "")
    server = serve(write_script(folder / "app.wsgi", 'b"one"', "import neighbour"), "--reload")
    assert server.get() == (200, "one")
    write_file(module, CRASHES["SIGABRT"])
    assert server.wait() == 1
    assert re.search(r'^ +File "[^"]+/neighbour.py", line 2 in ', server.output, re.MULTILINE)


def test_a_crash_that_does_not_concern_those_that_serve_is_not_the_end(serve, folder):
    script = write_script(folder / "app.wsgi", "os.abort() if environ['PATH_INFO'] == '/abort' else b'one'", "import os")
    server = serve(script)
    assert server.get() == (200, "one")
    assert server.get("/abort")[0] == 502
    server.wait_for_page("/", "one")
    write_file(script, CRASHES["SIGABRT"])  # new code that dies: the old goes on
    assert server.get() == (200, "one")
    server.wait_for("BRINE0617")
    assert server.get() == (200, "one")
    assert server.stop() == 0


def half_sent(url, head, body=0):
    """A connection with a request that never comes to its end."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    client = socket.create_connection((host, int(port)))
    client.sendall(head.encode() + bytes(body))
    return client


@pytest.mark.parametrize("mpm, head, body, count", [
    ("event", "GET / HTTP/1.1\r\nHost: site\r\n", 0, 160),
    ("prefork", "GET / HTTP/1.1\r\nHost: site\r\n", 0, 12),
    ("event", "POST / HTTP/1.1\r\nHost: site\r\nContent-Length: 10\r\n\r\n", 9, 12),
    ("event", "POST / HTTP/1.1\r\nHost: site\r\nContent-Length: 300000\r\n\r\n", 200_000, 12),
    ("prefork", "POST / HTTP/1.1\r\nHost: site\r\nContent-Length: 300000\r\n\r\n", 200_000, 12),
    ("event", "POST / HTTP/1.1\r\nHost: site\r\nContent-Length: 20000000\r\n\r\n", 17_000_000, 3)])
def test_half_sent_requests_leave_the_site_to_others(serve, folder, mpm, head, body, count):
    script = write_script(folder / "app.wsgi", "environ['wsgi.input'].read() and b'' or b'one'")
    server = serve(script, "--mpm", mpm, "--threads", "2")
    clients = [half_sent(server.url, head, body) for _ in range(count)]
    with urllib.request.urlopen(server.url, timeout=9) as answer:  # before httpd gives these up, after ten seconds
        assert answer.read() == b"one"
    for client in clients:
        client.close()


def test_as_many_requests_at_once_as_asked_for(serve, folder):
    """What httpd has in reserve for slow clients is not let loose on the script."""
    script = write_script(folder / "app.wsgi", "count()", """
import threading
lock, inside, most, both = threading.Lock(), 0, 0, threading.Barrier(2)
def count():
    global inside, most
    with lock:
        inside += 1
        most = max(most, inside)
    both.wait(30)
    with lock:
        inside -= 1
    return str(most).encode()
""")
    server = serve(script, "--threads", "2")
    server.wait_for("^http://")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.get(), range(8)))
    assert set(answers) <= {(200, "1"), (200, "2")}


def test_an_exception_is_shown_as_a_person_reads_it(serve, folder):
    server = serve(write_script(folder / "app.wsgi", "1 / 0"))
    assert server.get()[0] == 500
    server.wait_for(r"^ +ZeroDivisionError: division by zero$")
    assert re.search(r'^ +File "[^"]+/app.wsgi", line 3, in application$', server.output, re.MULTILINE)
    assert "pid" not in server.output.replace("mod_wsgi (pid", "")
    assert "\x1b" not in server.output


def test_what_a_script_prints_is_shown(serve, folder):
    script = write_script(folder / "app.wsgi", 'b""', 'print("gr\\u00fc\\u00df dich")')
    serve(script).wait_for("grüß dich$")


def test_modules_beside_the_script_can_be_imported(serve, folder):
    write_file(folder / "neighbour.py", 'WORD = b"neighbour"\n')
    assert serve(write_script(folder / "app.wsgi", "neighbour.WORD", "import neighbour")).get() == (200, "neighbour")


def test_a_script_inside_a_package_imports_its_package(serve, folder):
    write_file(folder / "shop/__init__.py", "")
    write_file(folder / "shop/settings.py", 'WORD = b"shop"\n')
    script = write_script(folder / "shop/wsgi.py", "settings.WORD", "from shop import settings")
    assert serve(script).get() == (200, "shop")


def test_mount_and_static(serve, folder):
    site = folder / "site"
    script = write_script(site / "app.wsgi", "environ['PATH_INFO'].encode()")
    site.chmod(0o755)
    write_file(folder / "files/style.css", "p {}")
    write_file(folder / "files/docs/index.html", "manual")
    server = serve(script, "--mount", "/app/", "--static", f"/app/files={folder / 'files'}",
                   "--static", f"/manual={folder / 'files/docs'}")
    assert server.url.endswith("/app")
    assert server.get("/x") == (200, "/x")
    assert server.get("/files/style.css") == (200, "p {}")
    assert server.get("/files/docs/") == (200, "manual")
    assert server.get("/files/../../etc/passwd")[0] in (400, 403, 404)
    assert server.get("/files/missing")[0] == 404
    assert server.get("/../manual/index.html") == (200, "manual")


def test_nothing_else_is_served(serve, folder):
    write_file(folder / "secret.txt", "secret")
    server = serve(write_script(folder / "app.wsgi", 'b"app"'), "--mount", "/app")
    for path in ("/../secret.txt", "/../", "/../etc/passwd"):
        assert server.get(path)[0] in (403, 404)


@pytest.mark.parametrize("name", ["two words", 'a "q"', "$HOME", "100%", "%{GLOBAL}", "back\\slash", "end\\", "st*r",
                                  "[ab]", "wh?t", "café", "#", "a>b", "{a,b}"])
def test_awkward_paths(serve, folder, name):
    script = write_script(folder / name / f"{name}.wsgi", "neighbour.WORD", "import neighbour")
    (folder / name).chmod(0o755)
    write_file(folder / name / "neighbour.py", 'WORD = b"here"\n')
    static = write_file(folder / f"static {name}" / "file.txt", "static").parent
    server = serve(script, "--static", f"/static={static}")
    assert server.get() == (200, "here")
    assert server.get("/static/file.txt") == (200, "static")


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize("host, mpm", [("::1", "event"), ("[::1]", "prefork"), ("::", "event")])
def test_ipv6(serve, folder, host, mpm):
    (folder / "files").mkdir(mode=0o755)
    script = write_script(folder / "site/app.wsgi", "environ['HTTP_HOST'].encode()")
    script.parent.chmod(0o755)
    server = serve(script, "--host", host, "--mpm", mpm)
    assert server.url.startswith("http://[::1]:")
    assert server.get() == (200, server.url.removeprefix("http://"))
    assert server.stop() == 0


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6")
def test_an_ipv6_port_in_use(brine, script):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        answer = subprocess.run([brine, "serve", script, "--host", "::1", "--port", str(port)], capture_output=True,
                                text=True)
    assert answer.returncode == 2 and f"[::1]:{port} is not free (Address already in use)" in answer.stderr


def test_all_addresses(serve, script):
    server = serve(script, "--host", "0.0.0.0")
    assert server.url.startswith("http://127.0.0.1:")
    assert server.get() == (200, "one")


def httpd_pid(runtime):
    """The pid of the httpd that serves from a folder in `runtime`."""
    return int(poll(lambda: [file.read_text() for file in runtime.glob("*/httpd.pid")], "httpd's pid")[0])


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_folder_is_private(serve, script, runtime):
    server = serve(script)
    server.wait_for("^http://")
    [folder] = runtime.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_uid == os.geteuid()


def test_a_runtime_folder_of_somebody_else_is_not_used(serve, script, public_folder, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(public_folder))
    other = public_folder / "open"
    other.mkdir(exist_ok=True)
    other.chmod(0o777)
    server = serve(script, environment={"XDG_RUNTIME_DIR": str(other)})
    assert server.get() == (200, "one")
    assert list(other.iterdir()) == []


def test_httpd_that_ends_by_itself_is_reported(serve, script, runtime):
    server = serve(script)
    assert server.get() == (200, "one")
    os.kill(httpd_pid(runtime), signal.SIGKILL)
    assert server.wait() == 1
    assert "httpd ended by itself, by SIGKILL" in server.output
    assert not server.answers()


def test_httpd_goes_when_the_command_is_killed(serve, script, runtime):
    server = serve(script)
    assert server.get() == (200, "one")
    pid = httpd_pid(runtime)
    server.process.kill()
    server.process.wait()
    poll(lambda: not is_alive(pid), "httpd's end")
    for left in runtime.iterdir():
        shutil.rmtree(left)


def test_a_terminal_s_ctrl_c_reaches_the_command_alone(serve, script, runtime):
    server = serve(script)
    assert server.get() == (200, "one")
    assert os.getpgid(httpd_pid(runtime)) != os.getpgid(server.process.pid)


def test_reload_restarts_for_a_module(serve, folder):
    module = write_file(folder / "neighbour.py", 'WORD = b"old"\n')
    server = serve(write_script(folder / "app.wsgi", "neighbour.WORD", "import neighbour"), "--reload")
    assert server.get() == (200, "old")
    write_file(module, 'WORD = b"new, and longer"\n')
    server.wait_for("^Changed: neighbour.py. Loading the script anew.$")
    server.wait_for_page("/", "new, and longer")
    assert server.stop() == 0


STREAM = """import itertools
import time
import neighbour
WORD = b"0"
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/stream":
        return (time.sleep(number and 0.2) or b"event" for number in itertools.count())
    return [neighbour.WORD + WORD]
"""


def begin_stream(url):
    """A response that is never at its end."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    client = socket.create_connection((host, int(port)))
    client.settimeout(30)
    client.sendall(b"GET /stream HTTP/1.1\r\nHost: site\r\n\r\n")
    received = b""
    while b"event" not in received:
        block = client.recv(4096)
        assert block, received
        received += block
    return client


@pytest.mark.parametrize("edited", ["neighbour.py", "app.wsgi"])
def test_responses_that_stay_open_do_not_keep_edits_away(serve, folder, edited):
    module = write_file(folder / "neighbour.py", 'WORD = b"0"\n')
    script = write_file(folder / "app.wsgi", STREAM)
    server = serve(script, "--reload")
    clients = []
    for number in range(1, 9):
        clients.append(begin_stream(server.url))
        if edited == module.name:
            write_file(module, f'WORD = b"{number}"\n')
            server.wait_for_page("/", f"{number}0")
        else:
            write_file(script, STREAM.replace('WORD = b"0"', f'WORD = b"{number}"'))
            server.wait_for_page("/", f"0{number}")
    for client in clients:
        client.close()
    assert server.stop() == 0


def test_reload_mends_a_module_that_hangs(serve, folder):
    module = write_file(folder / "neighbour.py", "import time\nwhile True:\n    time.sleep(1)\n")
    server = serve(write_script(folder / "app.wsgi", "neighbour.WORD", "import neighbour"), "--reload")
    server.wait_for("app.wsgi is still being loaded")
    assert server.output.count("still being loaded") == 1
    write_file(module, 'WORD = b"mended"\n')
    server.wait_for_page("/", "mended")
    assert server.stop() == 0


def test_reload_sees_a_change_made_while_the_script_loads(serve, folder):
    module = write_file(folder / "neighbour.py", 'WORD = b"old"\n')
    before = "import time, neighbour; print('loading'); time.sleep(1)"
    server = serve(write_script(folder / "app.wsgi", "neighbour.WORD", before), "--reload")
    server.wait_for("loading")
    write_file(module, 'WORD = b"new"\n')
    server.wait_for_page("/", "new")


def test_reload_listens_where_watchdog_is(serve, folder):
    pytest.importorskip("watchdog")
    module = write_file(folder / "neighbour.py", 'WORD = b"old"\n')
    server = serve(write_script(folder / "app.wsgi", "neighbour.WORD", "import neighbour"), "--reload")
    assert server.get() == (200, "old")
    descriptors = f"/proc/{server.process.pid}/fd"
    poll(lambda: any("inotify" in os.readlink(f"{descriptors}/{number}") for number in os.listdir(descriptors)
                     if os.path.lexists(f"{descriptors}/{number}")), "an inotify descriptor")
    write_file(module, 'WORD = b"new"\n')
    server.wait_for_page("/", "new")
    assert server.stop() == 0


def test_without_reload_a_module_is_not_watched(serve, folder):
    module = write_file(folder / "neighbour.py", 'WORD = b"old"\n')
    server = serve(write_script(folder / "app.wsgi", "neighbour.WORD", "import neighbour"))
    assert server.get() == (200, "old")
    write_file(module, 'WORD = b"new"\n')
    assert server.get() == (200, "old")
    assert "Changed" not in server.output


def test_a_broken_script_answers_500_with_reload_and_the_last_good_one_without(serve, folder):
    script = write_script(folder / "app.wsgi", 'b"good"')
    keeping, failing = serve(script), serve(script, "--reload")
    assert keeping.get() == failing.get() == (200, "good")
    write_file(script, "this is no Python\n")
    assert keeping.get() == (200, "good")
    assert failing.get()[0] == 500
    keeping.wait_for("SyntaxError")
    failing.wait_for("SyntaxError")


def test_a_virtual_environment(serve, folder):
    environment = folder / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", environment], check=True)
    write_file(next(environment.glob("lib/python*/site-packages")) / "only_here.py", 'WORD = b"from the venv"\n')
    script = write_script(folder / "site/app.wsgi", "only_here.WORD", "import only_here")
    script.parent.chmod(0o755)
    for way in (environment, environment / "bin", environment / "bin/python"):
        assert serve(script, "--python", way).get() == (200, "from the venv")
    active = serve(script, environment={"VIRTUAL_ENV": str(environment)})
    assert active.get() == (200, "from the venv")


@ROOT_ONLY
def test_a_plain_user_may_serve(serve, script, runtime):
    nobody = pwd.getpwnam("nobody")
    os.chown(runtime, nobody.pw_uid, nobody.pw_gid)
    server = serve(script, user=nobody)
    assert server.get() == (200, "one")
    assert server.stop() == 0


@ROOT_ONLY
def test_a_user_whom_nobody_knows_may_serve(brine, script, runtime):
    os.chown(runtime, 54321, 54321)
    server = Serving(["env", "-u", "HOME", brine, "serve", script, "--port", free_port()],
                     {"XDG_RUNTIME_DIR": str(runtime)},
                     SimpleNamespace(pw_uid=54321, pw_gid=54321))
    try:
        assert server.get() == (200, "one")
        assert server.stop() == 0
    finally:
        server.end()


@ROOT_ONLY
def test_root_s_httpd_serves_as_another_user(serve, folder):
    script = write_script(folder / "app.wsgi", "str(os.getuid()).encode()", "import os")
    assert serve(script).get() == (200, str(pwd.getpwnam("www-data").pw_uid))
