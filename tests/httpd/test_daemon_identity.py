"""Who a group's processes are, where they work, and what they have and have not of httpd."""

import os
import pwd
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from harness import daemons, groups, processes
from harness.config import httpd_user
from harness.deadline import SCALE, until
from harness.jail import furnish

pytestmark = pytest.mark.modes("groups")

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root's httpd takes on another user")
OTHER = "nobody"
CONFIG = groups.CONFIG + """
WSGIDaemonProcess site processes=2 threads=2 display-name=%{GROUP}
WSGIDaemonProcess other threads=2
WSGIScriptAlias /app {apps}/identity.wsgi process-group=site application-group=%{GLOBAL}
WSGIScriptAlias /other {apps}/identity.wsgi process-group=other application-group=%{GLOBAL}
"""

JAILED = """
import json, os
VERSION = 1
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"file": __file__, "cwd": os.getcwd(), "root": sorted(os.listdir("/")),
                        "uid": os.getuid(), "version": VERSION}).encode()]
"""


@pytest.fixture
def facts(start_httpd):
    """`facts("user=nobody ...")`: what a process of such a group says of itself; with the server."""
    def ask(options, prepare=lambda server: None):
        server = start_httpd(
            groups.CONFIG + f"WSGIDaemonProcess site {options}\nWSGIScriptAlias /app "
            "{apps}/identity.wsgi process-group=site application-group=%{GLOBAL}\n")
        answer = server.get("/app")
        assert answer.status == 200, server.log.tail()
        return answer.json()
    return ask


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: line.split()[1:] for line in lines}


def workers(server, *names):
    """Pids of the groups' processes, all of them ready."""
    def found():
        pids = [pid for name in names for pid in groups.Group(server, name).pids()]
        return len(pids) == 3 and pids
    return until(found, "all are ready")


def supervisor_of(worker):
    return int(status(worker)["PPid"][0])


# --- user, groups ------------------------------------------------------------------------------------


@as_root
def test_user_and_groups(facts):
    said = facts(f"user={OTHER} group=#12345 supplementary-groups=#77,#78 home=/")
    uid = str(pwd.getpwnam(OTHER).pw_uid)
    assert said["status"]["Uid"] == [uid] * 4
    assert said["status"]["Gid"] == ["12345"] * 4
    assert said["status"]["Groups"] == ["77", "78"]
    assert int(said["status"]["CapEff"][0], 16) == int(said["status"]["CapPrm"][0], 16) == 0
    assert said["environ"]["USER"] == said["environ"]["LOGNAME"] == OTHER


@as_root
def test_without_options_they_are_httpds_user(facts):
    said = facts("")
    user = pwd.getpwnam(httpd_user())
    assert said["status"]["Uid"] == [str(user.pw_uid)] * 4
    assert said["status"]["Gid"] == [str(user.pw_gid)] * 4


@as_root
def test_there_is_no_way_back_and_the_supervisor_stays_root(httpd):
    for pid in workers(httpd, "site", "other"):
        facts = status(pid)
        assert facts["Uid"] == [str(pwd.getpwnam("www-data").pw_uid)] * 4
        assert int(facts["CapEff"][0], 16) == int(facts["CapPrm"][0], 16) == 0
        assert status(supervisor_of(pid))["Uid"] == ["0"] * 4


@pytest.mark.skipif(ROOT, reason="for an httpd that a plain user starts")
def test_a_plain_users_processes_are_that_user(facts):
    assert facts("")["status"]["Uid"] == [str(os.geteuid())] * 4


# --- surroundings ------------------------------------------------------------------------------------


def test_home(facts, workspace):
    folder = workspace.new_folder()
    said = facts(f"home={folder}")
    assert said["cwd"] == said["path"][0] == str(folder)
    uid = int(said["status"]["Uid"][0])
    assert said["environ"]["HOME"] == pwd.getpwuid(uid).pw_dir, "where ~ leads, as for any login"


