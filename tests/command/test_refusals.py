"""What the command refuses: one sentence, exit code 2, and no httpd."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from brine import cli, server_user
from brine.installation import Brine, find_brine, find_httpd
from brine.private_folder import private_folder
from brine.refusal import Refusal
from brine.site import check_script
from serving import write_script

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def refusal(brine, *arguments, directory=None, environment=None, **options):
    """The sentence with which the command refuses."""
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    answer = subprocess.run([brine, *arguments], capture_output=True, text=True, cwd=directory,
                            env=inherited if environment is None else environment, **options)
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


@pytest.fixture
def plain(tmp_path_factory):
    """How subprocess runs a command as a user who is not root."""
    return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


@pytest.fixture
def closed(folder):
    """A folder that lets nobody but root pass, with a script and a virtual environment's python."""
    closed = folder / "closed"
    write_script(closed / "app.wsgi", 'b""')
    (closed / "venv/bin").mkdir(parents=True)
    (closed / "venv/bin/python").symlink_to("/usr/bin/python3")
    closed.chmod(0)
    yield closed
    closed.chmod(0o755)


@pytest.mark.parametrize("command", ["serve", "config"])
def test_paths_in_a_folder_that_lets_nobody_pass(brine, script, folder, closed, plain, command):
    why = f"the folder {closed} does not let you pass"
    sentence = refusal(brine, command, closed / "app.wsgi", **plain)
    assert sentence.startswith(f"brine: The script {closed}/app.wsgi cannot be looked at: {why}")
    assert why in refusal(brine, command, script, "--static", f"/static={closed}/files", **plain)
    for path in (closed / "venv", closed / "venv/bin/python", closed):
        assert why in refusal(brine, command, script, "--python", path, **plain)
        environment = {**os.environ, "VIRTUAL_ENV": str(path)}
        sentence = refusal(brine, command, script, environment=environment, **plain)
        assert "VIRTUAL_ENV in the environment names" in sentence and why in sentence
    (folder / "link").symlink_to(closed / "app.wsgi")
    assert "cannot be looked at: Permission denied" in refusal(brine, command, folder / "link", **plain)


def test_names_that_are_too_long(brine, script):
    name = "x" * 300
    assert "cannot be looked at: File name too long" in refusal(brine, "serve", name)
    assert "cannot be looked at: File name too long" in refusal(brine, "serve", script, "--static", f"/static={name}")
    assert "cannot be looked at (File name too long)" in refusal(brine, "serve", script, "--python", f"/{name}")


def test_a_current_folder_that_was_removed(brine, script, folder):
    def in_removed_folder(*arguments):
        there = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
        return refusal("sh", "-c", there, folder / "gone", brine, "config", *arguments)

    for arguments in (["app.wsgi"], [script, "--static", "/static=files"], [script, "--python", "venv"]):
        assert "The current folder has been removed, so " in in_removed_folder(*arguments)


def test_what_the_system_refuses_is_one_sentence(monkeypatch, capsys):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "/some/file")
    monkeypatch.setattr(cli, "find_brine", refuse)
    assert cli.main(["module-location"]) == 2
    assert capsys.readouterr().err == "brine: The system refused what was to be done: /some/file: Permission denied.\n"


