"""A daemon process runs a tenant's code: what that can reach of httpd's, of other sites, and of what comes after it."""

import os
import re
import signal
import time

import pytest

from harness import processes
from harness.deadline import SCALE, until

pytestmark = pytest.mark.modes("groups")

USER = "user=nobody home=/ " if os.geteuid() == 0 else ""
SECRET = "known to nobody else"
CONFIG = f"""
SetEnv BRINE_TEST_SECRET "{SECRET}"
WSGIDaemonProcess tenant {USER}processes=1 threads=3 shutdown-timeout=2 graceful-timeout=2
WSGIDaemonProcess neighbour threads=3
WSGIScriptAlias /tenant {{apps}}/tenant.wsgi process-group=tenant application-group=%{{GLOBAL}}
WSGIScriptAlias /hello {{apps}}/hello.wsgi process-group=neighbour application-group=%{{GLOBAL}}
<Location /tenant>
  UnsetEnv BRINE_TEST_SECRET
</Location>
"""

DESCRIPTORS = """
import os, stat
found = {}
for name in os.listdir("/proc/self/fd"):
    try:
        found[int(name)] = os.readlink("/proc/self/fd/" + name)
    except OSError:
        pass
"""


def tenant(server, source):
    answer = server.post("/tenant", source.encode())
    assert answer.status == 200, (answer.status, server.log.tail())
    return answer.json()


def tenants_pid(server):
    return tenant(server, "import os\nresult = os.getpid()")


def serves_again(server, before):
    def served():
        answer = server.post("/tenant", b"import os\nresult = os.getpid()")
        return answer.status == 200 and answer.json() not in before

    until(served, "another process serves the tenant", 30)
    assert server.get("/hello").status == 200


def test_what_a_process_begins_with(start_httpd):
    """Sockets of its own, memory of its own slot, and the group's pipe; no file of httpd's."""
    server = start_httpd(CONFIG)
    found = tenant(server, DESCRIPTORS + "result = found")
    own = {int(fd): name for fd, name in found.items()}
    assert own[0] == "/dev/null" and own[1] == own[2] and own[1].startswith("pipe:")
    others = {name for fd, name in own.items() if fd > 2}
    kinds = {re.sub(r":.*|/\d+/.*", "", name) for name in others}
    assert kinds <= {"socket", "anon_inode", "pipe", "/memfd", "/proc"}, others
    assert not [name for name in others if name.endswith(".log") or "httpd" in name]
    theirs = set(processes.descriptors(server.pid).values()) | {
        name for pid in processes.children(server.pid) if pid != server.supervisor()
        for name in processes.descriptors(pid).values()}
    assert not {name for name in others if name.startswith(("socket:", "pipe:"))} & theirs


@pytest.mark.parametrize("size", [1, 4096])
def test_bytes_into_everything_that_can_be_written(start_httpd, size):
    server = start_httpd(CONFIG)
    server.get("/hello")
    children = processes.children(server.pid)
    server.allow_log(r"\$|BRINE06|AH0")
    first = tenants_pid(server)
    server.post("/tenant", (DESCRIPTORS + f"""
for fd in found:
    os.set_blocking(fd, False)
    for _ in range(3):
        try:
            os.write(fd, b"$" * {size})
        except OSError:
            pass
result = len(found)
""").encode())
    for _ in range(5):
        assert server.get("/hello").status == 200
    os.kill(first, signal.SIGKILL)
    serves_again(server, [first])
    assert processes.children(server.pid) == children, "httpd's processes live on"


def test_no_log_can_be_truncated(start_httpd):
    server = start_httpd(CONFIG)
    server.allow_log("BRINE06")
    tenants_pid(server)
    before = server.log.path.read_bytes()
    server.post("/tenant", (DESCRIPTORS + """
for fd in found:
    for path in (fd, "/proc/self/fd/%d" % fd):
        try:
            os.truncate(path, 0)
        except (OSError, ValueError):
            pass
result = sorted(found)
""").encode())
    assert server.log.path.read_bytes().startswith(before)
    assert server.get("/hello").status == 200


MAPS = """
result = [line.split() for line in open("/proc/self/maps").read().splitlines()]
"""


