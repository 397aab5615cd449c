"""`brine config` and the small commands."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from brine.application import Application
from brine.cli import main
from brine.config import render
from brine.file_events import _matters
from brine.installation import Brine, find_httpd, version
from brine.pythons import Python, choose_python
from brine.site import Site, Static, check_host
from brine.sites.folders import all_in, demand_not_running, printed_folders
from brine.watcher import Watcher
from ports import free_port
from serving import BUILD, PATIENCE, REPOSITORY, poll, write_script


def run(brine, *arguments, **options):
    return subprocess.run([brine, *arguments], capture_output=True, text=True, check=True, **options).stdout


def text(site, folder):
    return render(site, find_httpd(), Brine(folder), all_in(folder), None)


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_httpd_accepts_it(brine, script, folder, mpm):
    (folder / "static").mkdir()
    printed = run(brine, "config", script, "--mpm", mpm, "--static", f"/static={folder / 'static'}", "--port", "8123",
                  env={"XDG_STATE_HOME": str(folder), "PATH": "/usr/bin:/bin"})
    state = re.search(r'^Define BRINE_RUN "(.*)"$', printed, re.MULTILINE)[1]
    configuration = folder / "httpd.conf"
    configuration.write_text(printed.replace(state, str(folder)))
    checked = subprocess.run([find_httpd().program, "-t", "-f", configuration], capture_output=True, text=True)
    assert "Syntax OK" in checked.stderr
    assert "Listen 127.0.0.1:8123" in printed
    assert f"mpm_{mpm}_module" in printed


def test_it_serves_only_what_is_named(folder):
    printed = text(Site(Application(folder / "app.wsgi"), statics=(Static("/s", folder / "s"),)), folder)
    assert printed.count("Require all granted") == 2
    assert "Require all denied" in printed
    assert "AllowOverride None" in printed
    assert "CustomLog" not in printed


def test_the_script_is_loaded_at_start_in_the_main_interpreter(folder):
    """In a daemon process: httpd's own are for clients, however slow."""
    line = next(line for line in text(Site(Application(folder / "app.wsgi")), folder).splitlines() if line.startswith("WSGIScriptAlias"))
    assert line.endswith("process-group=site application-group=%{GLOBAL}")


def test_processes_and_threads(folder):
    def group(**options):
        printed = text(Site(Application(folder / "app.wsgi"), threads=2, **options), folder)
        return next(line for line in printed.splitlines() if line.startswith("WSGIDaemonProcess"))

    assert group() == "WSGIDaemonProcess site threads=2"  # wsgi.multiprocess stays False
    assert group(processes=3) == "WSGIDaemonProcess site threads=2 processes=3"
    assert group(processes=3, mpm="prefork") == "WSGIDaemonProcess site processes=6 threads=1"
    assert group(processes=8, least_processes=8) == "WSGIDaemonProcess site threads=2 processes=8"
    assert group(processes=8, least_processes=1) == "WSGIDaemonProcess site threads=2 processes=1-8"
    assert group(processes=8, least_processes=3, mpm="prefork") == "WSGIDaemonProcess site processes=6-16 threads=1"


def test_reload_and_python_reach_httpd(folder):
    printed = text(Site(Application(folder / "app.wsgi"), reload=True, python=Python("3.12", folder / "venv")), folder)
    assert "WSGIReloadFailure Fail" in printed
    assert "WSGIDontWriteBytecode On" in printed
    assert "WSGIPython 3.12" in printed
    assert f'WSGIPythonHome "{folder / "venv"}"' in printed
    assert "WSGIReloadFailure" not in text(Site(Application(folder / "app.wsgi")), folder)