def test_python_path_stands_behind_home(facts, workspace):
    folder = workspace.new_folder()
    said = facts(f"home={folder} python-path={folder}/scripts")
    assert said["path"] == [str(folder), f"{folder}/scripts"]


def test_umask_lang_locale_priority_and_intervals(facts):
    said = facts("umask=0027 lang=C.UTF-8 locale=C.UTF-8 cpu-priority=17 switch-interval=20ms "
                 "stack-size=1MB")
    assert said["umask"] == 0o027
    assert said["environ"]["LANG"] == said["environ"]["LC_ALL"] == "C.UTF-8"
    assert said["nice"] == 17
    assert said["switch"] == pytest.approx(0.02)
    assert said["stack"] == 1 << 20


def test_python_eggs(facts, workspace):
    folder = workspace.new_folder()
    assert facts(f"python-eggs={folder}")["environ"]["PYTHON_EGG_CACHE"] == str(folder)


def test_buffer_sizes(start_httpd):
    server = start_httpd("WSGIDaemonProcess site send-buffer-size=16K receive-buffer-size=8K\n"
                         "WSGIScriptAlias /app {apps}/identity.wsgi process-group=site\n")
    # The kernel doubles what it is given, for what it has to keep itself.
    assert [2 * 16384, 2 * 8192] in server.get("/app?buffers").json()


def test_display_name(httpd):
    def shown(pid):
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")

    *named, other = workers(httpd, "site", "other")
    assert {shown(pid) for pid in named} == {b"(wsgi:site)"}
    assert {shown(pid) for pid in (other, supervisor_of(other))} == {shown(httpd.pid)}


# --- script-user, script-group -----------------------------------------------------------------------


@as_root
@pytest.mark.parametrize("option", ["script-user", "script-group"])
def test_script_owner(start_httpd, workspace, option):
    other = pwd.getpwnam(OTHER)
    folder = workspace.new_folder() / "scripts"
    script = folder / "own.wsgi"
    shutil.copy(workspace.folder / "apps" / "hello.wsgi", script)
    owner = OTHER if option == "script-user" else f"#{other.pw_gid}"
    server = start_httpd(f"WSGIDaemonProcess site {option}={owner}\n"
                         f"WSGIScriptAlias /app {script} process-group=site\n")
    assert server.get("/app").status == 403
    record, = server.expect_log("BRINE0115")
    assert str(script) in record.text and option in record.text

    os.chown(script, other.pw_uid, other.pw_gid)
    assert server.get("/app").body == b"hello"

    writable = [(script, 0o666), (folder, 0o777), (folder, 0o1777), (folder.parent, 0o777)]
    if option == "script-user":
        writable.append((script, 0o664))
    for count, (path, mode) in enumerate(writable, 1):
        before = path.stat().st_mode & 0o7777
        path.chmod(mode)
        assert server.get("/app").status == 403
        records = server.expect_log("BRINE0116", count=count)
        assert f"'{path}' (mode {mode:04o})" in records[-1].text
        path.chmod(before)
        assert server.get("/app").body == b"hello"

    if option == "script-user":
        os.chown(folder, pwd.getpwnam("daemon").pw_uid, 0)
        assert server.get("/app").status == 403
        assert f"the folder '{folder}'" in server.expect_log("BRINE0115", count=2)[-1].text


# --- what they have of httpd -------------------------------------------------------------------------


def test_no_python_in_httpd_nor_in_the_supervisor(httpd):
    worker = workers(httpd, "site", "other")[0]
    assert any("libpython" in name for name in processes.maps(worker))
    for pid in (httpd.pid, supervisor_of(worker)):
        assert not [name for name in processes.maps(pid) if "python" in name.lower()], pid


def sockets(pid):
    return {target for target in processes.descriptors(pid).values() if target.startswith("socket:")}


def listening(port):
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows
            if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}


