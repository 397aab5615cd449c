"""What the command refuses: one sentence, exit code 2, and no httpd."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from brine import server_user
from brine.installation import find_brine, find_httpd
from brine.private_folder import private_folder
from brine.refusal import Refusal
from brine.site import check_script
from serving import write_script

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def refusal(brine, *arguments, directory=None):
    """The sentence with which the command refuses."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    answer = subprocess.run([brine, *arguments], capture_output=True, text=True, cwd=directory, env=environment)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert answer.stdout == ""
    assert answer.stderr.startswith("brine: ")
    assert answer.stderr.count("\n") == 1
    return answer.stderr


@pytest.mark.parametrize("command", ["serve", "config"])
def test_scripts_that_are_none(brine, folder, command):
    assert "There is no script" in refusal(brine, command, folder / "missing.wsgi")
    assert "is a directory" in refusal(brine, command, folder)
    os.mkfifo(folder / "pipe")
    assert "not a regular file" in refusal(brine, command, folder / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_script_that_the_caller_may_not_read(brine, script):
    script.chmod(0)
    assert "may not be read" in refusal(brine, "serve", script)


def test_a_port_in_use(brine, script):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refusal(brine, "serve", script, "--port", str(port))
    assert f"127.0.0.1:{port} is not free (Address already in use)" in sentence


def test_an_address_of_another_machine(brine, script):
    assert "is not free" in refusal(brine, "serve", script, "--host", "192.0.2.1", "--port", "0")


@pytest.mark.parametrize("value, words", [
    ("/static", "is not URL=DIR"), ("/static=", "is not URL=DIR"), ("/static=missing", "does not exist"),
    ("/static=app.wsgi", "is not a directory"), ("static=sub", "is not a URL path"), ("/=sub", "would hide the script"),
    ("/a//b=sub", "is not a URL path"), ("/static=.", "contains the script")])
def test_bad_static(brine, script, value, words):
    (script.parent / "sub").mkdir(exist_ok=True)
    assert words in refusal(brine, "serve", script, "--static", value, directory=script.parent)


def test_a_static_url_that_hides_the_script_or_comes_twice(brine, script):
    (script.parent / "sub").mkdir()
    directory = script.parent
    assert "would hide" in refusal(brine, "serve", script, "--mount", "/a/b", "--static", "/a=sub", directory=directory)
    assert "more than once" in refusal(brine, "serve", script, "--static", "/a=sub", "--static", "/a/=sub",
                                       directory=directory)


@pytest.mark.parametrize("mount", ["shop", "", "//", "/a?b", "/a\nb"])
def test_bad_mount(brine, script, mount):
    assert "is not a URL path" in refusal(brine, "serve", script, "--mount", mount)


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "${HOME}"])
def test_paths_that_no_configuration_can_hold(brine, folder, name):
    assert "contains" in refusal(brine, "config", write_script(folder / f"{name}.wsgi", 'b""'))


def test_a_folder_that_cannot_be_on_the_module_path(brine, folder):
    assert "colon" in refusal(brine, "config", write_script(folder / "a:b" / "app.wsgi", 'b""'))


def test_pythons_that_cannot_be_used(brine, script):
    assert "no engine for Python 3.7" in refusal(brine, "serve", script, "--python", "3.7")
    assert "is neither" in refusal(brine, "serve", script, "--python", script.parent)
    assert "does not run as a Python" in refusal(brine, "serve", script, "--python", "/bin/true")


@pytest.mark.parametrize("arguments", [[], ["serve"], ["serve", "x", "--port", "70000"], ["serve", "x", "--threads", "0"],
                                       ["serve", "x", "--mpm", "fast"], ["nonsense"]])
def test_command_lines_that_make_no_sense(brine, arguments):
    answer = subprocess.run([brine, *arguments], capture_output=True, text=True)
    assert answer.returncode == 2
    assert "usage: brine" in answer.stderr


@ROOT_ONLY
def test_root_is_told_which_folder_is_in_the_way(brine, folder):
    script = write_script(folder / "closed/open/app.wsgi", 'b""')
    (folder / "closed").chmod(0o700)
    sentence = refusal(brine, "serve", script)
    assert f"www-data, who cannot reach the script {script}: the folder {folder / 'closed'} " in sentence


@ROOT_ONLY
def test_root_is_told_about_a_static_folder_and_a_file(brine, script):
    static = script.parent / "static"
    static.mkdir(mode=0o700)
    sentence = refusal(brine, "serve", script, "--static", f"/static={static}")
    assert f"may not read the folder of --static /static, {static}" in sentence
    script.chmod(0o600)
    assert f"may not read the script {script}" in refusal(brine, "serve", script)


@ROOT_ONLY
def test_a_folder_behind_a_link_is_found(brine, folder):
    target = write_script(folder / "closed/app.wsgi", 'b""')
    target.parent.chmod(0o700)
    link = folder / "link.wsgi"
    link.symlink_to(target)
    assert str(folder / "closed") in refusal(brine, "serve", link)


@ROOT_ONLY
def test_root_s_httpd_needs_another_user(monkeypatch):
    monkeypatch.setattr(server_user, "_CANDIDATES", ("nobody-of-that-name",))
    with pytest.raises(Refusal, match="must not run as root"):
        server_user.server_user()


def test_no_httpd(monkeypatch):
    monkeypatch.setattr("brine.installation._ADMINISTRATOR_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Refusal, match="apt-get install apache2-bin"):
        find_httpd()


def test_no_module(tmp_path):
    with pytest.raises(Refusal, match="build it with"):
        find_brine(str(tmp_path), None)


def test_a_temporary_folder_that_anybody_could_change(monkeypatch, tmp_path):
    tmp_path.chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(Refusal, match="sticky bit"), private_folder():
        pass


def test_links_in_a_script_s_path_are_kept(tmp_path):
    (tmp_path / "release-1").mkdir()
    (tmp_path / "release-1/app.wsgi").touch()
    (tmp_path / "current").symlink_to("release-1")
    assert check_script(str(tmp_path / "current/app.wsgi")) == Path(tmp_path / "current/app.wsgi")
