"""WSGITrustedProxies and WSGITrustedProxyHeaders: whom httpd and applications take for the client.

The assertions of mod_wsgi's own test of these directives are PEER below. Its section "basic" names no
proxies, and mod_wsgi believes everybody there; here it does nobody, so that section names 127.0.0.1 and
10.0.0.1 (see docs/directives/WSGITrustedProxies.md).
"""

import json
import socket

import pytest

from harness.client import TIMEOUT
from harness.deadline import until

ALL = ("X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-SSL X-Forwarded-HTTPS X-Script-Name "
       "X-Forwarded-Script-Name")
MODULES = ("http2",)
CONFIG = f"""
Protocols h2c http/1.1
LogFormat "%a %{{c}}a %U" addresses
CustomLog {{dir}}/access.log addresses
WSGIScriptAlias /app {{apps}}/environ.wsgi
<Location /app/basic>
  WSGITrustedProxyHeaders {ALL} X-Forwarded-Server
  WSGITrustedProxyHeaders X-Forwarded-Port
  WSGITrustedProxies 127.0.0.1
  WSGITrustedProxies 10.0.0.1
</Location>
<Location /app/trusted>
  WSGITrustedProxyHeaders {ALL}
  WSGITrustedProxies 127.0.0.1 ::1
</Location>
<Location /app/untrusted>
  WSGITrustedProxyHeaders {ALL} X-Forwarded-Server X-Forwarded-Port X-Client-IP
  WSGITrustedProxies 10.99.99.99
</Location>
<Location /app/nobody>
  WSGITrustedProxyHeaders {ALL}
</Location>
<Location /app/partial>
  WSGITrustedProxyHeaders X-Forwarded-For
  WSGITrustedProxies 127.0.0.1
</Location>
<Location /app/rfc>
  WSGITrustedProxyHeaders Forwarded
  WSGITrustedProxies 127.0.0.0/8
</Location>
<Location /app/two>
  WSGITrustedProxyHeaders X-Forwarded-For X-Real-IP
  WSGITrustedProxies 127.0.0.1
</Location>
<LocationMatch ^/app/trusted/(guarded|inside)>
  Require ip 203.0.113.0/24
</LocationMatch>
<Directory {{htdocs}}>
  AllowOverride FileInfo
  Options +ExecCGI +Includes
  AddHandler wsgi-script .wsgi
  AddType text/html .shtml
  AddOutputFilter INCLUDES .shtml
</Directory>
<LocationMatch "^/(page.shtml|inner.wsgi)$">
  WSGITrustedProxyHeaders X-Forwarded-For
  WSGITrustedProxies 10.99.99.99
</LocationMatch>
"""
INNER = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [environ.get("HTTP_X_FORWARDED_FOR", "NONE").encode()]
"""


def environ(httpd, path, **fields):
    answer = httpd.request("GET", path, None, {name.replace("_", "-"): value for name, value in fields.items()})
    assert answer.status == 200
    return {key: value for key, (_, value) in answer.json().items()}


def logged(httpd, path):
    """The client and the peer that httpd's log names for the first request of a path."""
    def line():
        lines = httpd.folder.joinpath("access.log").read_text().splitlines()
        return next((line.split()[:2] for line in lines if line.endswith(f" {path}")), None)

    return until(line, "the request is logged")