@pytest.mark.parametrize("arguments", [["--help"], ["module-location"], ["config", "app.wsgi"], ["sites"]])
def test_an_output_that_takes_nothing(brine, script, folder, arguments):
    with open("/dev/full", "wb") as full:
        answer = subprocess.run([brine, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=script.parent,
                                env={**os.environ, "BRINE_SITES": str(folder)})
    assert answer.returncode == 2
    assert answer.stderr == "brine: The system refused what was to be done: No space left on device.\n"
    reading, writing = os.pipe()
    os.close(reading)
    answer = subprocess.run([brine, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, cwd=script.parent,
                            env={**os.environ, "BRINE_SITES": str(folder)})
    os.close(writing)
    assert (answer.returncode, answer.stderr) == (1, "")


def test_a_closed_output(brine, script):
    answer = subprocess.run(["/bin/sh", "-c", 'exec "$0" config "$1" >&-', brine, script], stderr=subprocess.PIPE)
    assert (answer.returncode, answer.stderr) == (0, b"")


def test_a_log_that_may_not_be_written(brine, script, plain):
    assert "of --access-log may not be written to by you" in refusal(
        brine, "serve", script, "--access-log", "/etc/passwd", **plain)


def test_a_port_in_use(brine, script):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refusal(brine, "serve", script, "--port", str(port))
    assert f"127.0.0.1:{port} is not free (Address already in use)" in sentence


@pytest.mark.parametrize("host, words", [
    ("192.0.2.1", "not an address of this machine (Cannot assign requested address)"),
    ("2001:db8::1", "not an address of this machine"),
    ("fe80::1", "link-local address, which needs its interface"),
    ("fe80::1%none", "not an address of this machine"),
    ("224.0.0.1", "an address of many machines"), ("ff02::1", "an address of many machines"),
    ("255.255.255.255", "an address of many machines"),
    ("no host", "neither an address nor the name of one"), ("[::1", "neither an address nor the name of one"), ("", "neither an address nor the name of one")])
def test_hosts_that_cannot_be_listened_on(brine, script, host, words):
    sentence = refusal(brine, "serve", script, "--host", host, "--port", "0")
    assert words in sentence or ":" in host and "has no IPv6" in sentence
    assert "--host" in sentence and "not free" not in sentence and "Errno" not in sentence


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


def write_program(path, text, mode=0o755):
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("version", ["3.7", "3.99"])
def test_a_python_without_an_engine(brine, script, version):
    """As a version, and as a python that says so."""
    there = ", ".join(Brine(brine.parent).pythons())
    sentence = refusal(brine, "serve", script, "--python", version)
    assert f"no engine for Python {version}" in sentence and f"(engines there: {there})" in sentence
    answer = f'["{version}", "/opt/python", "/opt/python", "cpython"]'
    python = write_program(script.parent / "python", f"#!/bin/sh\necho '{answer}'\n")
    sentence = refusal(brine, "serve", script, "--python", python)
    assert f"no engine for Python {version}, which /opt/python is" in sentence and f"(engines there: {there})" in sentence


@pytest.mark.parametrize("text, mode, words", [
    ("#!/bin/sh\n", 0o755, "does not run as a Python: it ended without telling"),
    ("#!/bin/sh\necho '[1, 2]'\n", 0o755, "does not run as a Python: it ended without telling"),
    ("#!/bin/sh\necho 3\n", 0o755, "does not run as a Python: it ended without telling"),
    ("#!/bin/sh\necho oops >&2\nexit 3\n", 0o755, "does not run as a Python: asked for its version, it ended with exit code 3 (oops)"),
    ("#!/bin/sh\nkill -9 $$\n", 0o755, "does not run as a Python: asked for its version, it ended with signal 9"),
    ("#!/no/such/shell\n", 0o755, "cannot be run (No such file or directory)"),
    ("no program", 0o755, "cannot be run (Exec format error)"),
    ("#!/bin/sh\necho '[\"3.10\", \"/p\", \"/p\", \"pypy\"]'\n", 0o755, "is pypy, while Brine runs CPython"),
    ("#!/bin/sh\n", 0o644, "may not be executed by you")])
def test_programs_that_are_no_python(brine, script, text, mode, words):
    program = write_program(script.parent / "program", text, mode)
    sentence = refusal(brine, "serve", script, "--python", program)
    assert sentence.startswith(f"brine: --python names {program}, which {words}")
    assert sentence.count(str(program)) == 1 and " name " in sentence.lower()


def test_other_things_that_are_no_python(brine, script):
    assert "does not run as a Python: it ended" in refusal(brine, "serve", script, "--python", "/usr/bin/true")
    for path, words in [(script.parent, "neither a virtual environment nor a python"), ("/dev/null", "not a regular file"),
                        (script.parent / "none", "does not exist")]:
        sentence = refusal(brine, "serve", script, "--python", path)
        assert sentence.startswith(f"brine: --python names {path}, which ") and words in sentence
    sentence = refusal(brine, "config", script, environment={**os.environ, "VIRTUAL_ENV": "/no/such/venv"})
    assert "VIRTUAL_ENV in the environment names /no/such/venv, which does not exist" in sentence


def test_a_virtual_environment_that_has_lost_its_python(brine, folder, script):
    environment = folder / "my venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", environment], check=True)
    for program in (environment / "bin").glob("python*"):
        program.unlink()
        program.symlink_to("/no/such/python")
    for way in (environment, environment / "bin"):
        sentence = refusal(brine, "serve", script, "--python", way)
        assert f"{environment}/bin/python is a link to /no/such/python, which does not lead to a file" in sentence
        assert f"`python3 -m venv --clear '{environment}'`" in sentence
    assert "link to /no/such/python" in refusal(brine, "serve", script, "--python", environment / "bin/python")


@ROOT_ONLY
def test_a_user_whom_nobody_knows(brine, script):
    """No HOME, no entry in the system's list of users; and a HOME that is no place."""
    for variables in ({}, {"HOME": ""}, {"HOME": "here"}, {"XDG_STATE_HOME": "here"}):
        sentence = refusal(brine, "config", script, environment={"PATH": "/usr/bin:/bin", **variables}, user=54321,
                           group=54321, extra_groups=[])
        assert "no HOME in the environment, and the user 54321 is not in the system's list" in sentence
        assert "XDG_STATE_HOME" in sentence


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "-x", "two words", "x" * 65, "a\nb"])
def test_names_that_are_no_file_s(brine, script, name):
    assert "is not a name of up to 64 letters" in refusal(brine, "config", script, f"--name={name}")


def test_a_configuration_needs_a_port_that_stays(brine, script):
    assert "--port 0 is for `brine serve`" in refusal(brine, "config", script, "--port", "0")


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