def test_shared_memory_is_its_own_slot(start_httpd):
    """Also after a graceful restart, when httpd has made new memory for its own."""
    server = start_httpd(CONFIG)
    for _ in range(2):
        shared = [line for line in tenant(server, MAPS) if line[1].endswith("s") and "w" in line[1]]
        assert len(shared) == 1 and "memfd:brine" in shared[0][5], shared
        assert not any("zero" in word or "SYSV" in word for line in tenant(server, MAPS) for word in line[5:])
        before = tenants_pid(server)
        os.kill(server.pid, signal.SIGUSR1)
        serves_again(server, [before])


SEARCH = """
import ctypes, re
needle = {needle!r}[::-1].encode()
pattern = bytes(needle)
result = 0
for line in open("/proc/self/maps"):
    match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r.* 0+ 00:00 0 *(\\[heap\\])?$", line)
    if not match or "s " in line.split()[1] + " ":
        continue
    start, end = int(match[1], 16), int(match[2], 16)
    block = ctypes.string_at(start, end - start)
    at = block.find(pattern)
    while at >= 0:
        result += 1
        at = block.find(pattern, at + 1)
    del block
result = result
"""


def test_memory_holds_nothing_of_the_configuration(start_httpd, workspace):
    """The needle itself is found: it stands backwards in the source, and turned round in the searching code."""
    if "address" in workspace.build.sanitizer:
        pytest.skip("the address sanitizer ends a process that reads all of its memory")
    server = start_httpd(CONFIG)
    server.get("/hello")
    control = tenant(server, SEARCH.format(needle="esle eno on fo"))
    found = tenant(server, SEARCH.format(needle=SECRET[::-1]))
    assert found <= control + 1, "what httpd's configuration says is in the process's memory"


def test_a_process_that_cuts_its_ways_in(start_httpd):
    """Connections come over a pair of sockets that only this process has: its successor has another."""
    server = start_httpd(CONFIG)
    server.allow_log("BRINE06|BRINE0401")
    first = tenants_pid(server)
    server.post("/tenant", (DESCRIPTORS + """
import socket
for fd, name in found.items():
    if name.startswith("socket:"):
        try:
            socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
os._exit(1)
""").encode())
    serves_again(server, [first])


def test_a_copy_steals_no_later_request(start_httpd):
    """A child that keeps all descriptors and takes what comes over them."""
    server = start_httpd(CONFIG)
    server.allow_log("BRINE06|BRINE0401|AH")
    first = tenants_pid(server)
    child = tenant(server, DESCRIPTORS + """
import array, ctypes, socket, time
copies = [os.dup(fd) for fd in found if fd > 2]
libc = ctypes.CDLL(None)
child = libc.syscall(57) if os.uname().machine == "x86_64" else os.fork()  # fork(2), without any handler
if child == 0:
    os.setsid()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for fd in copies:
            try:
                with socket.socket(fileno=os.dup(fd)) as taken:
                    taken.setblocking(False)
                    taken.recvmsg(65536, 65536)
            except (OSError, ValueError):
                pass
    os._exit(0)
result = child
""")
    try:
        os.kill(first, signal.SIGKILL)
        serves_again(server, [first])
        pid = tenants_pid(server)
        assert [tenants_pid(server) for _ in range(30)] == [pid] * 30
    finally:
        os.kill(child, signal.SIGKILL)


RUBBISH = """
import ctypes, os, random, re, threading, time
start, end = next(tuple(int(word, 16) for word in line.split()[0].split("-"))
                  for line in open("/proc/self/maps") if "memfd:brine slot" in line)
size = end - start
random.seed({seed})

def write():
    deadline = time.monotonic() + {seconds}
    while time.monotonic() < deadline:
        for _ in range(200):
            at = random.randrange(0, size // 8) * 8
            value = random.choice([0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, random.getrandbits(64)])
            ctypes.memmove(start + at, value.to_bytes(8, "little"), 8)
        time.sleep(0.001)

threading.Thread(target=write, daemon=True).start()
result = os.getpid()
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_rubbish_in_its_slot_harms_nobody_else(start_httpd, seed):
    server = start_httpd(CONFIG)
    server.allow_log("BRINE06|BRINE0401|AH")
    neighbour = server.get("/hello")
    assert neighbour.status == 200
    children, supervisor = processes.children(server.pid), server.supervisor()
    pid = tenant(server, RUBBISH.format(seed=seed, seconds=4 * SCALE))
    deadline = time.monotonic() + 4 * SCALE
    while time.monotonic() < deadline:
        assert server.get("/hello").status == 200
        server.get("/server-status?auto")
    assert processes.children(server.pid) == children and server.supervisor() == supervisor
    if os.path.exists(f"/proc/{pid}"):
        os.kill(pid, signal.SIGKILL)
    serves_again(server, [pid])


def test_a_child_that_keeps_everything_delays_nobody(start_httpd):
    server = start_httpd(CONFIG)
    server.allow_log("BRINE06|AH")
    first = tenants_pid(server)
    child = tenant(server, DESCRIPTORS + """