FOR, SSL = "X-Forwarded-For", "X-Forwarded-SSL"
HOST, PROTO, SCRIPT = "X-Forwarded-Host", "X-Forwarded-Proto", "X-Script-Name"
ABSENT = None
PEER = [  # section, fields, key, value
    ("basic", {FOR: "203.0.113.5, 10.0.0.1"}, "REMOTE_ADDR", "203.0.113.5"),
    ("basic", {FOR: "203.0.113.5, 10.0.0.1"}, "HTTP_X_FORWARDED_FOR", "203.0.113.5, 10.0.0.1"),
    ("basic", {HOST: "proxy.example.com"}, "HTTP_HOST", "proxy.example.com"),
    ("basic", {PROTO: "https"}, "wsgi.url_scheme", "https"),
    ("basic", {PROTO: "http"}, "wsgi.url_scheme", "http"),
    ("basic", {SSL: "On"}, "wsgi.url_scheme", "https"),
    ("basic", {SSL: "true"}, "wsgi.url_scheme", "https"),
    ("basic", {SSL: "1"}, "wsgi.url_scheme", "https"),
    ("basic", {SSL: "Off"}, "wsgi.url_scheme", "http"),
    ("basic", {"X-Forwarded-HTTPS": "false"}, "wsgi.url_scheme", "http"),
    ("basic", {"X-Forwarded-HTTPS": "0"}, "wsgi.url_scheme", "http"),
    ("basic", {SCRIPT: "/mine"}, "SCRIPT_NAME", "/mine"),
    ("basic", {SCRIPT: "/mine"}, "mod_wsgi.mount_point", "/mine"),
    ("basic", {"X-Forwarded-Script-Name": "/other"}, "SCRIPT_NAME", "/other"),
    ("basic", {FOR: "203.0.113.5", "X-Client-IP": "198.51.100.9"}, "HTTP_X_CLIENT_IP", ABSENT),
    ("basic", {FOR: "203.0.113.5", "X-Real-IP": "198.51.100.9"}, "HTTP_X_REAL_IP", ABSENT),
    ("basic", {FOR: "203.0.113.5", "X-Client-IP": "198.51.100.9", "X-Real-IP": "203.0.113.9"},
     "HTTP_X_FORWARDED_FOR", "203.0.113.5"),
    ("basic", {FOR: ", 203.0.113.5"}, "REMOTE_ADDR", "203.0.113.5"),
    ("basic", {FOR: "203.0.113.5,"}, "REMOTE_ADDR", "203.0.113.5"),
    ("basic", {"X-Forwarded-Server": "www.example.com"}, "SERVER_NAME", "www.example.com"),
    ("basic", {"X-Forwarded-Port": "443"}, "SERVER_PORT", "443"),
    ("trusted", {FOR: "203.0.113.5, 127.0.0.1"}, "REMOTE_ADDR", "203.0.113.5"),
    ("trusted", {FOR: "203.0.113.5, 127.0.0.1"}, "HTTP_X_FORWARDED_FOR", "203.0.113.5, 127.0.0.1"),
    ("trusted", {FOR: "127.0.0.1, 127.0.0.1"}, "REMOTE_ADDR", "127.0.0.1"),
    ("trusted", {FOR: "198.51.100.9, 203.0.113.5"}, "REMOTE_ADDR", "203.0.113.5"),
    ("trusted", {HOST: "real.example.com"}, "HTTP_HOST", "real.example.com"),
    ("trusted", {PROTO: "https"}, "wsgi.url_scheme", "https"),
    ("trusted", {SCRIPT: "/mounted"}, "SCRIPT_NAME", "/mounted"),
    ("trusted", {FOR: "203.0.113.5, , 127.0.0.1"}, "REMOTE_ADDR", "203.0.113.5"),
    ("trusted", {FOR: "203.0.113.5,,127.0.0.1"}, "REMOTE_ADDR", "203.0.113.5"),
    ("trusted", {FOR: "203.0.113.5, 127.0.0.1,"}, "REMOTE_ADDR", "203.0.113.5"),
    ("trusted", {FOR: ", 203.0.113.5, 127.0.0.1"}, "REMOTE_ADDR", "203.0.113.5"),
    ("trusted", {FOR: "203.0.113.5,  ,  , 127.0.0.1"}, "REMOTE_ADDR", "203.0.113.5"),
    ("untrusted", {FOR: "203.0.113.5"}, "REMOTE_ADDR", "127.0.0.1"),
    ("untrusted", {FOR: "203.0.113.5"}, "HTTP_X_FORWARDED_FOR", ABSENT),
    ("untrusted", {PROTO: "https"}, "HTTPS", ABSENT),
    ("untrusted", {PROTO: "https"}, "HTTP_X_FORWARDED_PROTO", ABSENT),
    ("untrusted", {HOST: "spoof.example.com", "Host": "localhost:9876"}, "HTTP_HOST", "localhost:9876"),
    ("untrusted", {HOST: "spoof.example.com"}, "HTTP_X_FORWARDED_HOST", ABSENT),
    ("untrusted", {SCRIPT: "/spoof"}, "SCRIPT_NAME", "/app"),
    ("untrusted", {SCRIPT: "/spoof"}, "HTTP_X_SCRIPT_NAME", ABSENT),
    ("untrusted", {"X-Forwarded-Server": "spoof.example.com"}, "HTTP_X_FORWARDED_SERVER", ABSENT),
    ("untrusted", {"X-Forwarded-Port": "1"}, "HTTP_X_FORWARDED_PORT", ABSENT),
    ("untrusted", {"X-Client-IP": "203.0.113.5"}, "HTTP_X_CLIENT_IP", ABSENT),  # CVE-2022-2255
    ("partial", {FOR: "203.0.113.5"}, "REMOTE_ADDR", "203.0.113.5"),
    ("partial", {HOST: "proxy.example.com", "Host": "localhost:9876"}, "HTTP_HOST", "localhost:9876"),
    ("partial", {HOST: "proxy.example.com"}, "HTTP_X_FORWARDED_HOST", "proxy.example.com"),
    ("partial", {PROTO: "https"}, "HTTPS", ABSENT),
    ("partial", {PROTO: "https"}, "HTTP_X_FORWARDED_PROTO", "https"),
    ("partial", {SCRIPT: "/app"}, "SCRIPT_NAME", "/app"),
    ("partial", {SCRIPT: "/app"}, "HTTP_X_SCRIPT_NAME", "/app"),
]


