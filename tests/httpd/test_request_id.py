"""One id for a request: in httpd's logs, in what the application is told and logs, and in Brine's own lines."""

import re
import uuid

import pytest

from harness.deadline import until

CONFIG = """
ErrorLogFormat "[%t] [%-m:%l] [pid %P] id=%L %M"
LogFormat "%L %U" ids
CustomLog {dir}/ids.log ids
WSGITrustedProxies 127.0.0.1
WSGIScriptAlias /app {apps}/joined.wsgi
WSGIScriptAlias /environ {apps}/environ.wsgi
<Location /app/passed>
  WSGIRequestIdHeader X-Request-Id
</Location>
<Location /app/traced>
  WSGIRequestIdHeader traceparent
</Location>
<Location /app/off>
  WSGIRequestIdHeader Off
</Location>
<Location /app/stranger>
  WSGIRequestIdHeader X-Request-Id
  WSGITrustedProxies 10.99.99.99
</Location>
WSGIScriptAliasMatch ^/app/(passed|traced|off|stranger)/(.*) {apps}/joined.wsgi/$2
RewriteEngine On
RewriteRule ^/moved$ /app/ids [PT]
<Location /redirected>
  SetHandler redirected
</Location>
Action redirected /app/ids virtual
"""
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def logged_ids(server, path):
    """The ids in the access log of requests for a path."""
    file = server.folder / "ids.log"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.split(" ")[0] for line in lines if line.split(" ")[1:] == [path]]


def one_id(server, path, logged=None, **headers):
    """The id that all ways of asking agree on."""
    before = len(logged_ids(server, logged or path))
    found = server.get(path, **headers).json()
    assert len(set(found)) == 1
    ids = until(lambda: logged_ids(server, logged or path)[before:], "the line in the access log")
    assert ids == found[:1]
    return found[0]


@pytest.mark.axes("python", "interpreter", "mpm")
def test_it_is_the_access_log_s(httpd):
    first, second = one_id(httpd, "/app/ids"), one_id(httpd, "/app/ids")
    assert first != second and len(first) > 5


def test_it_is_mod_unique_id_s_where_that_is_loaded(start_httpd):
    httpd = start_httpd(CONFIG + "\nHeader set X-Unique %{UNIQUE_ID}e\n", modules=("unique_id",))
    answer = httpd.get("/app/ids")
    assert answer.json()[0] == answer.header("X-Unique")


def test_it_is_in_the_error_log_s_lines(httpd):
    own = one_id(httpd, "/app/ids")
    httpd.allow_log("BRINE0401|raised here")
    httpd.get("/app/raise")
    found = until(lambda: re.findall(r"id=(\S+) BRINE0401: ", httpd.log.path.read_text()), "the line")
    assert found[0] != own and logged_ids(httpd, "/app/raise") in ([], found[:1])


def test_python_s_logging_has_it(httpd):
    httpd.get("/app/record?told")
    record, = httpd.expect_log("> told")
    assert re.search(r"id=(\S+) <\1> told$", record.line)


def test_a_thread_of_the_application_s_own_serves_no_request(httpd):
    assert httpd.get("/app/thread").json() is None


def test_an_internal_redirect_keeps_it(httpd):
    one_id(httpd, "/redirected", logged="/redirected")


@pytest.mark.axes("interpreter")
@pytest.mark.parametrize("value", ["7b8e8f5c", str(uuid.UUID(int=5)), "a" * 64, "Root=1-67891233-abc:def/+=@~._-"])
def test_a_trusted_proxy_may_say_it(httpd, value):
    assert one_id(httpd, "/app/passed/ids", X_Request_Id=value) == value


@pytest.mark.parametrize("value", ["", "a" * 65, "two words", 'a"b', "a,b", "a\tb", "\xe9", "a]b", "<b>", "a%20b", "a;b", "a'b", "a\\nb"])
def test_what_could_be_taken_for_more_than_an_id_is_none(httpd, value):
    assert one_id(httpd, "/app/passed/ids", X_Request_Id=value) != value


def test_two_fields_are_none(httpd):
    assert one_id(httpd, "/app/passed/ids", X_Request_Id="a, b") not in ("a", "b", "a, b")


@pytest.mark.parametrize("path", ["/app/ids", "/app/off/ids", "/app/stranger/ids"])
def test_nobody_else_may(httpd, path):
    assert one_id(httpd, path, X_Request_Id="forged") != "forged"


def test_the_trace_of_a_traceparent_is_the_id(httpd):
    assert one_id(httpd, "/app/traced/ids", traceparent=TRACE) == TRACE.split("-")[1]
    assert one_id(httpd, "/app/traced/ids", X_Request_Id="other") != "other"


@pytest.mark.parametrize("value", [TRACE.upper(), TRACE[:-1], TRACE + "-more", "ff" + TRACE[2:], TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32)])
def test_what_is_no_traceparent_is_no_id(httpd, value):
    assert one_id(httpd, "/app/traced/ids", traceparent=value) not in value.lower()


def test_a_traceparent_passes_through(httpd):
    found = httpd.get("/environ", traceparent=TRACE, tracestate="a=1,b=2").json()
    assert "HTTP_TRACEPARENT" in found and TRACE in found["HTTP_TRACEPARENT"] and "a=1,b=2" in found["HTTP_TRACESTATE"]


def test_a_variable_does_not_forge_it(start_httpd):
    httpd = start_httpd(CONFIG + "\nSetEnv brine.request_id forged\n")
    assert one_id(httpd, "/app/ids") != "forged"


@pytest.mark.modes("groups")
def test_it_is_in_the_line_of_a_process_that_ends(start_httpd):
    server = start_httpd(CONFIG + """
        WSGIDaemonProcess site processes=1 threads=2
        WSGIProcessGroup site
        WSGIApplicationGroup %{GLOBAL}
        WSGIRequestIdHeader X-Request-Id
        """)
    server.log.declare_crash("Aborted")
    server.allow_log("BRINE06(03|10)|AH0")
    assert server.get("/app/crash", X_Request_Id="the-last-one").status == 502
    record, = server.expect_log("BRINE0610: ")
    assert "in progress: 'GET /app/crash' (id the-last-one) for" in record.text


@pytest.mark.modes("groups")
def test_it_is_in_the_lines_of_a_request_that_takes_too_long(start_httpd):
    server = start_httpd(CONFIG + """
        WSGIDaemonProcess site processes=1 threads=2 request-timeout=400ms interrupt-timeout=30s
        WSGIProcessGroup site
        WSGIApplicationGroup %{GLOBAL}
        WSGIRequestIdHeader X-Request-Id
        """)
    server.allow_log("BRINE04|BRINE0607")
    assert server.get("/app/wait?30", X_Request_Id="q-17").status == 504
    for code in ("BRINE0607: ", "BRINE0608: "):
        record = server.expect_log(code)[0]
        assert "'GET /app/wait' (id q-17) in process" in record.text


def test_without_proxies_it_warns(start_httpd):
    httpd = start_httpd("WSGIRequestIdHeader X-Request-Id\nWSGIScriptAlias /app {apps}/joined.wsgi\n")
    httpd.expect_log("BRINE0022: WSGIRequestIdHeader .* has no effect")
