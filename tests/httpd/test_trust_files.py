"""A tenant's files: root waits for none of them, and what is wrong with them is their group's alone."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import daemons, groups, processes
from harness.deadline import SCALE, until
from harness.stuck import Stuck

pytestmark = pytest.mark.modes("groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs an httpd that root starts")
LOOK = 5  # seconds that a look at a tenant's files may take

# The tenant's group, and another one.
CONFIG = groups.CONFIG + """
WSGIDaemonProcess tenant threads=1 OPTIONS
WSGIDaemonProcess other threads=1
WSGIScriptAlias /tenant {apps}/hello.wsgi process-group=tenant application-group=%{GLOBAL}
WSGIScriptAlias /other {apps}/hello.wsgi process-group=other application-group=%{GLOBAL}
"""


def config(options):
    return CONFIG.replace("OPTIONS", options)


class Tenant:
    """A virtual environment and a home that its owner does things to."""

    def __init__(self, folder):
        self.folder = folder
        self.venv, self.home = folder / "venv", folder / "home"
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", self.venv], check=True)
        self.home.mkdir()

    def options(self):
        return f"home={self.home} python-home={self.venv}"

    def take_away(self, path):
        path.rename(path.with_name(path.name + ".away"))

    def bring_back(self, path):
        path.with_name(path.name + ".away").rename(path)


@pytest.fixture
def tenant(workspace):
    return Tenant(workspace.new_folder())


@pytest.fixture
def running(start_httpd):
    """`running(options)`: a server in which the tenant's group serves."""
    def start(options):
        server = start_httpd(config(options))
        assert server.get("/tenant").body == b"hello"
        return server
    return start


def assert_out_of_order(server, fault):
    """503 for the group and 200 for others; the log and the status page say why."""
    asked = time.monotonic()
    answer = server.get("/tenant")
    assert answer.status == 503 and answer.header("Retry-After")
    assert time.monotonic() - asked < 2 * SCALE, "nobody waits for a process that will not come"
    assert server.get("/other").body == b"hello"
    for code in ("BRINE0020", "BRINE0120"):
        record = server.expect_log(f"{code}: .*WSGIDaemonProcess tenant ")[0]
        assert "httpd.conf:" in record.text and fault in record.text
    page = server.get("/server-status?auto").text
    line, = (line for line in page.splitlines() if line.startswith("BrineGroup[tenant]"))
    assert line.startswith("BrineGroup[tenant].out-of-order: ") and fault in line
    assert "Out of order: " in server.get("/server-status").text


# --- what is taken away for a moment ---------------------------------------------------------------


@pytest.mark.parametrize("what", ["home", "venv", "home that is a file", "pyvenv.cfg"])
def test_a_graceful_restart_while_it_is_away(running, configtest, tenant, what):
    server = running(tenant.options())
    path = {"home": tenant.home, "venv": tenant.venv, "home that is a file": tenant.home,
            "pyvenv.cfg": tenant.venv / "pyvenv.cfg"}[what]
    tenant.take_away(path)
    if what == "home that is a file":
        path.touch()
    server.reload()
    assert_out_of_order(server, "home=" if "home" in what else "python-home=")
    passed, said = configtest(config(tenant.options()))
    assert not passed and "BRINE0010: WSGIDaemonProcess tenant (" in said, "a person looks there"
    path.unlink(missing_ok=True)
    tenant.bring_back(path)
    mark = server.log.mark()
    server.reload()
    assert server.get("/tenant").body == b"hello"
    assert not server.log.texts("BRINE0[01][0-9]+", since=mark)


def test_a_start_while_it_is_away(start_httpd, tenant):
    """The first reading of the configuration, which httpd drops, says nothing."""
    tenant.take_away(tenant.venv)
    server = start_httpd(config(tenant.options()))
    assert_out_of_order(server, "python-home=")
    assert len(server.log.texts("BRINE0020", since=0)) == 1


def test_all_groups_of_a_server_are_out_of_order(start_httpd, tenant):
    server = start_httpd(groups.CONFIG + "WSGIDaemonProcess tenant home={dir}/none\n"
                         "WSGIScriptAlias /tenant {apps}/hello.wsgi process-group=tenant\n")
    assert server.get("/tenant").status == 503
    server.expect_log("BRINE0020")
    server.expect_log("BRINE0120")


def test_an_environment_that_was_made_anew_with_a_python_without_engine(running, tenant):
    server = running(tenant.options())
    (tenant.venv / "lib").rename(tenant.venv / "lib.old")
    (tenant.venv / "lib/python3.9/site-packages").mkdir(parents=True)
    server.reload()
    assert_out_of_order(server, "wants Python 3.9, for which there is no engine")


@as_root
def test_a_chroot_that_is_away(start_httpd, tenant):
    server = start_httpd(config(f"chroot={tenant.folder}/jail"))
    assert_out_of_order(server, "chroot= names")


@as_root
@pytest.mark.parametrize("path", ["home", "venv"])
def test_a_folder_that_its_owner_has_closed(running, tenant, path):
    server = running(tenant.options())
    getattr(tenant, path).chmod(0o700)
    server.reload()
    assert_out_of_order(server, "mode 0700")


@pytest.mark.parametrize("options", ["user=no-such-user", "bogus=1", "python=3.9"])
def test_what_the_administrator_wrote_is_refused(start_httpd, options):
    with pytest.raises(AssertionError, match="httpd ended with"):
        start_httpd(config(options))


