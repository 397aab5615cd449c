"""WSGIDispatchScript: a script says where a request is served."""

import json
from urllib.parse import urlencode

import pytest

from harness.deadline import until

CONFIG = """
WSGIDaemonProcess second
WSGIScriptAlias /app {apps}/where.wsgi application-group=static callable-object=other
WSGIScriptAlias /scripts {dir}/scripts
WSGIHandlerScript own {apps}/where.wsgi process-group={process_group}
<Location />
  WSGIDispatchScript {apps}/decides.wsgi process-group={process_group}
</Location>
<Location /app/judges>
  WSGIDispatchScript {apps}/decides.wsgi process-group={process_group} application-group=judges
</Location>
<Location /app/restricted>
  WSGIRestrictProcess {process_group}
</Location>
<Location /app/missing>
  WSGIDispatchScript {apps}/nowhere.wsgi process-group={process_group}
</Location>
<Location /app/empty>
  WSGIDispatchScript {dir}/scripts/dispatch.py process-group={process_group}
</Location>
<Location /app/authorized>
  WSGIPassAuthorization On
</Location>
<Location /static/handled>
  SetHandler own
</Location>
"""


def ask(httpd, path="/app", **query):
    return httpd.request("GET", f"{path}?{urlencode(query)}", headers={"Authorization": "Basic YTpi"})


def where(httpd, path="/app", **query):
    answer = ask(httpd, path, **query)
    assert answer.status == 200
    return answer.json()


def seen(httpd, path="/app", **query):
    file = httpd.folder / "writable" / "seen"
    file.unlink(missing_ok=True)
    answer = ask(httpd, path, seen=file, **query)
    return answer, json.loads(file.read_text())


def test_what_it_does_not_say_stays(httpd):
    answer = where(httpd)
    assert (answer["group"], answer["callable"]) == ("static", "other")


def test_it_chooses_the_interpreter(httpd):
    assert where(httpd, application_group="%{GLOBAL}")["group"] == ""
    assert where(httpd, application_group="%{SERVER}")["group"] == f"localhost:{httpd.port}"
    assert where(httpd, application_group="chosen")["group"] == "chosen"


def test_it_chooses_the_callable(httpd):
    assert where(httpd, callable_object="application")["callable"] == "application"
    assert where(httpd, application_group="b'chosen'", callable_object="application")["group"] == "chosen"


def test_a_handlers_callable_is_fixed(httpd):
    assert where(httpd, "/static/handled", callable_object="application")["callable"] == "handle_request"


def test_it_chooses_the_processes(httpd):
    assert ask(httpd, process_group="second").status == 200
    if httpd.variant.mode == "daemon":
        assert ask(httpd, process_group="%{GLOBAL}").status == 500
        httpd.expect_log("BRINE0112: WSGIRestrictEmbedded On forbids")
    else:
        assert ask(httpd, process_group="%{GLOBAL}").status == 200


def test_a_group_that_there_is_not_is_an_error(httpd):
    assert ask(httpd, process_group="elsewhere").status == 500
    httpd.expect_log("BRINE0110: there is no process group 'elsewhere'")


def test_the_configuration_may_restrict_it(httpd):
    assert ask(httpd, "/app/restricted").status == 200
    assert ask(httpd, "/app/restricted", process_group="second").status == 500
    httpd.expect_log("BRINE0113: WSGIRestrictProcess does not name the process group 'second'")


def test_interpreters_that_it_names_are_limited_as_those_of_clients(start_httpd):
    server = start_httpd("WSGIInterpreterLimit 20 2\nWSGIScriptAlias /app {apps}/where.wsgi\n"
                         "WSGIDispatchScript {apps}/decides.wsgi process-group={process_group}\n")
    statuses = [ask(server, application_group=f"made-up-{number}").status for number in range(4)]
    assert statuses == [200, 200, 503, 503]
    server.expect_log("BRINE0201", 2)
    assert ask(server).status == 200


def test_what_it_is_given(httpd):
    answer, given = seen(httpd, "/app/p/q")
    environ = given["environ"]
    assert answer.status == 200
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "/p/q")
    assert environ["REQUEST_URI"].startswith("/app/p/q?")
    assert "HTTP_AUTHORIZATION" not in environ
    assert environ["mod_wsgi.application_group"] == ""
    assert "mod_wsgi.callable_object" not in environ
    assert "wsgi.input" not in given["keys"]
    assert seen(httpd, "/app/judges")[1]["environ"]["mod_wsgi.application_group"] == "judges"
    assert seen(httpd, "/app/authorized")[1]["environ"]["HTTP_AUTHORIZATION"] == "Basic YTpi"


def test_the_body_is_the_applications(httpd):
    body = b"x" * 300_000
    httpd.write("scripts/body.wsgi", "def application(environ, start_response):\n"
                                     "    start_response('200 OK', [])\n"
                                     "    return [b'%d' % len(environ['wsgi.input'].read())]\n")
    assert httpd.post("/scripts/body.wsgi?application_group=static", body).text == str(len(body))


@pytest.mark.parametrize("part", ["process_group", "application_group", "callable_object"])
@pytest.mark.parametrize("value", ["1", "[]", "b'\\n'", "x" * 5000, "b'\\0'"])
def test_nonsense_is_refused(httpd, part, value):
    assert ask(httpd, **{part: value}).status == 500
    httpd.expect_log(rf"BRINE0416: {part}\(\) .* returned .*; it has to return None, or a name as str or bytes")


def test_an_exception_is_refused(httpd):
    assert ask(httpd, **{"raise": "out of order"}).status == 500
    httpd.expect_log("BRINE0415: .* raised ValueError: out of order")
    httpd.allow_log("BRINE0415")


def test_a_script_that_does_not_load_leaves_nothing_to_the_configuration(httpd):
    assert ask(httpd, "/app/missing").status == 500
    httpd.expect_log("BRINE0303")
    httpd.allow_log("BRINE06")


def test_a_script_without_a_function_leaves_nothing_to_the_configuration(httpd):
    httpd.write("scripts/dispatch.py", "")
    assert ask(httpd, "/app/empty").status == 500
    httpd.expect_log(r"BRINE0416: process_group\(\) .* is not there, nor are the other functions of a route")
    httpd.allow_log("BRINE0416")
    httpd.write("scripts/dispatch.py", "process_group = 5\n")
    until(lambda: ask(httpd, "/app/empty").status == 500 and httpd.log.texts("BRINE0416: .* is of type int"), "the edit is seen")
    httpd.write("scripts/dispatch.py", "def callable_object(environ):\n    return 'application'\n")
    until(lambda: ask(httpd, "/app/empty").status == 200, "the edit is seen")
    assert where(httpd, "/app/empty")["callable"] == "application"
