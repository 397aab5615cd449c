"""`brine config` and the small commands."""

import re
import subprocess

import pytest

from brine.config import render
from brine.installation import Brine, find_httpd, version
from brine.pythons import Python, choose_python
from brine.site import Site, Static, check_host
from brine.watcher import Watcher
from serving import BUILD, REPOSITORY, write_script


def run(brine, *arguments, **options):
    return subprocess.run([brine, *arguments], capture_output=True, text=True, check=True, **options).stdout


def text(site, folder):
    return render(site, find_httpd(), Brine(folder), folder, None)


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_httpd_accepts_it(brine, script, folder, mpm):
    (folder / "static").mkdir()
    printed = run(brine, "config", script, "--mpm", mpm, "--static", f"/static={folder / 'static'}", "--port", "8123",
                  env={"XDG_STATE_HOME": str(folder), "PATH": "/usr/bin:/bin"})
    state = re.search(r'^Define BRINE_STATE "(.*)"$', printed, re.MULTILINE)[1]
    configuration = folder / "httpd.conf"
    configuration.write_text(printed.replace(state, str(folder)))
    checked = subprocess.run([find_httpd().program, "-t", "-f", configuration], capture_output=True, text=True)
    assert "Syntax OK" in checked.stderr
    assert "Listen 127.0.0.1:8123" in printed
    assert f"mpm_{mpm}_module" in printed


def test_it_serves_only_what_is_named(folder):
    printed = text(Site(folder / "app.wsgi", statics=(Static("/s", folder / "s"),)), folder)
    assert printed.count("Require all granted") == 2
    assert "Require all denied" in printed
    assert "AllowOverride None" in printed
    assert "CustomLog" not in printed


def test_the_script_is_loaded_at_start_in_the_main_interpreter(folder):
    line = next(line for line in text(Site(folder / "app.wsgi"), folder).splitlines() if line.startswith("WSGIScriptAlias"))
    assert line.endswith("process-group=%{GLOBAL} application-group=%{GLOBAL}")


def test_reload_and_python_reach_httpd(folder):
    printed = text(Site(folder / "app.wsgi", reload=True, python=Python("3.12", folder / "venv")), folder)
    assert "WSGIReloadFailure Fail" in printed
    assert "WSGIDontWriteBytecode On" in printed
    assert "WSGIPython 3.12" in printed
    assert f'WSGIPythonHome "{folder / "venv"}"' in printed
    assert "WSGIReloadFailure" not in text(Site(folder / "app.wsgi"), folder)


def test_types_are_named_where_the_system_names_none(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("brine.config._TYPES_FILE", tmp_path / "missing")
    assert "AddType text/css .css" in text(Site(folder / "app.wsgi", statics=(Static("/s", folder),)), folder)


def test_addresses():
    assert check_host("127.0.0.1") == "127.0.0.1"
    assert check_host("[::1]") == "::1"
    assert check_host("localhost") in ("127.0.0.1", "::1")
    assert Site(REPOSITORY, host="::", port=80, mount="/a b").url == "http://[::1]:80/a%20b"


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


def test_an_installation_is_complete(tmp_path):
    if not all((BUILD / file).exists() for file in ("cmake_install.cmake", "mod_brine.so")):
        pytest.skip(f"{BUILD} was not made by CMake")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr/local"], check=True, capture_output=True,
                   env={"DESTDIR": str(tmp_path), "PATH": "/usr/bin:/bin"})
    installed = {path.name: path for path in tmp_path.rglob("*") if path.is_file()}
    assert installed["mod_brine.so"].parent == installed[next(BUILD.glob("brine_engine.*.so")).name].parent
    assert installed["brine"] == tmp_path / "usr/local/bin/brine"
    packages = [path.parent for path in tmp_path.rglob("brine/cli.py")]
    assert len(packages) == len(list(BUILD.glob("brine_engine.*.so"))), "one for each Python"
    assert all(len(list(package.glob("_guard.*.so"))) == 1 for package in packages)
    [package] = [package for package in packages
                 if f"sys.path[:0] = ['{'/' / package.parent.relative_to(tmp_path)}']" in installed["brine"].read_text()]
    answer = run("/usr/bin/python3", "-I", "-c", "import sys; sys.path.insert(0, sys.argv[1]); "
                 "import brine.pickle; from brine.installation import version; print(version())", package.parent)
    assert answer.strip() == version()
