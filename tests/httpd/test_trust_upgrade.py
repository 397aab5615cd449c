"""An upgrade on disk while httpd runs: other files are put in the place of the module, the engines and brine-worker.

What an httpd was started with goes on until its next restart, whatever lies on the disk. The files that an upgrade
brings are at first no programs at all, so that whatever is opened too early fails.
"""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from harness import daemons, processes
from harness.build import Build
from harness.deadline import SCALE, until
from harness.errorlog import assert_none
from harness.jail import furnish
from harness.server import Server, Workspace

pytestmark = pytest.mark.modes("groups")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's httpd can enter a chroot")

CONFIG = """
WSGIRestrictEmbedded Off
WSGIDaemonProcess site processes=2 threads=2
WSGIScriptAlias /site {dir}/scripts/app.wsgi process-group=site application-group=%{GLOBAL}
WSGIScriptAlias /embedded {apps}/pid.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}
"""
APP = """
import os
VERSION = "{version}"
def application(environ, start_response):
    start_response("200 OK", [("X-Version", VERSION)])
    return [str(os.getpid()).encode()]
"""
OTHER_VERSION = "Brine/X"


class Installation:
    """A folder of the test's own with all files of a build, from which httpd is started."""

    def __init__(self, workspace, variant):
        self.origin = workspace.build
        self.folder = workspace.new_folder() / "lib"
        shutil.copytree(self.origin.module.parent, self.folder)
        self.module = self.folder / self.origin.module.name
        self.build = Build(self.module, self.origin.pythons, self.origin.sanitizer, is_brine=True)
        self.workspace, self.variant = Workspace(workspace.folder, self.build), variant
        self.servers = []

    def start(self, text=CONFIG, **options):
        self.servers.append(Server(self.workspace, self.variant, text,
                                   files={"scripts/app.wsgi": APP.format(version=1)}, **options))
        return self.servers[-1]

    def upgrade(self, content):
        """Puts files with this content in the place of all, each at once, as a package's installation does."""
        for path in list(self.folder.iterdir()):
            fresh = path.with_name(path.name + ".new")
            fresh.write_bytes(content(path))
            fresh.chmod(0o755)
            os.replace(fresh, path)

    def next_release(self, path):
        """The same build, but for the version that the module gives httpd for its Server field."""
        data = (self.origin.module.parent / path.name).read_bytes()
        version = re.search(rb"Brine/[0-9.]+\0", data)
        if path != self.module:
            return data
        other = OTHER_VERSION.encode().ljust(len(version[0]), b"\0")
        return data.replace(version[0], other)

    def on_disk(self):
        return {path.name: path.stat().st_ino for path in self.folder.iterdir()}

    def running(self, pid):
        """{file name: inode} of what a process has mapped of the installation, replaced on disk or not."""
        lines = [line.split(maxsplit=5) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
        return {Path(line[5].removesuffix(" (deleted)")).name: int(line[4]) for line in lines
                if len(line) == 6 and line[5].startswith(str(self.folder))}


@pytest.fixture
def installation(workspace, variant, request):
    made = Installation(workspace, variant)
    yield made
    problems = [problem for server in made.servers for problem in server.stop()]
    if not request.node.failed:
        problems += [line for server in made.servers for line in server.log.complaints()]
        assert_none(problems)


def rubbish(_path):
    return b"this is no program"


def ask(server, path="/site"):
    answer = server.get(path)
    assert answer.status == 200, (path, answer.status, server.log.tail())
    return answer


def all_serve(installation, server, inodes):
    """The group and httpd's own processes serve, and run files of this time alone."""
    for path in ("/site", "/embedded"):
        pid = int(ask(server, path).text)
        running = installation.running(pid)
        assert len(running) == 2 and running.items() <= inodes.items(), (path, running)


def replace_processes(server, way):
    """Has all daemon processes replaced; waits until others serve."""
    before = set(server.workers())
    if way == "crash":
        server.allow_log("BRINE0610")
        for pid in before:
            os.kill(pid, signal.SIGKILL)
    elif way == "recycling":
        for pid in before:
            os.kill(pid, signal.SIGUSR1)
    elif way == "reload":
        version = str(int(ask(server).header("X-Version")) + 1)
        server.write("scripts/app.wsgi", APP.format(version=version))
        assert ask(server).header("X-Version") == version
    elif way == "supervisor":
        server.allow_log("BRINE06(10|20)")
        daemons.adopt_orphans()
        os.kill(server.supervisor(), signal.SIGKILL)
    elif way == "child":
        serving = [pid for pid in processes.children(server.pid) if processes.listens(pid, server.port)]
        server.allow_log("AH00052")
        for pid in serving:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not set(serving) & set(processes.children(server.pid)), "httpd's children have ended")
        return
    else:
        server.reload()
    until(lambda: not before & set(server.workers()) and len(server.workers()) == 2, "others serve", 30)


