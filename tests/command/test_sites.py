"""Sites in production: `brine config -o` writes them, and the commands that operate them by their names."""

import concurrent.futures
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from brine.installation import Brine, find_httpd
from brine.loading import Loading
from brine.log_record import parse_httpd_s
from brine.refusal import Refusal
from brine.sites import operating, reloading, unit
from brine.sites.known import KnownSite
from brine.sites.unit import _CAPABILITIES
from brine.starting import _checked_engine
from ports import free_port
from serving import PATIENCE, poll, write_held_script, write_script

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Sites:
    """The command, with sites below a folder of the test."""

    def __init__(self, brine, folder):
        self.brine, self.folder = brine, folder
        self.output = folder / "etc"
        self.environment = {**os.environ, "BRINE_SITES": str(folder / "sites")}
        self.environment.pop("VIRTUAL_ENV", None)

    def run(self, *arguments, code=0, **options):
        """What the command says."""
        done = subprocess.run([self.brine, *map(str, arguments)], capture_output=True, text=True, env=self.environment,
                              timeout=4 * PATIENCE, **options)
        assert done.returncode == code, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def write(self, name, target, *options, port=None, **more):
        """Writes a site; gives its port."""
        port = port or free_port()
        self.run("config", "--name", name, target, "-o", self.output, "--port", port, *options, **more)
        return port

    def log(self, name):
        return (self.folder / "sites" / name / "log/error.log").read_text()

    def end_all(self):
        for file in self.folder.rglob("httpd.pid"):
            pid = int(file.read_text())
            os.kill(pid, signal.SIGTERM)
            poll(lambda: not os.path.exists(f"/proc/{pid}"), "httpd's end")


@pytest.fixture
def sites(brine, folder):
    all_of_them = Sites(brine, folder)
    yield all_of_them
    all_of_them.end_all()


@pytest.fixture
def shop(folder):
    """A script whose answer is in a module, which nobody watches."""
    (folder / "shop").mkdir()
    (folder / "shop").chmod(0o755)
    write_script(folder / "shop/shop.wsgi", "goods.NAME", before="import goods")
    goods(folder, '"one"')
    return folder / "shop/shop.wsgi"


def goods(folder, name):
    """A deployment. Of another length each time: bytecode files know a source by its second and size."""
    file = folder / "shop/goods.py"
    number = len(list(file.parent.glob("deployed*")))
    (file.parent / f"deployed{number}").touch()
    new = file.with_name("goods.py.new")  # a process that is tried again may read it at any time
    new.write_text(f"{'#' * number}\nNAME = {name}.encode()\n")
    new.chmod(0o644)
    new.replace(file)


