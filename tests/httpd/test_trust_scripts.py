"""script-user= and script-group=: the file that was judged is the file that runs, whatever makes it run."""

import itertools
import os
import pwd
import threading

import pytest

from harness import daemons
from harness.deadline import until

ROOT = os.geteuid() == 0
pytestmark = [pytest.mark.modes("groups"),
              pytest.mark.skipif(not ROOT, reason="only root gives files to other users")]
OWNER, OTHER = (pwd.getpwnam(name).pw_uid for name in ("nobody", "daemon"))

# Leaves a mark where it is executed.
SCRIPT = """
with open({mark!r}, "a") as file:
    file.write("executed")

def application(environ, start_response):
    start_response("200 OK", [])
    return [{name!r}]
"""


class Site:
    """Scripts of one folder that is OWNER's; what is executed leaves a mark."""

    def __init__(self, workspace):
        self.home = workspace.new_folder()
        self.folder = self.home / "scripts"
        os.chown(self.folder, OWNER, OWNER)

    def script(self, name, owner=OWNER, folder=None, content=SCRIPT):
        folder = folder or self.folder
        path = folder / f"{name}.wsgi"
        fresh = folder / f".{name}.new"
        fresh.write_text(content.format(mark=str(self.mark(name)), name=name.encode()))
        fresh.chmod(0o644)
        os.chown(fresh, owner, owner)
        os.replace(fresh, path)
        return path

    def folder_of(self, owner, name="other"):
        folder = self.home / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        os.chown(folder, owner, owner)
        return folder

    def mark(self, name):
        return self.home / "writable" / name

    def has_run(self, name):
        return self.mark(name).exists()


@pytest.fixture
def site(workspace):
    return Site(workspace)


def alias(name, script, more=""):
    return f"WSGIScriptAlias /{name} {script} process-group=site {more}\n"


GROUP = "WSGIDaemonProcess site threads=2 script-user=nobody {}\n"


# --- every way to run a script is judged -----------------------------------------------------------


@pytest.mark.parametrize("way", ["alias", "import", "service"])
def test_a_forbidden_script_is_not_run_before_it_is_asked_for(start_httpd, site, way):
    bad, good = site.script("bad", owner=OTHER), site.script("good")
    line = {"alias": alias("bad", bad, "application-group=%{GLOBAL}"),
            "import": f"WSGIImportScript {bad} process-group=site application-group=%{{GLOBAL}}\n",
            "service": f"WSGIDaemonProcess work threads=0 script-user=nobody\n"
                       f"WSGIImportScript {bad} process-group=work application-group=%{{GLOBAL}}\n"}[way]
    server = start_httpd(GROUP.format("") + line + alias("good", good, "application-group=%{GLOBAL}"))
    record = server.expect_log("BRINE0310")[0]
    assert f"'{bad}' is owned by user #{OTHER}, not #{OWNER} (script-user)" in record.text
    server.expect_log("BRINE0614")
    assert server.get("/good").body == b"good", "whatever else the group has goes on"
    assert site.has_run("good") and not site.has_run("bad")
    if way == "alias":
        assert server.get("/bad").status == 403
        server.expect_log("BRINE0115")
        assert not site.has_run("bad")
        os.chown(bad, OWNER, OWNER)
        assert server.get("/bad").body == b"bad", "it is judged anew"


def test_a_forbidden_script_is_not_run_by_a_reload(start_httpd, site):
    """A new process loads all that its predecessors had, not only what has changed."""
    first, second = site.script("first"), site.script("second")
    server = start_httpd(GROUP.format("") + alias("first", first) + alias("second", second))
    assert server.get("/first").body == b"first" and server.get("/second").body == b"second"
    site.mark("second").unlink()
    site.script("second", owner=OTHER)
    mark = server.log.mark()
    site.script("first")
    assert server.get("/first").status == 200
    until(lambda: daemons.starts(server, mark), "a process has been started for it")
    server.expect_log("BRINE0310")
    assert not site.has_run("second")
    server.allow_log("BRINE06(14|17|44)")


@pytest.mark.parametrize("reloading", ["Rolling", "On"])
def test_a_forbidden_version_is_not_loaded_by_a_request(start_httpd, site, reloading):
    script = site.script("app")
    server = start_httpd(GROUP.format("") + f"WSGIScriptReloading {reloading}\n" + alias("app", script))
    assert server.get("/app").status == 200
    site.mark("app").unlink()
    site.script("app", owner=OTHER)
    assert server.get("/app").status == 403
    server.expect_log("BRINE0115")
    assert not site.has_run("app")
    site.script("app")
    assert server.get("/app").status == 200
    assert until(lambda: site.has_run("app"), "the new version is loaded")


# --- symbolic links ------------------------------------------------------------------------------------


def turn(link, targets, stop):
    """Lets a link lead to one after the other, over and over."""
    fresh = link.with_name(".turning")
    for target in itertools.cycle(targets):
        fresh.symlink_to(target)
        os.lchown(fresh, OWNER, OWNER)
        os.replace(fresh, link)
        if stop.wait(0.001):
            return


def test_a_link_that_turns_between_judgement_and_execution(start_httpd, site):
    """Its owner turns it; what it leads to at times is a file of another user."""
    good = site.script("good")
    bad = site.script("bad", owner=OTHER, folder=site.folder_of(OTHER))
    link = site.folder / "app.wsgi"
    link.symlink_to(good)
    server = start_httpd(GROUP.format("processes=2") + alias("app", link))
    server.allow_log("BRINE01(15|16|02)|BRINE03(03|06|10)|BRINE06")
    stop = threading.Event()
    turner = threading.Thread(target=turn, args=(link, (bad, good), stop))
    turner.start()
    try:
        answers = [server.get("/app") for _ in range(30)]
    finally:
        stop.set()
        turner.join()
    assert not site.has_run("bad")
    assert {answer.status for answer in answers} <= {200, 403}
    assert {answer.body for answer in answers if answer.status == 200} == {b"good"}


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("owner, mode, code", [(OWNER, 0o777, "BRINE0116"), (OWNER, 0o1777, "BRINE0116"),
                                               (OWNER, 0o775, "BRINE0116"), (OTHER, 0o755, "BRINE0115")])
def test_who_may_turn_a_link_chooses_what_runs(start_httpd, site, kind, owner, mode, code):
    good = site.script("good")
    links = site.folder_of(OWNER, "links")
    link = links / "link"
    link.symlink_to(good if kind == "file" else site.folder)
    path = link if kind == "file" else link / "good.wsgi"
    server = start_httpd(GROUP.format("") + alias("app", path))
    assert server.get("/app").body == b"good", "a link in the user's own folder"
    links.chmod(mode)
    os.chown(links, owner, owner)
    assert server.get("/app").status == 403
    record, = server.expect_log(code)
    assert f"'{links}'" in record.text
    links.chmod(0o755)
    os.chown(links, 0, 0)
    assert server.get("/app").body == b"good", "a link in root's folder"


# --- what is no file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "script-user=nobody"])
def test_a_fifo_in_the_place_of_a_script(start_httpd, site, options):
    """It is refused; nobody waits for what writes into it."""
    path = site.folder / "app.wsgi"
    os.mkfifo(path, 0o644)
    os.chown(path, OWNER, OWNER)
    server = start_httpd(f"WSGIDaemonProcess site threads=1 {options}\n" + alias("app", path))
    assert server.get("/app").status in (403, 500)
    record = server.expect_log("BRINE0(115|303)")[0]
    assert "no regular file" in record.text
    path.unlink()
    site.script("app")
    assert server.get("/app").body == b"app"
