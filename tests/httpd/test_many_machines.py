"""Three httpds behind mod_proxy_balancer: a deployment over all of them, one by one, loses no request."""

import re
from urllib.parse import urlencode

import pytest

from harness.deadline import until
from harness.load import Load

pytestmark = pytest.mark.modes("groups")

MACHINE = """
KeepAliveTimeout 2
WSGIDaemonProcess site processes=1 threads=4
WSGIScriptAlias /app {dir}/release.wsgi process-group=site application-group=%{GLOBAL}
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
    return server.get("/brine-health/site").status == 200


def page(balancer):
    return balancer.get("/balancer-manager", Referer=balancer.url("/balancer-manager")).text


def set_member(balancer, member, flag, value):
    """What an operator does on balancer-manager's page."""
    nonce = re.search(r"nonce=([-0-9a-f]+)", page(balancer))[1]
    form = urlencode({"nonce": nonce, "b": "site", "w": f"http://127.0.0.1:{member.port}", flag: value})
    answer = balancer.post("/balancer-manager", form.encode(), Referer=balancer.url("/balancer-manager"),
                           Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 200


def draining(balancer):
    return page(balancer).count("Init Drn")


def is_idle(server):
    return all(group["in_flight"] == 0 for group in server.get("/brine-status?format=json").json()["groups"])


@pytest.mark.parametrize("way", ["restart", "graceful"])
def test_a_rolling_deployment(start_httpd, monkeypatch, way):
    config = MACHINE + "<Location /brine-status>\n  SetHandler brine-status\n</Location>\n"
    machines = [start_httpd(config, files={"release.wsgi": RELEASE % "one"}) for _ in range(3)]
    members = "\n".join(f"BalancerMember http://127.0.0.1:{machine.port} ttl=1" for machine in machines)
    balancer = start_httpd(BALANCER.replace("{members}", members), modules=MODULES)
    for machine in machines:
        until(lambda: is_healthy(machine), "each machine is ready")
    with Load(balancer, "/app", clients=3) as load:
        load.go_on()
        for number, machine in enumerate(machines):
            set_member(balancer, machine, DRAIN, 1)
            assert draining(balancer) == 1
            load.go_on(2)  # what had been sent to it before is answered
            until(lambda: is_idle(machine), "it has no request left")
            machines[number] = deploy(machine, start_httpd, monkeypatch, config, way)
            until(lambda: is_healthy(machines[number]), "it is ready with the new release")
            set_member(balancer, machine, DRAIN, 0)
            assert draining(balancer) == 0
            load.go_on()
    load.nothing_lost()
    assert load.bodies == {b"one", b"two"}
    assert {balancer.get("/app").body for _ in range(6)} == {b"two"}


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