@pytest.mark.parametrize("content", ["no programs", "another release"])
def test_what_was_started_goes_on(installation, content):
    server = installation.start()
    inodes = installation.on_disk()
    version = ask(server).header("Server")
    installation.upgrade(rubbish if content == "no programs" else installation.next_release)
    assert not set(inodes.values()) & set(installation.on_disk().values())
    for way in ("crash", "recycling", "reload", "supervisor", "child", "graceful", "graceful", "crash"):
        replace_processes(server, way)
        all_serve(installation, server, inodes)
        assert ask(server).header("Server") == version


def test_the_files_may_be_away_altogether(installation):
    """A package that is removed and installed again."""
    server = installation.start()
    inodes = installation.on_disk()
    shutil.rmtree(installation.folder)
    for way in ("crash", "graceful", "child"):
        replace_processes(server, way)
        all_serve(installation, server, inodes)


def test_another_python_after_the_upgrade(installation):
    """A new configuration names a Python that none has asked for yet: its engine is of the old build too."""
    other = installation.build.pythons[-1]
    if other == installation.build.default_python:
        pytest.skip("the build has one Python")
    server = installation.start()
    inodes = installation.on_disk()
    installation.upgrade(rubbish)
    server.reload(CONFIG.replace("threads=2", f"threads=2 python={other}"))
    until(lambda: f"brine_engine.cpython-{other.replace('.', '')}.so" in installation.running(int(ask(server).text)),
          "the group runs the other Python", 30)
    all_serve(installation, server, inodes)


def restart(server):
    """httpd's own restart, in the process that there is.

    A child that still starts would not hear of it in time, and one that lets go of a connection at that moment may
    crash (see Server.stop()).
    """
    ask(server, "/embedded")
    until(lambda: processes.connections(server.port) == 0, "the connection ends")
    mark = server.log.mark()
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: server.log.texts("resuming normal operations", since=mark), "httpd's restart", 30)


@pytest.mark.axes("mpm")
def test_a_restart_takes_the_new(installation):
    server = installation.start()
    old = ask(server).header("Server")
    installation.upgrade(installation.next_release)
    server.reload()
    assert ask(server).header("Server") == old
    restart(server)
    all_serve(installation, server, installation.on_disk())
    assert ask(server).header("Server").endswith(OTHER_VERSION)
    server.stop()
    installation.upgrade(installation.next_release)
    again = installation.start()
    all_serve(installation, again, installation.on_disk())


def test_restarts_leave_no_descriptor(installation):
    server = installation.start()
    counts = []
    for _ in range(3):
        restart(server)
        server.reload()
        names = processes.descriptors(server.pid).values()
        counts.append(sum("brine_engine." in name or "/brine-worker" in name for name in names))
    assert counts == [1 + len(installation.build.pythons)] * 3, processes.descriptors(server.pid)


@as_root
def test_a_process_in_a_chroot_opens_the_engine_that_lies_there(installation):
    """It cannot be given httpd's: /proc is not there to open it by. So its file has to stay until the restart."""
    jail = installation.workspace.new_folder()
    furnish(jail, installation.workspace)
    (jail / "srv").mkdir()
    (jail / "srv/app.wsgi").write_text(APP.format(version=1))
    server = installation.start(f"""
WSGIDaemonProcess site chroot={jail} home=/srv processes=2 connect-timeout={4 * SCALE}s
WSGIScriptAlias /site {jail}/srv/app.wsgi process-group=site application-group=%{{GLOBAL}}
<Directory {jail}/srv>
  Require all granted
</Directory>
""")
    inodes = installation.on_disk()
    installation.upgrade(rubbish)
    engine, = jail.rglob("brine_engine.*")
    for way in ("crash", "recycling", "graceful"):
        replace_processes(server, way)
        lines = Path(f"/proc/{int(ask(server).text)}/maps").read_text().splitlines()
        mapped = {int(line.split()[4]) for line in lines}
        assert {engine.stat().st_ino, inodes["brine-worker"]} <= mapped


@as_root
def test_a_chroot_of_httpds_own(installation):
    """httpd's ChrootDir: its children have no /proc to open their engine by, and take the one that lies there."""
    jail = installation.workspace.new_folder()
    furnish(jail, installation.workspace)
    inside = jail / str(installation.folder).lstrip("/")
    inside.mkdir(parents=True, exist_ok=True)
    shutil.copytree(installation.folder, inside, dirs_exist_ok=True)
    (jail / "srv").mkdir()
    (jail / "srv/app.wsgi").write_text(APP.format(version=1))
    server = installation.start(f"""
ChrootDir {jail}
WSGIRestrictEmbedded Off
WSGIScriptAlias /site /srv/app.wsgi process-group=%{{GLOBAL}} application-group=%{{GLOBAL}}
""")
    assert ask(server).header("X-Version") == "1"