def test_what_mod_wsgis_own_test_asserts(httpd):
    seen = [(section, fields, key, environ(httpd, f"/app/{section}/x", **fields).get(key))
            for section, fields, key, _ in PEER]
    assert seen == PEER


def test_without_trusted_proxies_nobody_is_trusted(httpd):
    seen = environ(httpd, "/app/nobody/x", **{FOR: "203.0.113.5", HOST: "evil.example", PROTO: "https", SCRIPT: "/evil"})
    assert seen["REMOTE_ADDR"] == "127.0.0.1" and seen["wsgi.url_scheme"] == "http"
    assert seen["HTTP_HOST"] == f"127.0.0.1:{httpd.port}" and seen["SCRIPT_NAME"] == "/app"
    assert not [key for key in seen if "FORWARDED" in key or "SCRIPT_NAME" in key and key.startswith("HTTP_")]
    assert "mod_wsgi.mount_point" not in seen


def test_the_log_and_access_control_agree_with_the_application(httpd):
    assert environ(httpd, "/app/trusted/guarded/1", **{FOR: "6.6.6.6, 203.0.113.5"})["REMOTE_ADDR"] == "203.0.113.5"
    assert logged(httpd, "/app/trusted/guarded/1") == ["203.0.113.5", "127.0.0.1"]
    assert httpd.request("GET", "/app/trusted/guarded/2", None, {FOR: "203.0.113.5, 6.6.6.6"}).status == 403
    httpd.expect_log(r"\[client 6\.6\.6\.6.*AH01630|AH01630.*")
    assert logged(httpd, "/app/trusted/guarded/2") == ["6.6.6.6", "127.0.0.1"]


def test_what_is_not_valid_is_not_taken(httpd):
    seen = environ(httpd, "/app/trusted/invalid", **{FOR: "6.6.6.6, unknown", HOST: "a/b", PROTO: "gopher", SCRIPT: "//evil"})
    assert seen["REMOTE_ADDR"] == "127.0.0.1" and seen["wsgi.url_scheme"] == "http" and seen["SCRIPT_NAME"] == "/app"
    assert not [key for key in seen if "FORWARDED" in key or "X_SCRIPT" in key]
    until(lambda: httpd.log.texts("BRINE0122", since=0), "what was left out is logged")


def test_rfc_7239(httpd):
    said = 'for=6.6.6.6, for="[2001:db8::5]:4711";proto=https;host="shop.example:8443", for=127.0.0.2'
    seen = environ(httpd, "/app/rfc/x", Forwarded=said, **{FOR: "6.6.6.6"})
    assert seen["REMOTE_ADDR"] == "2001:db8::5" and seen["wsgi.url_scheme"] == "https"
    assert seen["HTTP_HOST"] == "shop.example:8443"
    assert seen["HTTP_FORWARDED"] == said.partition(", ")[2] and "HTTP_X_FORWARDED_FOR" not in seen
    assert logged(httpd, "/app/rfc/x")[0] == "2001:db8::5"