def test_no_process_has_anothers_sockets_nor_httpds(httpd):
    pids = workers(httpd, "site", "other")
    for _ in range(6):
        assert httpd.get("/app").status == httpd.get("/other").status == 200
    own = {pid: sockets(pid) for pid in pids}
    for pid in pids:
        assert own[pid], "an fd-passing socket and a control channel at least"
        for other in pids:
            assert pid == other or not own[pid] & own[other]
    supervisor = supervisor_of(pids[0])
    ports = listening(httpd.port)
    assert ports and ports & sockets(httpd.pid)
    for pid in (*pids, supervisor):
        assert not ports & sockets(pid)


@pytest.mark.parametrize("name", ["app", "other"])
def test_a_program_that_the_application_starts_inherits_nothing(httpd, name):
    answer = httpd.get(f"/{name}?descriptors")
    assert answer.status == 200
    beyond = {fd: target for fd, target in answer.json().items() if int(fd) > 2}
    assert beyond == {}


def test_a_program_that_the_application_starts_can_be_hung_up(httpd):
    ignored = httpd.get("/app?ignored").json()
    assert signal.SIGPIPE in ignored, "Python's own"
    assert not {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM} & set(ignored)


# --- what cannot be taken on -------------------------------------------------------------------------


def test_a_home_that_is_gone(start_httpd, workspace):
    """The next processes cannot start: one line each, further and further apart, no loop."""
    folder = workspace.new_folder() / "home"
    folder.mkdir()
    server = start_httpd(
        groups.CONFIG + f"WSGIDaemonProcess site home={folder} connect-timeout=1500ms\n"
        "WSGIScriptAlias /app {apps}/identity.wsgi process-group=site\n")
    until(groups.Group(server).pids, "it is ready")
    pid = server.get("/app").json()["pid"]
    folder.rmdir()
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    record = server.expect_log("BRINE0611", count=2)[0]
    assert f"chdir to '{folder}'" in record.text and "(home)" in record.text
    assert server.get("/app").status == 503
    server.expect_log("BRINE0601")
    server.expect_log("BRINE0610: .* exit code 71")
    daemons.assert_no_loop(len(server.log.texts("BRINE0611")), time.monotonic() - began)
    folder.mkdir()
    assert until(lambda: server.get("/app").status == 200, "it comes again", 8)


@as_root
def test_chroot(start_httpd, workspace):
    jail = workspace.new_folder()
    furnish(jail, workspace)
    (jail / "srv").mkdir()
    (jail / "srv/app.wsgi").write_text(JAILED)
    server = start_httpd(f"WSGIDaemonProcess site chroot={jail} home=/srv connect-timeout={2 * SCALE}s\n"
                         f"WSGIScriptAlias /app {jail}/srv/app.wsgi process-group=site "
                         "application-group=%{GLOBAL}\n"
                         f"WSGIImportScript {jail}/srv/app.wsgi process-group=site "
                         "application-group=%{GLOBAL}\n"
                         f"<Directory {jail}/srv>\nRequire all granted\n</Directory>\n")
    said = server.get("/app").json()
    assert said == {"file": "/srv/app.wsgi", "cwd": "/srv", "root": sorted(os.listdir(jail)),
                    "uid": pwd.getpwnam(httpd_user()).pw_uid, "version": 1}
    for version, code in (1, "def broken(:"), (3, JAILED.replace("= 1", "= 3")):
        mark = server.log.mark()
        (jail / "srv/app.wsgi").write_text(code)
        assert server.get("/app").json()["version"] == version
        if version == 1:
            until(lambda: len(daemons.starts(server, mark)) >= 4, "it has been tried in vain", 20)
    server.allow_log("BRINE06(14|17)|BRINE0301")


@as_root
def test_chroot_without_python_in_it(start_httpd, workspace):
    jail = workspace.new_folder()
    server = start_httpd(f"WSGIDaemonProcess site chroot={jail} home=/writable\n")
    records = server.expect_log("BRINE0610: .* exit code", count=2)
    assert all(re.search("exit code 7[01]", record.text) for record in records)
    server.allow_log("BRINE0")
    server.allow_log("Python|encodings|^$|Current thread|no Python frame|Traceback|sys\\.|prefix")