def test_the_python_of_httpd_s_own_processes(start_httpd, tenant):
    text = ("WSGIRestrictEmbedded Off\nWSGIPythonHome {}\nWSGIDaemonProcess other threads=1 python-home=/usr\n"
            "WSGIScriptAlias /own {{apps}}/hello.wsgi process-group=%{{GLOBAL}}\n"
            "WSGIScriptAlias /other {{apps}}/hello.wsgi process-group=other\n").format(tenant.venv)
    server = start_httpd(text)
    assert server.get("/own").body == b"hello"
    tenant.take_away(tenant.venv)
    server.reload()
    assert server.get("/own").status == 503 and server.get("/other").body == b"hello"
    assert "WSGIPythonHome (" in server.expect_log("BRINE0021")[0].text
    server.expect_log("BRINE0120")
    tenant.bring_back(tenant.venv)
    server.reload()
    assert server.get("/own").body == b"hello"


# --- what is no file ------------------------------------------------------------------------------------


FIFOS = ["venv/pyvenv.cfg", "venv", "venv/bin/python", "venv/bin", "venv/lib", "home"]


def put_fifo(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    os.mkfifo(path, 0o666)


@pytest.mark.parametrize("name", FIFOS)
def test_a_fifo_stops_neither_httpd_s_test_nor_its_restart(running, configtest, tenant, name):
    server = running(tenant.options())
    put_fifo(tenant.folder / name)
    begun = time.monotonic()
    passed, said = configtest(config(tenant.options()))
    took = time.monotonic() - begun
    assert took < LOOK, "it is not waited for"
    if name == "venv/bin/python":
        return  # whether it is a program is found out by nobody but Python, who is told its path
    assert not passed and "BRINE0010" in said
    server.reload()
    assert_out_of_order(server, "home=")


def test_a_fifo_in_sys_path(start_httpd, tenant):
    path = tenant.folder / "packages"
    os.mkfifo(path)
    server = start_httpd(config(f"python-path={path}"))
    assert server.get("/tenant").body == b"hello"
    server.allow_log("BRINE0203")


def test_a_settings_file_without_end(configtest, tenant):
    """As much of it as an environment's settings can be is read, not gigabytes."""
    with (tenant.venv / "pyvenv.cfg").open("a") as file:
        file.truncate(1 << 40)
    begun = time.monotonic()
    passed, said = configtest(config(tenant.options()))
    assert passed, said
    assert time.monotonic() - begun < LOOK * SCALE


# --- what hangs -----------------------------------------------------------------------------------------


@pytest.fixture
def stuck():
    """`stuck(folder)`: a file system that hangs is mounted there, until the test's end."""
    mounted = []

    def mount(folder):
        mounted.append(Stuck(folder))
        return mounted[-1]

    yield mount
    for one in mounted:
        one.come_back()


@as_root
@pytest.mark.parametrize("what", ["home", "venv", "chroot"])
def test_a_file_system_that_hangs(running, configtest, tenant, stuck, what):
    options = f"chroot={tenant.home}" if what == "chroot" else tenant.options()
    server = running("" if what == "chroot" else options)
    disk = stuck(tenant.venv if what == "venv" else tenant.home)
    begun = time.monotonic()
    passed, said = configtest(config(options))
    assert not passed and "does their file system answer?" in said
    assert LOOK <= time.monotonic() - begun < 3 * LOOK * SCALE
    server.reload(config(options))
    assert_out_of_order(server, "does their file system answer?")
    disk.come_back()
    if what != "chroot":
        server.reload()
        assert server.get("/tenant").body == b"hello"


@as_root
def test_many_groups_that_hang_take_no_longer_than_one(start_httpd, tenant, stuck):
    text = config(tenant.options()) + "".join(
        f"WSGIDaemonProcess more{i} home={tenant.home}\n" for i in range(10))
    stuck(tenant.home)
    begun = time.monotonic()
    server = start_httpd(text)
    assert time.monotonic() - begun < 4 * LOOK * SCALE
    assert_out_of_order(server, "does their file system answer?")
    server.expect_log("BRINE0020", count=11)
    assert Path(f"/proc/{server.pid}").exists()


def lookers(server):
    """Children of the supervisor that run no program of their own: they look at a tenant's files."""
    def program(pid):
        try:
            return os.readlink(f"/proc/{pid}/exe")
        except OSError:  # it has ended
            return None
    httpd = program(server.pid)
    return [pid for supervisor in daemons.supervisors(server) for pid in processes.children(supervisor)
            if program(pid) == httpd]


@as_root
def test_a_script_on_a_file_system_that_hangs(start_httpd, tenant, stuck):
    """The supervisor looks at none itself: meanwhile it starts other groups' processes."""
    shutil.copy(Path(__file__).parents[1] / "apps" / "hello.wsgi", tenant.home / "hello.wsgi")
    server = start_httpd(config(f"connect-timeout={SCALE}s shutdown-timeout=1s").replace(
        "{apps}/hello.wsgi process-group=tenant", f"{tenant.home}/hello.wsgi process-group=tenant"))

    def kill(name):
        group = groups.Group(server, name)
        pid, = until(group.pids, "its process is ready")
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in group.pids(), "it has ended")

    assert server.get("/tenant").body == b"hello"
    disk = stuck(tenant.home)
    kill("tenant")
    kill("other")
    assert server.get("/other").body == b"hello", "though the tenant's new process hangs"
    until(lambda: lookers(server), "its start is overdue: somebody looks whether the script has changed")
    kill("other")
    assert server.get("/other").body == b"hello", "though that hangs too"
    disk.come_back()
    until(lambda: server.get("/tenant").body == b"hello", "the tenant's process", 30)
    server.allow_log("BRINE06(01|10|14|27)|BRINE030")
