"""Three httpds behind mod_proxy_balancer or HAProxy: a deployment over all of them, one by one, loses no request."""

import re
import shutil
import socket
import subprocess
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

from harness import processes
from harness.deadline import until
from harness.load import Load
from ports import free_port

pytestmark = pytest.mark.modes("groups")

MACHINE = """
KeepAliveTimeout 2
WSGIDaemonProcess shop processes=1 threads=4
WSGIScriptAlias /app {dir}/release.wsgi process-group=shop application-group=%{GLOBAL}
<Location /brine-health>
  SetHandler brine-health
</Location>
"""
RELEASE = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%s"]
"""
BALANCER = """
<Proxy balancer://site>
  {members}
</Proxy>
ProxyPass /app balancer://site/app
ProxyTimeout 60
<Location /balancer-manager>
  SetHandler balancer-manager
</Location>
"""
MODULES = ("slotmem_shm", "proxy", "proxy_http", "proxy_balancer", "lbmethod_byrequests")
DRAIN = "w_status_N"


def is_healthy(server):
    return server.get("/brine-health/shop").status == 200


class Apache:
    """mod_proxy_balancer, operated as on the page of its manager."""

    def __init__(self, start_httpd, machines):
        members = "\n".join(f"BalancerMember http://127.0.0.1:{machine.port} ttl=1" for machine in machines)
        self.server = start_httpd(BALANCER.replace("{members}", members), modules=MODULES)
        self.port = self.server.port

    def page(self):
        return self.server.get("/balancer-manager", Referer=self.server.url("/balancer-manager")).text

    def drain(self, machine, drained):
        nonce = re.search(r"nonce=([-0-9a-f]+)", self.page())[1]
        form = urlencode({"nonce": nonce, "b": "site", "w": f"http://127.0.0.1:{machine.port}", DRAIN: int(drained)})
        answer = self.server.post("/balancer-manager", form.encode(), Referer=self.server.url("/balancer-manager"),
                                  Content_Type="application/x-www-form-urlencoded")
        assert answer.status == 200
        assert self.page().count("Init Drn") == int(drained)

    def close(self):
        pass


class HAProxy:
    """HAProxy with the lines of docs/many-machines.md."""

    def __init__(self, folder, machines):
        text = (Path(__file__).parents[2] / "docs/many-machines.md").read_text()
        backend = re.search(r"^backend shop\n(?: .*\n)+", text, re.MULTILINE)[0]
        self.names = dict(zip([machine.port for machine in machines], re.findall(r"^ +server (\w+) ", backend, re.MULTILINE),
                              strict=True))
        for machine in machines:
            backend = re.sub(r"10\.0\.0\.\d:80", f"127.0.0.1:{machine.port}", backend, count=1)
        self.port, self.socket = free_port(), folder / "admin.sock"
        file = folder / "haproxy.cfg"
        file.write_text(f"global\n    stats socket {self.socket} mode 600 level admin\n"
                        "defaults\n    mode http\n    timeout connect 30s\n    timeout client 60s\n    timeout server 60s\n"
                        f"frontend all\n    bind 127.0.0.1:{self.port}\n    default_backend shop\n{backend}")
        self.process = subprocess.Popen([shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-q", "-db", "-f", file])
        until(lambda: self.socket.exists() and processes.listens(self.process.pid, self.port), "HAProxy's sockets")

    def told(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.socket))
            admin.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: admin.recv(4096), b"")).decode().strip()

    def drain(self, machine, drained):
        state = "drain" if drained else "ready"
        assert self.told(f"set server shop/{self.names[machine.port]} state {state}") == ""

    def close(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture(params=["mod_proxy_balancer", "haproxy"])
def balance(request, start_httpd, tmp_path):
    """balance(MACHINES) starts a balancer in front of them."""
    started = []

    def start(machines):
        started.append(Apache(start_httpd, machines) if request.param != "haproxy" else HAProxy(tmp_path, machines))
        return started[0]

    if request.param == "haproxy" and not shutil.which("haproxy", path="/usr/sbin:/usr/bin"):
        pytest.skip("needs haproxy")
    yield start
    for each in started:
        each.close()


def is_idle(server):
    return all(group["in_flight"] == 0 for group in server.get("/brine-status?format=json").json()["groups"])


@pytest.mark.parametrize("way", ["restart", "graceful"])
def test_a_rolling_deployment(start_httpd, balance, monkeypatch, way):
    config = MACHINE + "<Location /brine-status>\n  SetHandler brine-status\n</Location>\n"
    machines = [start_httpd(config, files={"release.wsgi": RELEASE % "one"}) for _ in range(3)]
    balancer = balance(machines)
    for machine in machines:
        until(lambda: is_healthy(machine), "each machine is ready")
    with Load(balancer, "/app", clients=3) as load:
        load.go_on()
        for number, machine in enumerate(machines):
            balancer.drain(machine, True)
            load.go_on(2)  # what had been sent to it before is answered
            until(lambda: is_idle(machine), "it has no request left")
            machines[number] = deploy(machine, start_httpd, monkeypatch, config, way)
            until(lambda: is_healthy(machines[number]), "it is ready with the new release")
            balancer.drain(machine, False)
            load.go_on()
    load.nothing_lost()
    assert load.bodies == {b"one", b"two"}
    assert {get(balancer.port) for _ in range(6)} == {b"two"}


def get(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/app") as answer:
        return answer.read()


def deploy(machine, start_httpd, monkeypatch, config, way):
    """The machine with the new release."""
    if way == "graceful":
        machine.write("release.wsgi", RELEASE % "two")
        machine.reload()
        return machine
    assert machine.stop() == []
    monkeypatch.setattr("harness.server.free_port", lambda: machine.port)
    try:
        return start_httpd(config, files={"release.wsgi": RELEASE % "two"})
    finally:
        monkeypatch.undo()