def test_fields_that_contradict_each_other_are_refused(httpd):
    agree = environ(httpd, "/app/two/x", **{FOR: "203.0.113.5", "X-Real-IP": "203.0.113.5"})
    assert agree["REMOTE_ADDR"] == "203.0.113.5"
    assert httpd.request("GET", "/app/two/x", None, {FOR: "203.0.113.5", "X-Real-IP": "127.0.0.1"}).status == 400
    httpd.expect_log("BRINE0121")


def test_fields_do_not_come_in_by_way_of_mod_include(httpd):
    """It puts all fields of the request into the variables, which those of its subrequests inherit."""
    httpd.write("htdocs/page.shtml", '<!--#include virtual="/inner.wsgi" -->')
    httpd.write("htdocs/inner.wsgi", INNER)
    assert "NONE" in httpd.request("GET", "/page.shtml", None, {FOR: "6.6.6.6"}).text


def test_the_server_says_it_for_all(start_httpd):
    """What the server says holds before any section is known, and an inner section's lists replace its lists."""
    server = start_httpd("""
CustomLog {dir}/access.log "%a %{c}a %U"
WSGITrustedProxies 127.0.0.1
WSGITrustedProxyHeaders X-Forwarded-For
SetEnvIf Remote_Addr "^203\\.0\\.113\\." KNOWN=yes
WSGIScriptAlias /app {apps}/environ.wsgi
ErrorDocument 404 /app/redirected
<Location /app/strict>
  WSGITrustedProxies 10.9.9.9
</Location>
<Directory {htdocs}>
  AllowOverride FileInfo
  Options +ExecCGI
  AddHandler wsgi-script .wsgi
</Directory>
""")
    seen = environ(server, "/app/x", **{FOR: "203.0.113.5"})
    assert seen["REMOTE_ADDR"] == "203.0.113.5" and seen["KNOWN"] == "yes"
    assert environ(server, "/app/strict", **{FOR: "203.0.113.5"})["REMOTE_ADDR"] == "127.0.0.1"
    assert logged(server, "/app/strict")[0] == "127.0.0.1"
    redirected = server.request("GET", "/missing", None, {FOR: "203.0.113.5"})
    assert redirected.json()["REMOTE_ADDR"][1] == "203.0.113.5"
    assert logged(server, "/missing")[0] == "203.0.113.5"

    # An .htaccess file may say it for the application, and not for the server's log.
    server.write("htdocs/own/.htaccess", "WSGITrustedProxies 127.0.0.1 6.6.6.6\nWSGITrustedProxyHeaders X-Real-IP\n")
    server.write("htdocs/own/show.wsgi", server.folder.parent.joinpath("apps", "environ.wsgi").read_text())
    assert environ(server, "/own/show.wsgi", **{"X-Real-IP": "198.51.100.1"})["REMOTE_ADDR"] == "198.51.100.1"
    assert logged(server, "/own/show.wsgi")[0] == "127.0.0.1"


def test_what_mod_remoteip_has_found_stands(start_httpd):
    server = start_httpd("""
CustomLog {dir}/access.log "%a %{c}a %U"
RemoteIPHeader X-Real-IP
RemoteIPInternalProxy 127.0.0.1
WSGITrustedProxies 127.0.0.1
WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto
WSGIScriptAlias /app {apps}/environ.wsgi
""", modules=("remoteip",))
    seen = environ(server, "/app/x", **{"X-Real-IP": "203.0.113.5", FOR: "6.6.6.6", PROTO: "https"})
    assert seen["REMOTE_ADDR"] == "203.0.113.5" and seen["wsgi.url_scheme"] == "https"
    assert "HTTP_X_FORWARDED_FOR" not in seen
    assert logged(server, "/app/x")[0] == "203.0.113.5"