def test_types_are_named_where_the_system_names_none(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("brine.config._TYPES_FILE", tmp_path / "missing")
    assert "AddType text/css .css" in text(Site(Application(folder / "app.wsgi"), statics=(Static("/s", folder),)), folder)


def test_addresses():
    assert check_host("127.0.0.1") == "127.0.0.1"
    assert check_host("[::1]") == "::1"
    assert check_host("localhost") in ("127.0.0.1", "::1")
    assert Site(Application(REPOSITORY, "/a b"), hosts=("::",), port=80).url == "http://[::1]:80/a%20b"
    link_local = Site(Application(REPOSITORY), hosts=(check_host("[fe80::1%eth0]"),), port=80)
    assert (link_local.netlocs, link_local.url) == (("[fe80::1%eth0]:80",), "http://[fe80::1%25eth0]:80/")


def test_module_location(brine):
    assert run(brine, "module-location").strip() == str(brine.parent / "mod_brine.so")


def test_version(brine):
    header = (REPOSITORY / "include/brine/version.h").read_text()
    assert f'"{version()}"' in header
    assert run(brine, "--version") == f"brine {version()}\n"


def test_the_package_runs_as_a_module():
    answer = run("/usr/bin/python3", "-m", "brine", "--version", cwd=REPOSITORY / "python")
    assert answer == f"brine {version()}\n"


@pytest.mark.parametrize("command", ["serve", "config"])
def test_help_tells_what_is_watched(brine, command):
    help_text = " ".join(run(brine, command, "--help").split())
    assert "Brine watches the script file itself" in help_text
    assert "are not watched, unless --reload is given" in help_text


def test_choosing_a_python(tmp_path):
    assert choose_python("3.12") == Python("3.12")
    system = choose_python("/usr/bin/python3")
    assert system.home is None
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    assert choose_python(str(tmp_path / "venv")) == Python(system.version, tmp_path / "venv")


def test_the_watcher_sees_modules_and_not_the_script(tmp_path):
    script = write_script(tmp_path / "wsgi.py", 'b""')
    module = tmp_path / "shop/models.py"
    module.parent.mkdir()
    module.write_text("a = 1")
    for place in (".hidden", "venv", "__pycache__"):
        (tmp_path / place).mkdir()
    (tmp_path / "venv/pyvenv.cfg").touch()
    watcher = Watcher(tmp_path, script)
    assert watcher.changed() == []
    module.write_text("a = 22")
    (tmp_path / "shop/new.py").touch()
    write_script(script, 'b"other"')
    for place in (".hidden", "venv", "__pycache__"):
        (tmp_path / place / "x.py").touch()
    assert watcher.changed() == [module, tmp_path / "shop/new.py"]
    assert watcher.changed() == []
    module.unlink()
    assert watcher.changed() == [module]


@pytest.fixture
def quick_to_look(monkeypatch):
    """No look but those that events ask for."""
    monkeypatch.setattr("brine.watcher._LOOK_SECONDS", {False: 3600, True: 3600})


def test_the_watcher_hears_of_changes(tmp_path, quick_to_look):
    pytest.importorskip("watchdog")
    watcher = Watcher(tmp_path, tmp_path / "wsgi.py")
    module = tmp_path / "early.py"
    module.touch()  # before it listens
    watcher.listen()
    try:
        assert watcher.due() and watcher.changed() == [module]
        assert not watcher.due()
        (tmp_path / "notes.txt").touch()
        module.read_bytes()
        list(tmp_path.iterdir())
        for change in (lambda: module.write_text("a = 1"), lambda: module.rename(tmp_path / "late.py"),
                       lambda: (tmp_path / "new/deep").mkdir(parents=True),
                       lambda: (tmp_path / "new/deep/x.py").touch(), lambda: (tmp_path / "new").rename(tmp_path / "old")):
            watcher.changed()
            poll(lambda: not watcher.due(), "silence")
            change()
            poll(watcher.due, "an event")
        assert watcher.changed() == [tmp_path / "new/deep/x.py", tmp_path / "old/deep/x.py"]
    finally:
        watcher.close()


def test_reading_is_no_change(tmp_path):
    pytest.importorskip("watchdog")
    from watchdog import events
    assert not _matters(events.FileModifiedEvent("a.txt"))
    assert not _matters(events.DirModifiedEvent("a.py"))
    assert _matters(events.FileMovedEvent("a.py.new", "a.py"))
    assert _matters(events.DirCreatedEvent("shop"))
    for name in ("FileOpenedEvent", "FileClosedNoWriteEvent"):  # of newer versions
        if hasattr(events, name):
            assert not _matters(getattr(events, name)("a.py"))


@pytest.mark.parametrize("missing", ["module", "room"])
def test_the_watcher_looks_from_time_to_time_where_it_cannot_hear(tmp_path, monkeypatch, missing):
    if missing == "module":
        monkeypatch.setitem(sys.modules, "watchdog.observers", None)
    else:
        observers = pytest.importorskip("watchdog.observers")

        def schedule(self, *arguments, **options):
            raise OSError(28, "inotify watch limit reached")
        monkeypatch.setattr(observers.Observer, "schedule", schedule)
    watcher = Watcher(tmp_path, tmp_path / "wsgi.py")
    watcher.listen()
    assert watcher.changed() == []
    assert not watcher.due()
    (tmp_path / "new.py").touch()
    poll(watcher.due, "the next look")
    assert watcher.changed() == [tmp_path / "new.py"]
    watcher.close()


def test_every_site_has_a_folder_of_its_own(tmp_path):
    sites = [Site(Application(tmp_path / "app.wsgi")), Site(Application(tmp_path / "app.wsgi"), port=8001), Site(Application(tmp_path / "b/app.wsgi")),
             Site(Application(tmp_path / "app.wsgi"), hosts=("::1",)), Site(Application(tmp_path / "app.wsgi"), hosts=("0.0.0.0",)),
             Site(Application(tmp_path / "app.wsgi"), name="shop")]
    assert len({printed_folders(site) for site in sites}) == len(sites)
    assert printed_folders(sites[-1]).state.name == "shop"
    assert all(re.fullmatch(r"[\w-]+", printed_folders(Site(Application(tmp_path / name))).state.name) for name in ("a b.wsgi", "é.wsgi", "%.x"))


class Configured:
    """Sites by `brine config`, whose state is below a folder of the test, each with an httpd of its own."""

    def __init__(self, module_folder, folder, capsys):
        self._module_folder, self._folder, self._capsys = module_folder, folder, capsys

    def command(self, *arguments):
        """Exit code, and what is printed."""
        code = main([*map(str, arguments)], str(self._module_folder), None)
        return code, "".join(self._capsys.readouterr())

    def start(self, script, port):
        """Does what the first lines of the printed configuration say."""
        code, printed = self.command("config", script, "--port", port)
        assert code == 0
        state = Path(re.search(r'^Define BRINE_RUN "(.*)"$', printed, re.MULTILINE)[1])
        assert f"install -d -m 700 {state}\n" in printed
        subprocess.run(["install", "-d", "-m", "700", state], check=True)
        configuration = self._folder / f"{port}.conf"
        configuration.write_text(printed)
        subprocess.run([find_httpd().program, "-f", configuration], check=True)
        return int(poll(lambda: (state / "httpd.pid").exists() and (state / "httpd.pid").read_text(), "the pid file"))


@pytest.fixture
def configured(brine, folder, capsys, monkeypatch):
    monkeypatch.setenv("BRINE_SITES", str(folder / "state"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    yield Configured(brine.parent, folder, capsys)
    for file in (folder / "state").rglob("httpd.pid"):
        pid = int(file.read_text())
        os.kill(pid, signal.SIGTERM)
        poll(lambda: not os.path.exists(f"/proc/{pid}"), "httpd's end")


def get(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
        return answer.read()


def test_configured_sites_run_side_by_side(configured, script, folder):
    other = write_script(folder / "other" / script.name, 'b"two"')
    other.parent.chmod(0o755)
    ports = free_port(), free_port()
    pids = [configured.start(one, port) for one, port in zip((script, other), ports)]
    assert pids[0] != pids[1]
    assert [get(port) for port in ports] == [b"one", b"two"]
    code, printed = configured.command("serve", script, "--port", ports[0])
    assert code == 2
    assert f"runs already, as process {pids[0]} (its pid file is in " in printed


def test_a_pid_file_of_the_past_says_nothing(script, monkeypatch, tmp_path):
    monkeypatch.setattr("brine.sites.folders.printed_folders", lambda site: all_in(tmp_path))
    for text in ("", "x", "999999999", str(os.getpid())):  # this process is no httpd
        (tmp_path / "httpd.pid").write_text(text)
        demand_not_running(Site(Application(script)))


def test_slow_clients_are_cut_off_where_httpd_can(folder, monkeypatch):
    assert "RequestReadTimeout header=" in text(Site(Application(folder / "app.wsgi")), folder)
    monkeypatch.setattr("brine.installation.Httpd.has", lambda self, name: False)
    assert "eqtimeout" not in text(Site(Application(folder / "app.wsgi")), folder).lower()


def test_an_installation_is_complete(tmp_path):
    if not all((BUILD / file).exists() for file in ("cmake_install.cmake", "mod_brine.so")):
        pytest.skip(f"{BUILD} was not made by CMake")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr/local"], check=True, capture_output=True,
                   env={"DESTDIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
    installed = {path.name: path for path in tmp_path.rglob("*") if path.is_file()}
    assert installed["mod_brine.so"].parent == installed[next(BUILD.glob("brine_engine.*.so")).name].parent
    assert installed["brine-worker"].parent == installed["mod_brine.so"].parent
    launcher = (tmp_path / "usr/local/bin/brine").read_text()
    if (BUILD / "generated/share").exists():
        assert installed["brine-serve.1"] == tmp_path / "usr/local/share/man/man1/brine-serve.1"
        assert {"_brine", "brine.fish"} <= set(installed)
        assert (tmp_path / "usr/local/share/bash-completion/completions/brine").is_file()
    [package] = [path.parent for path in tmp_path.rglob("brine/cli.py")]
    assert len(list(package.glob("_guard.*.so"))) == len(list(BUILD.glob("brine_engine.*.so"))), "one for each Python"
    assert f"'{'/' / package.parent.relative_to(tmp_path)}'" in launcher
    answer = run("/usr/bin/python3", "-I", "-c", "import sys; sys.path.insert(0, sys.argv[1]); "
                 "import brine.pickle; from brine.installation import version; print(version())", package.parent)
    assert answer.strip() == version()
