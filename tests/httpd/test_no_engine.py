"""A module without a usable engine: httpd starts, says once what is missing, answers 500."""

import re
import shutil

import pytest

from harness.build import Build
from harness.errorlog import assert_none
from harness.server import Server, Workspace

pytestmark = pytest.mark.modes("embedded")  # the engine of httpd's own processes

CONFIG = """
WSGIScriptAlias /app {apps}/where.wsgi
"""


@pytest.fixture
def other_build(workspace, variant, request):
    """Starts httpd with a copy of the module beside engines as the test left them."""
    servers = []

    def start(break_engines, text=CONFIG):
        folder = workspace.new_folder() / "lib"
        shutil.copytree(workspace.build.module.parent, folder)
        for engine in folder.glob("brine_engine.*"):
            break_engines(engine)
        build = Build(folder / workspace.build.module.name, workspace.build.pythons,
                      workspace.build.sanitizer, is_brine=True)
        servers.append(Server(Workspace(workspace.folder, build), variant, text))
        return servers[-1]

    yield start
    for server in servers:
        assert not server.stop()
        assert_none([] if request.node.failed else server.log.complaints())


def test_no_engine(other_build):
    server = other_build(lambda engine: engine.unlink())
    (server.folder / "htdocs" / "x.txt").write_text("static")
    record, *_ = server.expect_log("BRINE0001")
    assert "brine_engine.cpython-" in record.text
    assert server.get("/app").status == 500
    server.expect_log("BRINE0109")
    assert server.get("/x.txt").body == b"static"
    assert len(server.log.texts("BRINE0001:")) == len(server.children())


def test_engine_that_cannot_be_loaded(other_build):
    server = other_build(lambda engine: engine.write_bytes(b"this is no shared object"))
    server.expect_log("BRINE0002")
    assert server.get("/app").status == 500
    server.expect_log("BRINE0109")


def test_engine_that_is_something_else(other_build):
    server = other_build(lambda engine: shutil.copy(
        "/usr/lib/apache2/modules/mod_env.so", engine))
    server.expect_log("BRINE000[23]")
    assert server.get("/app").status == 500
    server.expect_log("BRINE0109")


def test_the_configuration_test_refuses_it(configtest):
    passed, said = configtest("WSGIPython 3.99\n" + CONFIG)
    assert not passed and "BRINE0001" in said and re.search(r"see WSGIPython \(\S+\.conf:\d+\)", said)
    assert configtest("WSGIPython 3.99\n")[0], "nobody needs it"
    assert configtest("WSGIPython 3.99\nWSGIRestrictEmbedded On\n")[0]


def test_python_that_has_no_engine(start_httpd, variant):
    server = start_httpd("WSGIPython 3.99\n" + CONFIG)
    record, *_ = server.expect_log("BRINE0001")
    assert "3.99" in record.text or "399" in record.text
    assert server.get("/app").status == 500
    server.expect_log("BRINE0109")


def test_restricted_embedded(start_httpd):
    server = start_httpd("WSGIRestrictEmbedded On\n" + CONFIG)
    assert server.get("/app").status == 500
    server.expect_log("BRINE0112")