import ctypes, time
copies = [os.dup(fd) for fd in found]
child = ctypes.CDLL(None).syscall(57) if os.uname().machine == "x86_64" else os.fork()
if child == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)
result = child
""")
    try:
        os.kill(first, signal.SIGUSR1)
        serves_again(server, [first])
        os.kill(server.pid, signal.SIGUSR1)
        until(lambda: server.get("/hello").status == 200, "httpd has restarted")
        serves_again(server, [first])
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("how", ["print", "descriptor"])
def test_a_flood_of_log_lines_is_counted(start_httpd, how):
    server = start_httpd(CONFIG)
    server.allow_log("flood flood|BRINE0642")
    write = {"print": "print('flood ' * 20)", "descriptor": "os.write(2, b'flood ' * 20 + b'\\n')"}[how]
    tenant(server, f"""
import os, threading
def flood():
    for _ in range(30000):
        {write}
thread = threading.Thread(target=flood)
thread.start()
""")
    for _ in range(5):
        assert server.get("/hello").status == 200
    server.expect_log(r"BRINE0642: \d+ log records of daemon group 'tenant' were left out", seconds=30)


def test_records_that_look_like_brines_own(start_httpd):
    """A client may have put them into what an application prints; a process may write to descriptor 2."""
    server = start_httpd(CONFIG)
    server.allow_log("BRINE0617|a client|escape|said so")
    tenant(server, r"""
import os, sys, threading
print("a client sent:\nBRINE0617: made up by print\rhere")
print("BRINE0617: made up at once", file=sys.stderr)
print("BRINE0617: made up in the request's log", file=environ["wsgi.errors"])
os.write(2, b"BRINE0617: made up on descriptor 2\n\x1b[31mescape\n")
def say():
    print("BRINE0617: made up by a thread")
thread = threading.Thread(target=say)
thread.start()
thread.join()
""")
    until(lambda: server.log.path.read_text().count("made up") == 5, "all have been written", 10)
    text = server.log.path.read_text()
    assert not re.search(r"\] BRINE0617", text), text
    assert len(re.findall(r"> BRINE0617: made up", text)) == 5
    assert "\x1b" not in text and "\r" not in text


CLAIMS = """
import os, socket, struct
control = socket.socket(fileno=os.dup(3))
def text(value):
    return struct.pack("=I", len(value)) + value.encode()
for path in {paths!r}:
    script = text(path) + text("application") + text("") + bytes([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    control.send(b"\\x01\\x00" + struct.pack("=I", 1) + text(path) + struct.pack("=q", 7))
    control.send(b"\\x02\\x00" + script)
result = True
"""


def test_scripts_that_it_claims_to_have_loaded(start_httpd, workspace):
    """No successor has to load what no request asks for, and nobody is kept out by what does not load."""
    folder = workspace.new_folder()
    paths = {name: folder / "scripts" / f"{name}.wsgi" for name in ("asked", "unasked")}
    server = start_httpd(CONFIG + "WSGIScriptAlias /s {dir}/scripts process-group=tenant application-group=%{GLOBAL}\n",
                         folder=folder, files={f"scripts/{name}.wsgi": "def broken(:\n" for name in paths})
    server.allow_log("BRINE06(10|14|44)|BRINE0301")
    pid = tenants_pid(server)
    assert server.get("/s/asked.wsgi").status == 500
    tenant(server, CLAIMS.format(paths=[*map(str, paths.values()), "/no/such/file.wsgi"]))
    os.kill(pid, signal.SIGUSR1)
    serves_again(server, [pid])
    successor = tenants_pid(server)
    os.kill(successor, signal.SIGKILL)
    serves_again(server, [pid, successor])
    server.expect_log(f"BRINE0614.*{paths['asked']}")  # what it says is heard
    tried = " ".join(server.log.texts("BRINE0614"))
    assert str(paths["unasked"]) not in tried and "/no/such" not in tried