@pytest.mark.modes("embedded")
def test_headers_without_proxies_are_a_warning(start_httpd):
    server = start_httpd("WSGITrustedProxyHeaders X-Forwarded-For")
    server.expect_log(r"BRINE0022: WSGITrustedProxyHeaders \(.*httpd.conf:\d+\)")


@pytest.mark.modes("embedded")
@pytest.mark.parametrize("line, said", [
    ("WSGITrustedProxies proxy.example", "no name is looked up"), ("WSGITrustedProxies 10.0.0.0/33", "up to 32"),
    ("WSGITrustedProxies 10.0.0.1 ::/129", "up to 128"), ("WSGITrustedProxies", "requires at least"),
    ("WSGITrustedProxyHeaders X-Forwarded-Fro", "X-Forwarded-For"), ("WSGITrustedProxyHeaders", "requires at least")])
def test_wrong_values_are_refused(configtest, line, said):
    passed, answer = configtest(line)
    assert not passed and line.split()[0] in answer and said in answer
    assert "line" in answer and "httpd.conf" in answer


def streams():
    """What requests say, and what is taken of it: path, X-Forwarded-For, status, REMOTE_ADDR, HTTP_X_FORWARDED_FOR."""
    for n in range(1, 9):
        yield f"/app/trusted/inside/stream{n}", f"6.6.6.6, 203.0.113.{n}", 200, f"203.0.113.{n}", f"203.0.113.{n}"
        yield f"/app/trusted/guarded/stream{n}", f"198.51.100.{n}", 403, f"198.51.100.{n}", ABSENT
        yield f"/app/untrusted/stream{n}", f"203.0.113.{n}", 200, "127.0.0.1", ABSENT
        yield f"/app/trusted/plain/stream{n}", "", 200, "127.0.0.1", ABSENT


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    """A field of HPACK that is in no table and is not compressed."""
    return b"".join([b"\0", *(bytes([len(text)]) + text.encode() for text in (name, value))])


def at_once(httpd, requests):
    """The bodies of requests (path, fields), which are streams of one connection and are all sent before an answer is
    read. HTTP/2 without TLS, from scratch: curl's --next takes other connections, and nghttp the same fields for all."""
    data, settings, window = 0, 4, 8
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0) + frame(window, 0, 0, (1 << 24).to_bytes(4, "big"))
    bodies = {}
    for stream, (path, fields) in enumerate(requests):
        fields = {":method": "GET", ":scheme": "http", ":path": path, ":authority": "localhost", **fields}
        sent += frame(1, 5, 2 * stream + 1, b"".join(literal(name.lower(), value) for name, value in fields.items()))
        bodies[2 * stream + 1] = b""
    open_streams = set(bodies)
    with socket.create_connection(("127.0.0.1", httpd.port), timeout=TIMEOUT) as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as answer:
            while open_streams:
                head = answer.read(9)
                assert len(head) == 9, f"the connection ended before {open_streams}"
                payload, stream = answer.read(int.from_bytes(head[:3], "big")), int.from_bytes(head[5:], "big")
                assert head[3] not in (3, 7), "a stream or the connection was broken off"
                if head[3] == data:
                    bodies[stream] += payload
                if head[3] in (data, 1) and head[4] & 1:
                    open_streams.remove(stream)
    return [body.decode() for body in bodies.values()]


def test_streams_of_one_connection_have_a_client_each(httpd):
    """What a stream's fields say holds for its request alone: in environ, in the log and for Require ip."""
    wanted = list(streams())
    answers = at_once(httpd, [(path, {FOR: said} if said else {}) for path, said, *_ in wanted])
    for (path, _, status, client, field), answer in zip(wanted, answers):
        assert logged(httpd, path) == [client, "127.0.0.1"], path
        if status == 403:
            assert "<title>403 Forbidden" in answer, path
            httpd.expect_log(rf"\[remote {client}:\d+\] AH01630")
        else:
            seen = {key: value for key, (_, value) in json.loads(answer).items()}
            assert (seen["REQUEST_URI"], seen["SERVER_PROTOCOL"]) == (path, "HTTP/2.0")
            assert (seen["REMOTE_ADDR"], seen.get("HTTP_X_FORWARDED_FOR")) == (client, field), path
