"""Starting, restarting and ending: preloading, graceful restarts, descriptors, crashes of the load."""

import threading

import pytest

from harness import processes
from harness.deadline import until

pytestmark = pytest.mark.axes("mpm", "python", "interpreter")

CONFIG = """
WSGIScriptAlias /hello {apps}/hello.wsgi
WSGIScriptAlias /shape {apps}/response.wsgi
WSGIScriptAlias /digest {apps}/digest.wsgi
WSGIScriptAlias /send {apps}/file_wrapper.wsgi
WSGIScriptAlias /errors {apps}/errors.wsgi
"""
NOTES = """
import atexit, os, threading
FOLDER = {folder!r}

def note(what):
    with open(os.path.join(FOLDER, f"{{what}}-{{os.getpid()}}"), "w") as file:
        file.write(threading.current_thread().name)

note("loaded")
atexit.register(note, "ended")

def application(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture
def noting(workspace):
    """A script that leaves notes about its life in a folder: (script, folder)."""
    folder = workspace.new_folder()
    notes = folder / "writable"
    (folder / "noting.wsgi").write_text(NOTES.format(folder=str(notes)))
    return folder / "noting.wsgi", notes


def notes_of(folder, what):
    return {int(path.name.split("-")[1]) for path in folder.glob(f"{what}-*")}


def test_a_thousand_requests_leave_no_descriptor(httpd):
    path = httpd.write("writable/file", "content" * 1000)

    def round_of_requests():
        for _ in range(25):
            httpd.get("/hello")
            httpd.get("/shape?generator")
            httpd.post("/digest", b"x" * 100_000)
            httpd.get(f"/send{path}?whole")
            httpd.get(f"/send{path}?middleware")
            httpd.get("/errors?plain")
            httpd.get("/errors?plain-later")
        return {pid: processes.descriptors(pid) for pid in httpd.children()}

    httpd.allow_log("BRINE0401")
    before = round_of_requests()
    after = round_of_requests()
    for pid in set(before) & set(after):
        grown = {fd: name for fd, name in after[pid].items()
                 if fd not in before[pid] and not name.startswith("socket:")}
        assert not grown, grown


@pytest.mark.axes("mpm", "python")
def test_graceful_restart_loses_nothing(start_httpd, variant):
    if variant.mpm == "prefork":
        pytest.skip("prefork closes idle keep-alive connections at a restart")
    server = start_httpd("WSGIScriptAlias /hello {apps}/hello.wsgi\n")
    problems, stop = [], threading.Event()

    def client():
        while not stop.is_set():
            try:
                answer = server.get("/hello")
                if (answer.status, answer.body) != (200, b"hello"):
                    problems.append(answer)
            except OSError as error:
                problems.append(error)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = set(server.children())
        server.reload()
        until(lambda: not before & set(server.children()), "the old processes have gone", 30)
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems, problems[:3]


@pytest.mark.axes("mpm")
def test_a_restart_reads_the_new_configuration(start_httpd):
    server = start_httpd("WSGIScriptAlias /old {apps}/hello.wsgi\n")
    assert server.get("/old").status == 200
    before = set(server.children())
    server.reload("WSGIScriptAlias /new {apps}/hello.wsgi\n")
    until(lambda: not before & set(server.children()), "the old processes have gone", 30)
    assert server.get("/new").status == 200
    assert server.get("/old").status == 404


def test_atexit_callbacks_run(start_httpd, noting):
    script, notes = noting
    server = start_httpd(f"WSGIScriptAlias /app {script}\n")
    pid = int(server.get("/app").text)
    assert pid in notes_of(notes, "loaded")
    server.stop()
    assert pid in notes_of(notes, "ended")


@pytest.mark.axes("interpreter")
def test_import_script_loads_at_start(start_httpd, noting):
    script, notes = noting
    server = start_httpd(f"WSGIImportScript {script} process-group={{process_group}} "
                         "application-group=%{GLOBAL}\n")
    until(lambda: notes_of(notes, "loaded") >= set(server.children()), "it is loaded")


@pytest.mark.axes("interpreter")
def test_an_alias_with_both_groups_is_loaded_at_start(start_httpd, noting):
    script, notes = noting
    server = start_httpd(f"WSGIScriptAlias /app {script} process-group={{process_group}} "
                         "application-group=%{GLOBAL}\n")
    until(lambda: notes_of(notes, "loaded") >= set(server.children()), "it is loaded")
    assert int(server.get("/app").text) in notes_of(notes, "loaded")


@pytest.mark.axes()
def test_an_import_script_that_fails_is_logged_and_tried_again(start_httpd):
    server = start_httpd("WSGIScriptAlias /app {dir}/scripts/app.wsgi process-group={process_group} "
                         "application-group=%{GLOBAL}\n")
    server.expect_log("BRINE0008|BRINE030[13]")
    server.allow_log("BRINE0")
    server.write("scripts/app.wsgi", (server.folder.parent / "apps/hello.wsgi").read_text())
    assert server.get("/app").body == b"hello"
