"""The container's command runs as a user that has no name, and Kubernetes' sample fits it."""

import json
import os
import re
from types import SimpleNamespace

import pytest
import yaml

from serving import REPOSITORY

CONTAINERFILE = (REPOSITORY / "conf/container/Containerfile").read_text()
COMMAND = json.loads(re.search(r"^CMD (.*)$", CONTAINERFILE, re.MULTILINE)[1])
MANIFESTS = list(yaml.safe_load_all((REPOSITORY / "conf/container/kubernetes.yaml").read_text()))
POD = MANIFESTS[0]["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_command_serves_as_any_user(serve, folder, runtime):
    """As conf/container/Containerfile runs it, on a free port of this machine."""
    assert COMMAND[:2] == ["brine", "serve"] and "ENV XDG_RUNTIME_DIR=/tmp" in CONTAINERFILE
    options = COMMAND[3:]
    del options[options.index("--port"):][:2]
    options[options.index("--host") + 1] = "127.0.0.1"
    script = folder / "hello.wsgi"
    script.write_text((REPOSITORY / "docs/examples/hello.wsgi").read_text())
    runtime.chmod(0o1777)
    server = serve(script, *options, user=SimpleNamespace(pw_uid=POD["securityContext"]["runAsUser"], pw_gid=0),
                   environment={"HOME": "/nonexistent"})
    assert server.get()[0] == 200
    assert server.get(CONTAINER["readinessProbe"]["httpGet"]["path"])[0] == 200


def test_ports_and_names_fit():
    deployment, service = MANIFESTS
    [port] = CONTAINER["ports"]
    assert str(port["containerPort"]) == COMMAND[COMMAND.index("--port") + 1]
    assert f"EXPOSE {port['containerPort']}" in CONTAINERFILE and "--status" in COMMAND
    assert [each["targetPort"] for each in service["spec"]["ports"]] == [port["name"]]
    probes = [CONTAINER[name] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert {each[how]["port"] for each in probes for how in each if how in ("httpGet", "tcpSocket")} == {port["name"]}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    assert [each["name"] for each in CONTAINER["volumeMounts"]] == [each["name"] for each in POD["volumes"]]


def test_what_the_container_copies_is_there():
    copied = re.findall(r"^COPY (\S+) ", CONTAINERFILE, re.MULTILINE)
    assert copied and all((REPOSITORY / path).exists() for path in copied)
