"""WSGIApplicationGroup: which interpreter serves a request, and how many there may be."""

from collections import Counter

CONFIG = """
WSGIInterpreterLimit 12 12
WSGIScriptAlias /app {apps}/where.wsgi
WSGIScriptAlias /state {apps}/state.wsgi
WSGIScriptAlias /state2 {apps}/state.wsgi
<Location /app/main>
  WSGIApplicationGroup %{GLOBAL}
</Location>
<Location /app/resource>
  WSGIApplicationGroup %{RESOURCE}
</Location>
<Location /app/server>
  WSGIApplicationGroup %{SERVER}
</Location>
<Location /app/host>
  WSGIApplicationGroup %{HOST}
</Location>
<Location /app/env>
  WSGIApplicationGroup %{ENV:GROUP}
</Location>
<Location /app/env/to-main>
  SetEnv GROUP %{GLOBAL}
</Location>
<Location /app/env/to-server>
  SetEnv GROUP %{SERVER}
</Location>
<Location /app/env/named>
  SetEnv GROUP from-env
</Location>
<Location /app/plain>
  WSGIApplicationGroup plain%{GLOBAL}
</Location>
<Location /state>
  WSGIApplicationGroup first
</Location>
<Location /state2>
  WSGIApplicationGroup second
</Location>
"""
CANNOT_YET = """
import os, sys

with open({folder!r} + "/writable/interpreters", "a") as notes:
    notes.write(f"{{os.getpid()}} ")


class NotYet:
    def find_spec(self, name, path=None, target=None):
        if name == "_posixsubprocess" and os.path.exists({folder!r} + "/writable/broken"):
            raise ImportError("not yet")


sys.meta_path.insert(0, NotYet())
"""
LIMIT = """
WSGIInterpreterLimit 2 2
WSGIApplicationGroup %{HOST}
WSGIScriptAlias /app {apps}/where.wsgi
"""


def group(httpd, path, **headers):
    return httpd.get(path, **headers).json()["group"]


def test_global(httpd):
    assert group(httpd, "/app/main") == ""


def test_resource(httpd):
    assert group(httpd, "/app/resource") == f"localhost:{httpd.port}|/app"


def test_server(httpd):
    assert group(httpd, "/app/server", Host=f"other:{httpd.port}") == f"localhost:{httpd.port}"


def test_host(httpd):
    assert group(httpd, "/app/host", Host=f"some.example:{httpd.port}") == (
        f"some.example:{httpd.port}")


def test_environment_variable(httpd):
    assert group(httpd, "/app/env/named") == "from-env"


def test_environment_variable_that_holds_another_token(httpd):
    assert group(httpd, "/app/env/to-main") == ""
    assert group(httpd, "/app/env/to-server") == f"localhost:{httpd.port}"


def test_unset_environment_variable_is_a_literal_name(httpd):
    assert group(httpd, "/app/env") == "%{ENV:GROUP}"


def test_a_token_must_be_the_whole_value(httpd):
    assert group(httpd, "/app/plain") == "plain%{GLOBAL}"


def test_each_group_has_its_own_modules(httpd):
    first = httpd.get("/state").json()
    second = httpd.get("/state2").json()
    again = httpd.get("/state").json()
    assert first["interpreter"] != second["interpreter"]
    assert again["interpreter"] == first["interpreter"]
    assert (first["count"], second["count"], again["count"]) == (1, 1, 2)


def test_the_limit_on_interpreters_holds(start_httpd):
    server = start_httpd(LIMIT)
    statuses = [server.get("/app", Host=f"host{i}.example").status for i in range(4)]
    assert statuses == [200, 200, 503, 503]
    assert server.get("/app", Host="host0.example").status == 200
    record, *_ = server.expect_log("BRINE0201", count=2)
    assert "WSGIInterpreterLimit" in record.text


def test_a_port_that_the_client_made_up_names_no_interpreter(start_httpd, workspace, variant):
    server = start_httpd("WSGIApplicationGroup %{RESOURCE}\nWSGIScriptAlias /app {apps}/where.wsgi\n")
    names = {group(server, "/app", Host=f"localhost:{port}") for port in (10001, 10002, server.port)}
    assert names == {f"localhost:{server.port}|/app"}
    assert group(server, "/app", Host="localhost:443") == "localhost|/app", "behind a proxy"


def test_the_default_group_is_the_resource(start_httpd, workspace, variant):
    server = start_httpd("WSGIApplicationGroup %{RESOURCE}\nWSGIScriptAlias /app {apps}/where.wsgi\n")
    assert group(server, "/app") == f"localhost:{server.port}|/app"


def test_an_interpreter_whose_set_up_has_failed_is_taken_again(start_httpd, workspace):
    """None is ever finalised, so an interpreter for each attempt would take all memory."""
    folder = workspace.new_folder()
    server = start_httpd("WSGIScriptAlias /app {apps}/where.wsgi\nWSGIScriptAlias /main {apps}/where.wsgi\n"
                         "<Location /app>\nWSGIApplicationGroup late\n</Location>\n", folder=folder,
                         files={"site/sitecustomize.py": CANNOT_YET.format(folder=str(folder))},
                         env={"PYTHONPATH": str(folder / "site")})
    assert group(server, "/main") == ""
    broken = folder / "writable" / "broken"
    broken.touch()
    assert [server.get("/app").status for _ in range(3)] == [500] * 3
    records = server.expect_log("BRINE0202: the interpreter of application group 'late' could not be created", count=3)
    server.expect_log("BRINE0202[|].*ImportError: not yet", count=3)
    server.allow_log("BRINE0202[|]")
    broken.unlink()
    assert group(server, "/app") == "late"
    made = Counter((folder / "writable" / "interpreters").read_text().split())
    assert sorted(made.values(), reverse=True)[:2] in ([2], [2, 1]), "its process's main interpreter, and one"
    assert len(records) == 3
