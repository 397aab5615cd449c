"""Header fields of an application that belong to the server: left out, or refused."""

import pytest

from harness.deadline import until

pytestmark = pytest.mark.modes("embedded", "daemon")

CONFIG = """
Protocols h2c http/1.1
WSGIScriptAlias /app {apps}/fields.wsgi
WSGIScriptAlias /events {apps}/fields_quiet.wsgi
WSGIScriptAlias /strict {apps}/fields.wsgi
<Location /strict>
  WSGIStrictHeaders On
</Location>
<Location /strict/not>
  WSGIStrictHeaders Off
</Location>
"""
MODULES = ("http2",)
HOP_BY_HOP = ["Connection=keep-alive", "connection=close", "Keep-Alive=timeout%3D5", "TE=trailers",
              "Trailer=X-Sum", "Upgrade=websocket", "Proxy-Authenticate=Basic",
              "Proxy-Authorization=x", "Proxy-Connection=keep-alive"]
HARMFUL = ["Transfer-Encoding=chunked", "transfer-encoding=identity", "Content-Length=6&content-length=6",
           "Content-Length=6&Content-Length=7", "X=a%0D%0AY%3A+b", "X=a%00b", "X%0A=b"]


@pytest.mark.parametrize("fields", HOP_BY_HOP)
def test_it_is_left_out(httpd, fields):
    httpd.allow_log("BRINE0409")
    answer = httpd.get(f"/app?X-Before=1&{fields}&X-After=2")
    assert (answer.status, answer.body) == (200, b"answer")
    assert (answer.header("X-Before"), answer.header("X-After")) == ("1", "2")
    name, _, value = fields.partition("=")
    assert (answer.header(name) or "").lower() != value.lower()
    assert answer.header("Content-Length") == "6"


def test_what_connection_names_is_left_out_too(httpd):
    httpd.allow_log("BRINE0409")
    answer = httpd.get("/app?X-Hop=1&Connection=close,+x-hop+,X-Other&X-Own=2&X-Other=3"
                       "&Connection=Content-Length&Content-Length=6")
    assert [answer.header(name) for name in ("X-Hop", "X-Own", "X-Other")] == [None, "2", None]
    assert (answer.body, answer.header("Content-Length")) == (b"answer", "6")


def test_it_is_told_once_a_script(start_httpd):
    httpd = start_httpd(CONFIG)
    for _ in range(5):
        assert httpd.get("/events").body == b"data: 1\n\n"
    record, = httpd.expect_log("BRINE0409")
    assert "fields_quiet.wsgi' gave the header 'Connection: keep-alive'" in record.text
    assert record.level == "warn"


@pytest.mark.modes("embedded")
def test_it_is_told_once_whatever_process_finds_it(start_httpd):
    """Here each process serves one request, and there is a second interpreter in httpd's own."""
    httpd = start_httpd("""
WSGIDaemonProcess short-lived processes=2 threads=1 maximum-requests=1
WSGIScriptAlias /daemon {apps}/fields_quiet.wsgi process-group=short-lived
WSGIScriptAlias /embedded {apps}/fields_quiet.wsgi process-group=%{GLOBAL} application-group=a
WSGIScriptAlias /other {apps}/fields_quiet.wsgi process-group=%{GLOBAL} application-group=b
WSGIScriptAlias /pid {apps}/pid.wsgi process-group=short-lived
""")
    first = httpd.get("/pid").text
    assert httpd.get("/daemon").body == b"data: 1\n\n"
    until(lambda: httpd.get("/pid").text != first, "another process serves")
    for path in ("/daemon", "/daemon", "/daemon", "/embedded", "/other"):
        assert httpd.get(path).body == b"data: 1\n\n"
    assert len(httpd.expect_log("BRINE0409")) == 1


def test_the_connection_stays_the_servers(httpd):
    httpd.allow_log("BRINE0409")
    connection = httpd.connect()
    for _ in range(3):
        connection.request("GET", "/app?Connection=close")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.will_close) == (200, b"answer", False)


@pytest.mark.parametrize("fields", HARMFUL)
@pytest.mark.parametrize("path", ["/app", "/strict"])
def test_what_would_do_harm_is_an_error(httpd, path, fields):
    assert httpd.get(f"{path}?{fields}").status == 500
    httpd.expect_log("BRINE0401")
    httpd.expect_log("ValueError")


@pytest.mark.parametrize("fields", [*HOP_BY_HOP, "X-Hop=1&Connection=X-Hop"])
def test_strict_headers_make_it_an_error(httpd, fields):
    assert httpd.get(f"/strict?{fields}").status == 500
    httpd.expect_log("BRINE0401")
    httpd.expect_log("ValueError: hop-by-hop .*WSGIStrictHeaders")


def test_strict_headers_hold_where_they_are_on(httpd):
    httpd.allow_log("BRINE0409")
    assert httpd.get("/strict?X-Own=1").header("X-Own") == "1"
    assert httpd.get("/strict/not?Connection=close").status == 200