def get(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        return answer.read().decode()


def test_a_site_from_its_start_to_its_end(sites, shop, folder):
    port = sites.write("shop", shop, "--processes", "2")
    checked = subprocess.run([find_httpd().program, "-t", "-f", sites.output / "shop.conf"], capture_output=True, text=True)
    assert "Syntax OK" in checked.stderr
    assert "does not run" in sites.run("reload", "shop", code=2)
    assert f"shop serves at http://127.0.0.1:{port}/\n" == sites.run("start", "shop")
    assert get(port) == "one"
    assert "runs already" in sites.run("start", "shop", code=2)
    poll(lambda: re.search(r"^shop +http://127.0.0.1:\d+/ +2 processes ", sites.run("sites")), "both processes")
    goods(folder, '"two"')
    assert get(port) == "one", "a changed file alone changes nothing"
    said = sites.run("reload", "shop")
    assert "2 of 2 new processes ready" in said and "reloaded" in said
    assert {get(port) for _ in range(8)} == {"two"}
    assert "loaded WSGI script" in sites.run("logs", "shop", "-n", "100")
    assert sites.run("logs", "shop", "-n", "1").count("\n") == 1
    assert sites.run("restart", "shop").startswith("shop has ended.\nshop serves at ")
    assert "shop has ended." in sites.run("stop", "shop")
    assert "does not run" in sites.run("stop", "shop", code=2)
    assert "does not run" in sites.run("sites")
    assert not (folder / "sites/shop/run/httpd.pid").exists()


@pytest.mark.parametrize("by", ["command", "signal"])
def test_a_stop_waits_for_requests_in_progress(sites, folder, by):
    """By `brine stop`, and by the signal that systemd sends to `brine run`."""
    gate = folder / "gate"
    port = sites.write("shop", write_held_script(folder / "app.wsgi", gate), "--shutdown-timeout", "100s")
    run = subprocess.Popen([sites.brine, "run", "shop"], env=sites.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert "serves at" in run.stdout.readline()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            page = pool.submit(get, port, "/held")
            poll(lambda: "a request is held" in sites.log("shop"), "the request")
            ended = pool.submit(sites.run, "stop", "shop") if by == "command" else run.send_signal(signal.SIGTERM)
            poll(lambda: "AH00492" in sites.log("shop"), "httpd's end to begin")
            assert not page.done()
            gate.touch()
            assert page.result(PATIENCE) == "answered"
            assert ended is None or "shop has ended." in ended.result(PATIENCE)
        assert run.wait(PATIENCE) == 0
    finally:
        run.kill()
        run.stdout.close()


@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_code_that_does_not_load_leaves_the_old_in_service(sites, shop, folder, preload):
    """And no request fails, neither by what is broken nor by what is mended."""
    port = sites.write("shop", shop, "--processes", "2", *preload)
    sites.run("start", "shop")
    answers, stop = set(), threading.Event()

    def ask():
        while not stop.is_set():
            answers.add(get(port))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        goods(folder, 'open("/no/such/list").read()')
        said = sites.run("reload", "shop", code=1)
        assert "FileNotFoundError: [Errno 2] No such file or directory: '/no/such/list'" in said
        assert "goods.py:2)" in said and "goes on with its old code" in said
        assert get(port) == "one"
        goods(folder, '__import__("os")._exit(3)')
        assert re.search(r"process \d+ ended while it loaded", sites.run("reload", "shop", code=1))
        goods(folder, '"two"')
        assert "new processes ready" in sites.run("reload", "shop")
        assert {get(port) for _ in range(8)} == {"two"}
    finally:
        stop.set()
        asking.join()
    assert answers == {"one", "two"}


def test_a_script_without_an_application_is_not_taken(sites, shop, folder):
    port = sites.write("shop", shop)
    sites.run("start", "shop")
    text = shop.read_text()
    shop.write_text("other = None\n")
    sites.run("reload", "shop", code=1)
    shop.write_text(text)
    sites.run("reload", "shop")
    assert get(port) == "one"


def test_a_site_that_does_not_load_does_not_start(sites, shop, folder):
    port = sites.write("shop", shop)
    goods(folder, "(1 / 0)")
    assert "ZeroDivisionError: division by zero" in sites.run("start", "shop", code=1)
    with pytest.raises(OSError):
        get(port)
    assert not list(folder.rglob("httpd.pid"))
    with (sites.output / "shop.conf").open("a") as file:
        file.write("Nonsense\n")
    assert "Invalid command 'Nonsense'" in sites.run("start", "shop", code=1)


def test_a_changed_configuration_is_taken_and_a_wrong_one_is_not(sites, shop, folder):
    sites.write("shop", shop)
    sites.run("start", "shop")
    configuration, other = sites.output / "shop.conf", free_port()
    text = configuration.read_text()
    configuration.write_text(re.sub(r"Listen .*", f"Listen 127.0.0.1:{other}", text).replace("info", "warn"))
    assert "taking the changed configuration" in sites.run("reload", "shop")
    assert get(other) == "one"
    assert f"http://127.0.0.1:{other}/" in sites.run("sites")
    assert "changed configuration" not in sites.run("reload", "shop"), "it has been taken, and the log is silent now"
    configuration.write_text(f"{configuration.read_text()}Nonsense\n")
    assert "Invalid command 'Nonsense'" in sites.run("reload", "shop", code=2)
    assert get(other) == "one"
    configuration.write_text(text)


def test_a_configuration_by_which_the_code_does_not_load(sites, shop, folder):
    """By the old one it does, so this is seen only when httpd has read the new one."""
    sites.write("shop", shop)
    sites.run("start", "shop")
    configuration = sites.output / "shop.conf"
    text = configuration.read_text()
    text = re.sub(r'home="[^"]*"', "home=/", text)
    configuration.write_text(re.sub(r"(WSGIDaemonProcess shop)\b", r"\1 python-path=/nowhere", text))
    said = sites.run("reload", "shop", code=1)
    assert "has taken the changed configuration, and does not serve by it: ModuleNotFoundError: " in said
    assert "brine restart shop" in said


@pytest.fixture
def progress(tmp_path, monkeypatch):
    """progress(LINE...): of a reload of the site shop, whose process 10 is to be replaced; 11 is new, 77 another group's,
    as the log says."""
    log = tmp_path / "error.log"
    monkeypatch.setattr(reloading, "processes_of", lambda httpd, group: {10, 11})
    monkeypatch.setattr(reloading, "is_alive", lambda process: process not in (9, 10))

    def after(*lines, old=(10,), earlier=None):
        log.write_text("")
        site = KnownSite("shop", "vhost", "", "", str(log), "", ("shop.wsgi",))
        found = reloading.Progress(site, 1, set(old), earlier)
        log.write_text("".join(f"[Sun Nov 29 21:01:13.8 2026] [wsgi:info] [pid {line}\n" for line in lines))
        for _ in range(2):
            found.look()
        return found

    return after


STARTED = "2:tid 2] started process 11 of daemon group 'shop'"
LOADED = STARTED, "11:tid 11] loaded WSGI script '/shop.wsgi' (process 11)"


def test_what_another_group_logs_is_not_of_the_site(progress):
    """Virtual hosts may have one log."""
    assert not progress("2:tid 2] BRINE0610: process 77 of daemon group 'other' ended: exit code 3").failed
    assert progress("2:tid 2] BRINE0610: process 11 of daemon group 'shop' ended: exit code 3").failed
    assert progress(STARTED, "77:tid 77] loaded WSGI script '/other.wsgi' (process 77)").ready == 0
    assert progress(*LOADED).ready == 1


def test_old_processes_may_end_before_httpd_has_others_that_are_ready(progress):
    """When it reads its configuration. Where the log says nothing of loads, that has to do."""
    assert progress(STARTED).replaced == 1
    assert progress(STARTED, old=[9, 10]).replaced == 2, "one was there only to try code that did not load"
    assert progress(STARTED, earlier=progress(*LOADED)).replaced == 0
    assert progress(STARTED, earlier=progress(STARTED)).replaced == 1
    assert progress(earlier=progress(*LOADED)).replaced == 1


def test_all_processes_with_old_code_are_counted(progress):
    """Those as well that were replaced before httpd read its configuration."""
    assert progress().still == 0
    assert progress(earlier=progress(old=[8])).still == 1


def test_two_run_side_by_side(sites, script, shop):
    ports = sites.write("a", script), sites.write("b", shop, "--user", "nobody") if os.geteuid() == 0 else sites.write("b", shop)
    for name in "ab":
        sites.run("start", name)
    assert [get(port) for port in ports] == ["one", "one"]
    sites.run("stop", "a")
    assert get(ports[1]) == "one"
    sites.run("reload", "b")
    assert sites.run("sites").count("does not run") == 1


def test_a_module_gets_a_script_that_stays(sites, folder):
    package = folder / "web"
    package.mkdir()
    package.chmod(0o755)
    (package / "__init__.py").touch()
    write_script(package / "app.py", "b'module'")
    port = sites.write("web", "web.app:application", "--env", folder / "web/__init__.py", cwd=folder)
    sites.run("start", "web")
    assert get(port) == "module"
    assert "for the site web" in (folder / "sites/web/web.wsgi").read_text()


def test_one_of_several_applications_is_broken(sites, shop, folder):
    """The others take their new code, and it is an error all the same. What was begun with broken code, and ends when it
    has been mended, is none."""
    other = write_script(folder / "other/other.wsgi", 'b"other"')
    other.parent.chmod(0o755)
    port = sites.write("shop", shop, "--mount", f"/other={other}", "--processes", "2")
    sites.run("start", "shop")
    for name in ('"two"', '"three"', '"four"'):
        goods(folder, "(1 / 0)")
        assert "ZeroDivisionError" in sites.run("reload", "shop", code=1)
        goods(folder, name)
        sites.run("reload", "shop")
        assert ({get(port) for _ in range(8)}, get(port, "/other")) == ({eval(name)}, "other")


def test_a_mistake_in_a_django_project_s_views_is_none_of_its_visitors(sites, folder):
    pytest.importorskip("django")
    project = folder / "project"
    (project / "market").mkdir(parents=True)
    for path in (project, project / "market"):
        path.chmod(0o755)
    (project / "manage.py").write_text("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'market.settings')\n")
    (project / "market/settings.py").write_text("ROOT_URLCONF = 'market.urls'\nSECRET_KEY = 'x'\nALLOWED_HOSTS = ['*']\n")
    urls = ("from django.http import HttpResponse\nfrom django.urls import path\n"
            "urlpatterns = [path('', lambda request: HttpResponse('market'))]\n")
    (project / "market/urls.py").write_text(urls)
    port = sites.write("market", project)
    sites.run("start", "market")
    (project / "market/urls.py").write_text(f"import tomato\n{urls}")
    assert "No module named 'tomato'" in sites.run("reload", "market", code=1)
    assert get(port) == "market"
    (project / "market/urls.py").write_text(urls)
    sites.run("reload", "market")
    assert get(port) == "market"


def test_variables_come_from_files(sites, folder):
    (folder / "variables").write_text("GREETING='good day'\n")
    script = write_script(folder / "app.wsgi", "os.environ['GREETING'].encode()", before="import os")
    port = sites.write("app", script, "--env", folder / "variables")
    sites.run("start", "app")
    assert get(port) == "good day"


def test_nothing_is_written_over(sites, script):
    port = sites.write("app", script)
    before = (sites.output / "app.conf").read_text()
    answer = sites.run("config", "--name", "app", script, "-o", sites.output, "--port", port, "--threads", "3", code=2)
    assert "app.conf" in answer and "--force" in answer
    assert (sites.output / "app.conf").read_text() == before
    sites.write("app", script, "--threads", "3", "--force")
    assert "threads=3" in (sites.output / "app.conf").read_text()


@pytest.mark.parametrize("arguments, words", [
    (["config", "SCRIPT", "-o", "DIR"], "--name shop"), (["config", "SCRIPT", "--force"], "with -o DIR"),
    (["config", "SCRIPT", "--name", "a", "-o", "/no/such/folder"], "The folder /no/such of -o does not exist"),
    (["config", "SCRIPT", "--name", "a", "-o", "DIR", "--port", "0"], "--port 0 is for"),
    (["config", "SCRIPT", "--name", "a", "-o", "DIR", "--kind", "vhost", "--mpm", "worker"], "--mpm is about all of"),
    (["config", "SCRIPT", "--name", "a", "-o", "DIR", "--embedded"], "--embedded and --reload are not for"),
    (["config", "SCRIPT", "--name", "a", "-o", "DIR", "--server-name", "a b"], "is not a host's name"),
    (["config", "SCRIPT", "--name", "a", "-o", "DIR", "--kind", "vhosts"], "did you mean vhost?"),
    (["reload", "nothing"], "There is no site nothing"), (["relod", "a"], "did you mean reload?"),
    (["reload", "a/../b"], "There is no site"), (["start"], "usage: brine start")])
def test_what_cannot_be_done_is_one_sentence(sites, script, folder, arguments, words):
    words_of = {"SCRIPT": script, "DIR": folder / "etc"}
    answer = sites.run(*(words_of.get(each, each) for each in arguments), code=2)
    assert words in answer
    assert not (folder / "etc").exists() or not list((folder / "etc").iterdir())


@pytest.mark.parametrize("change", [
    {"configuration": "/etc/brine\0/shop.conf"}, {"configuration": 3}, {"scripts": [None]}, {"scripts": 1}, {"unit": ["x"]},
    {"more": "x"}, "[]", "{}", "", "[" * 100_000])
def test_what_is_known_of_a_site_may_be_damaged(sites, folder, change):
    sites.write("shop", write_script(folder / "app.wsgi", "b'one'"))
    file = folder / "sites/shop/site.json"
    file.write_text(change if isinstance(change, str) else json.dumps({**json.loads(file.read_text()), **change}))
    for command in (["sites"], ["start", "shop"], ["logs", "shop"]):
        said = sites.run(*command, code=2)
        assert said.startswith(f"brine: {file} does not describe a site: ") and said.count("\n") == 1


@ROOT_ONLY
def test_another_user_s_site(sites, folder):
    script = write_script(folder / "app.wsgi", "b'one'")
    sites.write("shop", script)
    sites.run("start", "shop")
    for command in ("stop", "reload", "logs", "restart"):
        said = sites.run(command, "shop", code=2, user=65534, group=65534, extra_groups=[])
        assert "shop is another user's site" in said and "run this command as the owner of" in said
    assert "1 process" in sites.run("sites", user=65534, group=65534, extra_groups=[])
    sites.run("stop", "shop")


@ROOT_ONLY
@pytest.mark.parametrize("full", ["etc", "sites"])
def test_what_cannot_be_written_leaves_nothing(sites, folder, full):
    """A disk that is full, below the site's files or below what is known of it."""
    script = write_script(folder / "app.wsgi", "b'one'")
    there = folder / full
    there.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "tmpfs", there], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (there / "filler").write_bytes(b"x" * 4096)
        said = sites.run("config", "--name", "shop", script, "-o", sites.output, "--port", free_port(), code=2)
        assert "No space left on device" in said and str(there) in said
        assert [file for file in folder.rglob("*shop*") if file.is_file()] == []
    finally:
        subprocess.run(["umount", there], check=True)


@ROOT_ONLY
def test_what_root_s_httpd_reads_is_root_s_alone(sites, script):
    sites.output.mkdir()
    for mode, owner in ((0o777, 0), (0o755, pwd.getpwnam("nobody").pw_uid)):
        os.chown(sites.output, owner, 0)
        sites.output.chmod(mode)
        answer = sites.run("config", "--name", "app", script, "-o", sites.output, "--port", free_port(), code=2)
        assert f"{sites.output} can be written by others than root" in answer
        assert not list(sites.output.iterdir())
    os.chown(sites.output, 0, 0)
    sites.output.chmod(0o1777)
    sites.write("app", script)


def test_nothing_is_written_through_a_link(sites, script, folder):
    other = folder / "other"
    other.write_text("precious")
    state = folder / "sites/app"
    for new in (sites.output / ".app.conf.new", state / ".site.json.new", state / "site.json.new"):
        new.parent.mkdir(parents=True, exist_ok=True)
        new.symlink_to(other)
    sites.write("app", script)
    assert other.read_text() == "precious"
    assert not (sites.output / "app.conf").is_symlink() and not (state / "site.json").is_symlink()


def test_a_folder_s_name_is_one_word_of_the_commands(sites, script, folder):
    sites.output = folder / "my sites"
    said = sites.run("config", "--name", "app", script, "-o", sites.output, "--port", free_port())
    enable = f"enable --now '{sites.output}/brine-app.service'\n"
    assert enable in said and enable in (sites.output / "brine-app.service").read_text()
    sites.output = folder / "a\nExecStartPre=x"
    answer = sites.run("config", "--name", "b", script, "-o", sites.output, "--port", free_port(), code=2)
    assert "contains a control character" in answer and not sites.output.exists()


def test_a_temporary_folder_with_a_long_name_is_refused_in_a_sentence(sites, script, folder):
    sites.write("app", script)
    long = folder / ("x" * 100)
    long.mkdir()
    sites.environment.update(TMPDIR=str(long), XDG_RUNTIME_DIR="")
    answer = sites.run("start", "app", code=2)
    assert "set TMPDIR to a folder whose name is shorter" in answer and "Traceback" not in answer


def test_a_unit_of_the_same_name_may_be_another_site_s(tmp_path, monkeypatch):
    """systemctl says where the unit is that it knows."""
    own, other, linked = (tmp_path / name / "brine-shop.service" for name in ("own", "other", "etc"))
    for file in (own, other, linked):
        file.parent.mkdir()
    own.touch()
    other.touch()
    linked.symlink_to(own)
    monkeypatch.setattr(operating, "_SYSTEMD_RUNS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    site = KnownSite("shop", "httpd", "", "", "", "", (), unit=str(own))
    known = {}
    for file in (own, linked, other, ""):
        (tmp_path / "systemctl").write_text(f"#!/bin/sh\necho '{file}'\n")
        (tmp_path / "systemctl").chmod(0o755)
        known[file] = operating._is_systemd_s(site)
    assert known == {own: True, linked: True, other: False, "": False}


def test_a_number_in_a_pid_file_may_be_another_program_s_since(tmp_path):
    """Even one that has an option -f."""
    follower = subprocess.Popen(["tail", "-f", "/dev/null"])
    try:
        (tmp_path / "pid").write_text(str(follower.pid))
        # Its arguments can be read a moment after it has been executed.
        poll(lambda: KnownSite("shop", "httpd", "/dev/null", str(tmp_path / "pid"), "", "", ()).process == follower.pid,
             "the arguments of the other program")
        assert KnownSite("shop", "httpd", "/etc/shop.conf", str(tmp_path / "pid"), "", "", ()).process is None
    finally:
        follower.kill()
        follower.wait()


def test_systemd_makes_the_folders_as_brine_does(monkeypatch):
    monkeypatch.setattr(unit, "are_the_system_s", lambda: True)
    lines = list(unit._folders(SimpleNamespace(name="shop")))
    assert "LogsDirectory=brine/shop" in lines and "LogsDirectoryMode=0750" in lines


def test_the_unit_is_one_for_systemd(sites, script):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd")
    sites.write("app", script)
    file = sites.output / "brine-app.service"
    manager = [] if os.geteuid() == 0 else ["--user"]
    checked = subprocess.run(["systemd-analyze", "verify", *manager, file], capture_output=True, text=True,
                             env={**os.environ, "XDG_RUNTIME_DIR": str(sites.folder)})
    assert file.name not in checked.stderr, checked.stderr  # the machine's other units may have faults
    file.write_text(file.read_text().replace("WatchdogSec=", "WatchdogSecs="))
    checked = subprocess.run(["systemd-analyze", "verify", *manager, file], capture_output=True, text=True,
                             env={**os.environ, "XDG_RUNTIME_DIR": str(sites.folder)})
    assert "WatchdogSecs" in checked.stderr, "systemd-analyze looks at nothing"


def test_systemd_is_told_how_it_fares(sites, shop, folder):
    """As it would hear it: ready when the application is loaded, alive while httpd answers, stopping."""
    script = write_script(folder / "shop/shop.wsgi", "str(os.environ.get('NOTIFY_SOCKET')).encode()", before="import os")
    port = sites.write("shop", script)
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(folder / "notify"))
    ear.settimeout(PATIENCE)
    run = subprocess.Popen([sites.brine, "run", "shop"], stdout=subprocess.DEVNULL, env={
        **sites.environment, "NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "300000"})
    try:
        assert ear.recv(4096).decode().startswith("READY=1\nSTATUS=Serves at http://127.0.0.1:")
        assert get(port) == "None", "what it starts does not know the socket"
        assert [ear.recv(4096) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        httpd = int((folder / "sites/shop/run/httpd.pid").read_text())
        os.kill(httpd, signal.SIGSTOP)
        children = Path(f"/proc/{httpd}/task/{httpd}/children").read_text().split()
        try:
            for child in children:
                os.kill(int(child), signal.SIGSTOP)
            ear.settimeout(3)  # signs come each second
            with pytest.raises(TimeoutError):  # some may be on their way
                for _ in range(10):
                    ear.recv(4096)
        finally:
            for process in (httpd, *map(int, children)):
                os.kill(process, signal.SIGCONT)
        ear.settimeout(PATIENCE)
        assert ear.recv(4096) == b"WATCHDOG=1"
        run.send_signal(signal.SIGTERM)
        poll(lambda: ear.recv(4096) == b"STOPPING=1", "the word of its end")
        assert run.wait(PATIENCE) == 0
    finally:
        run.kill()
        run.wait()
        ear.close()


@ROOT_ONLY
def test_the_unit_s_hardening_lets_processes_have_another_user(sites, folder):
    """Under the same rules, which systemd would set."""
    script = write_script(folder / "app.wsgi", "str(os.getuid()).encode()", before="import os")
    port = sites.write("app", script, "--user", "nobody")
    kept = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in _CAPABILITIES)
    done = subprocess.run(["setpriv", "--no-new-privs", f"--bounding-set=-all,{kept}", "--inh-caps=-all", sites.brine,
                           "start", "app"], env=sites.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert get(port) == str(pwd.getpwnam("nobody").pw_uid)
    for word in ("reload", "stop"):
        done = subprocess.run(["setpriv", "--no-new-privs", f"--bounding-set=-all,{kept}", "--inh-caps=-all", sites.brine,
                               word, "app"], env=sites.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_doctor_finds_nothing(sites, shop):
    sites.write("shop", shop, "--status", "--processes", "2")
    sites.run("start", "shop")
    assert "nothing to do" in sites.run("doctor", sites.output / "shop.conf")


@pytest.fixture
def apache2(sites, folder):
    """An httpd with Debian's names, whose sites-available is the test's: starts with the sites that it finds there."""
    sites.output = folder / "sites-available"
    log, httpd = folder / "log", find_httpd()
    log.mkdir()

    def start(name):
        file = folder / "sites" / name / "site.json"
        known = json.loads(file.read_text())
        assert known["pid_file"] == "/run/apache2/apache2.pid"
        known.update(pid_file=str(folder / "httpd.pid"), error_log=str(log / f"{name}-error.log"))
        file.write_text(json.dumps(known))
        modules = [f"LoadModule {module} {path}" for module, path in httpd.load_lines(
            "mpm_event", "authz_core", "authz_host", "alias", "log_config")]
        user = ["User www-data", "Group www-data"] if os.geteuid() == 0 else []
        configuration = folder / "apache2.conf"
        configuration.write_text("\n".join([
            f"Define APACHE_LOG_DIR {log}", f'ServerRoot "{folder}"', "ServerName localhost", f"PidFile {folder}/httpd.pid",
            f"ErrorLog {log}/error.log", 'LogFormat "%h" combined', *modules, *user,
            f"LoadModule wsgi_module {sites.brine.parent}/mod_brine.so", f"Include {sites.output}/*.conf", ""]))
        subprocess.run([httpd.program, "-f", configuration], check=True)
        poll(lambda: (folder / "httpd.pid").exists(), "httpd")

    return start


def test_a_virtual_host(sites, apache2, shop, folder):
    port = sites.write("shop", shop, "--server-name", "shop.example.org", "--status", "--processes", "2")
    assert sorted(path.name for path in sites.output.iterdir()) == ["shop.conf"]
    apache2("shop")
    poll(lambda: "2 processes" in sites.run("sites"), "its processes")
    assert get(port) == "one"
    assert get(port, "/brine-health/shop") == "ready\n"
    goods(folder, '"two"')
    assert "2 of 2 new processes ready" in sites.run("reload", "shop")
    assert get(port) == "two"
    goods(folder, "(1 / 0)")
    assert "ZeroDivisionError" in sites.run("reload", "shop", code=1)
    assert get(port) == "two"
    assert "BRINE0301" in sites.run("logs", "shop")
    for word in ("start", "stop", "restart"):
        assert "is a virtual host of Debian's apache2" in sites.run(word, "shop", code=2)


def test_a_virtual_host_for_the_usual_port(sites, script, folder):
    sites.output = folder / "sites-available"
    sites.run("config", "--name", "app", script, "-o", sites.output)
    (folder / "none").touch()
    text = (sites.output / "app.conf").read_text()
    assert "<VirtualHost *:80>" in text and "Listen" not in text and "#ServerName app.example.org" in text
    assert "--env is for an httpd" in sites.run("config", "--name", "x", script, "-o", sites.output, "--env", folder / "none", code=2)


def test_logs_are_followed(sites, script):
    sites.write("app", script)
    sites.run("start", "app")
    follower = subprocess.Popen([sites.brine, "logs", "app", "-f", "-n", "1"], stdout=subprocess.PIPE, text=True,
                                env=sites.environment)
    try:
        assert follower.stdout.readline()  # now it looks; httpd may yet have something to say of its start
        sites.run("reload", "app")
        assert any("started process" in line for line in follower.stdout)
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(PATIENCE) == 130
        follower.stdout.close()


@pytest.mark.parametrize("line, expected", [
    ("[Sun Nov 29 21:01:13.8 2026] [wsgi:info] [pid 1:tid 2] BRINE0610: process", ("BRINE0610", "1/2", "BRINE0610: process")),
    ("[Sun Nov  9 21:01:13.8 2026] [wsgi:error] [pid 1:tid 2] (2)No such file: [client 1.2.3.4:5] a \\xc3\\xa9",
     ("", "1/2", "a é (2)No such file")),
    ("[Sun Nov  9 21:01:13.8 2026] [wsgi:error] [pid 1] BRINE0301|   File", ("BRINE0301", "1/None", "  File")),
    ("httpd: no line of the log", ("", "", "httpd: no line of the log"))])
def test_lines_of_a_log_in_production(line, expected):
    record = parse_httpd_s(line.encode())
    assert (record.code, record.source, record.text) == expected


def test_a_process_whose_start_is_not_in_the_log_yet_is_not_taken_for_ready(tmp_path, monkeypatch):
    """The supervisor writes of it a moment after it has started it."""
    log = tmp_path / "error.log"
    log.write_text("")
    monkeypatch.setattr(reloading, "processes_of", lambda httpd, group: {11})
    monkeypatch.setattr(reloading, "is_alive", lambda process: process != 10)
    found = reloading.Progress(KnownSite("shop", "httpd", "", "", str(log), "", ("shop.wsgi",)), 1, {10})
    found.look()
    assert found.replaced == 0
    found.look()
    assert found.replaced == 1, "it never comes where LogLevel leaves it out"


@pytest.mark.parametrize("line, why", [
    ("[wsgi:error] [pid 9:tid 9] BRINE0002: the engine /e.so cannot be loaded: libpython3.11.so.1.0: none (process 12)",
     "BRINE0002: the engine /e.so cannot be loaded: libpython3.11.so.1.0: none"),
    ("[wsgi:warn] [pid 9:tid 9] BRINE0015: a warning (process 12)", ""),
    ("[wsgi:error] [pid 9:tid 9] BRINE0614: (process 12)", ""),
    ("[wsgi:error] [pid 9:tid 9] BRINE0401: of one that serves (process 11)", ""),
    ("[core:error] [pid 9:tid 9] AH00037: of httpd (process 12)", ""),
], ids=["engine", "warning", "consequence", "another's", "httpd's"])
def test_the_last_error_of_a_process_that_does_not_load_says_why(line, why):
    loading = Loading()
    for text in ("[wsgi:info] [pid 9:tid 9] loaded WSGI script '/a.wsgi' (process 11)", line,
                 "[wsgi:error] [pid 9:tid 9] BRINE0610: process 12 of daemon group 'shop' ended: exit code 70; nobody had "
                 "told it to; 0 requests served; in progress: none; peak memory 3 MiB"):
        loading.note(parse_httpd_s(f"[Mon Nov 30 01:20:48.5 2026] {text}".encode()))
    assert loading.why == why


ENGINE = "[wsgi:error] [pid 9:tid 9] BRINE0002: no engine (process 12)"
MORE = "[wsgi:error] [pid 9:tid 9] BRINE0003: what follows from it (process 12)"
CHILD_S = "[wsgi:error] [pid 9:tid 9] BRINE0602: the daemon group does not answer"
STARTED_LATER = "[wsgi:info] [pid 9:tid 9] started process 13 of daemon group 'shop'"
OF_THE_NEXT = "[wsgi:error] [pid 9:tid 9] BRINE0004: no memory (process 13)"


@pytest.mark.parametrize("lines, why", [
    ([ENGINE, CHILD_S], "BRINE0002: no engine"), ([CHILD_S], ""), ([CHILD_S, ENGINE, MORE], "BRINE0002: no engine"),
    ([ENGINE, STARTED_LATER, CHILD_S], "BRINE0002: no engine"),
    ([ENGINE, STARTED_LATER, OF_THE_NEXT, MORE], "BRINE0004: no memory"),
], ids=["a child's behind it", "a child's", "what follows", "none since", "another since"])
def test_the_first_error_of_the_last_process_says_why(lines, why):
    loading = Loading()
    for text in lines:
        loading.note(parse_httpd_s(f"[Mon Nov 30 01:20:48.5 2026] {text}".encode()))
    assert loading.why == why


@ROOT_ONLY
@pytest.mark.parametrize("options, home", [(("--user", "nobody"), "{folder}/shop"), (("--user", "whoever"), ""),
                                           (("--user", "nobody", "--chdir", "/"), "/")], ids=["none", "one", "named"])
def test_whose_user_has_no_home_works_beside_the_script(sites, shop, folder, monkeypatch, options, home):
    """Else httpd warns of what was just written, and the processes work in /."""
    if "whoever" in options:
        options = ("--user", next(each.pw_name for each in pwd.getpwall() if each.pw_uid and os.path.isdir(each.pw_dir)
                                  and os.stat(each.pw_dir).st_mode & 0o1))
    sites.write("shop", shop, *options)
    text = (sites.output / "shop.conf").read_text()
    assert re.findall(r'home="?([^" \n\\]+)', text) == ([home.format(folder=folder)] if home else [])
    checked = subprocess.run([find_httpd().program, "-t", "-f", sites.output / "shop.conf"], capture_output=True, text=True)
    assert "BRINE0015" not in checked.stderr


def test_an_engine_that_cannot_be_loaded_is_said_before_anything_is_written(tmp_path):
    (tmp_path / "brine_engine.cpython-311.so").write_text("no library")
    brine = Brine(tmp_path, "3.11")
    assert "cannot be loaded" not in brine.engine_failure("3.11") and "brine_engine" in brine.engine_failure("3.11")
    assert brine.engine_failure("3.12") == ""
    with pytest.raises(Refusal, match="The engine for Python 3.11, .*, cannot be loaded: .*libpython3.11"):
        _checked_engine(SimpleNamespace(python=None), brine)
