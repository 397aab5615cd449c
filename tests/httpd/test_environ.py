"""environ: every key with its type, and what never gets into it."""

import re
import time

import pytest

from harness import processes

CONFIG = """
WSGIScriptAlias /app {apps}
WSGIScriptAlias /root.wsgi {apps}/environ.wsgi
SetEnv FROM_SETENV value
SetEnvIf User-Agent "^odd" FROM_SETENVIF=yes
ServerAdmin admin@example.com
AllowEncodedSlashes NoDecode
<Location /private>
  AuthType Basic
  AuthName private
  AuthUserFile {dir}/users
  Require valid-user
</Location>
"""


@pytest.fixture
def environ(httpd):
    """Asks for a path and returns the environ the application saw: {key: value}."""

    def ask(path="/app/environ.wsgi", method="GET", body=None, headers=None):
        answer = httpd.request(method, path, body, headers)
        assert answer.status == 200
        return {key: value for key, (_, value) in answer.json().items()}

    return ask


@pytest.mark.axes("python")
def test_cgi_keys(environ, httpd):
    seen = environ("/app/environ.wsgi/some/path?q=1&r=%20")
    assert seen["REQUEST_METHOD"] == "GET"
    assert seen["REQUEST_URI"] == "/app/environ.wsgi/some/path?q=1&r=%20"
    assert seen["QUERY_STRING"] == "q=1&r=%20"
    assert seen["SCRIPT_NAME"] == "/app/environ.wsgi"
    assert seen["PATH_INFO"] == "/some/path"
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert seen["SERVER_SOFTWARE"].startswith("Apache")
    assert seen["SERVER_NAME"] == "127.0.0.1"
    assert seen["SERVER_ADDR"] == "127.0.0.1"
    assert seen["SERVER_PORT"] == str(httpd.port)
    assert seen["SERVER_ADMIN"] == "admin@example.com"
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert seen["REMOTE_PORT"].isdigit()
    assert seen["REQUEST_SCHEME"] == "http"
    assert seen["CONTEXT_PREFIX"] == ""
    assert seen["CONTEXT_DOCUMENT_ROOT"] == str(httpd.folder / "htdocs")
    assert seen["DOCUMENT_ROOT"] == str(httpd.folder / "htdocs")
    assert seen["SCRIPT_FILENAME"] == str(httpd.folder.parent / "apps" / "environ.wsgi")
    assert seen["HTTP_HOST"] == f"127.0.0.1:{httpd.port}"


def test_keys_that_are_always_there_though_empty(environ):
    seen = environ()
    assert seen["QUERY_STRING"] == ""
    assert seen["PATH_INFO"] == ""
    assert "CONTENT_TYPE" not in seen
    assert "CONTENT_LENGTH" not in seen


def test_keys_that_are_missing_on_purpose(environ):
    seen = environ("/app/environ.wsgi/x")
    for key in ("PATH_TRANSLATED", "GATEWAY_INTERFACE", "SERVER_SIGNATURE", "REMOTE_HOST",
                "REMOTE_IDENT", "PATH", "LD_LIBRARY_PATH", "HTTPS"):
        assert key not in seen
    assert not [key for key in seen if key.startswith("mod_wsgi.x-")]


@pytest.mark.axes("mpm", "python", "interpreter")
def test_wsgi_keys(httpd, variant):
    answer = httpd.get("/app/environ.wsgi").json()
    assert answer["wsgi.version"] == ["tuple", "(1, 0)"]
    assert answer["wsgi.url_scheme"] == ["str", "http"]
    assert answer["wsgi.input_terminated"] == ["bool", True]
    assert answer["wsgi.multithread"] == ["bool", variant.one_process]
    assert answer["wsgi.multiprocess"] == ["bool", not variant.one_process]
    assert answer["wsgi.run_once"] == ["bool", False]
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= set(answer)
    assert "FileWrapper" in answer["wsgi.file_wrapper"][1]


@pytest.mark.axes("mpm", "python", "interpreter")
def test_module_keys(httpd, variant):
    before = time.time()
    answer = httpd.get("/app/environ.wsgi/p").json()
    name = f"localhost:{httpd.port}|/app/environ.wsgi" if variant.group != "%{GLOBAL}" else ""
    assert answer["mod_wsgi.process_group"] == [
        "str", "group" if variant.mode == "daemon" else ""]
    assert answer["mod_wsgi.application_group"][0] == "str"
    assert answer["mod_wsgi.application_group"][1] in (name, name.replace("localhost", "127.0.0.1"))
    assert answer["mod_wsgi.callable_object"] == ["str", "application"]
    assert answer["mod_wsgi.request_handler"] == ["str", "wsgi-script"]
    assert answer["mod_wsgi.handler_script"] == ["str", ""]
    assert answer["mod_wsgi.script_name"] == ["str", "/app/environ.wsgi"]
    assert answer["mod_wsgi.path_info"] == ["str", "/p"]
    assert answer["mod_wsgi.listener_host"] == ["str", "127.0.0.1"]
    assert answer["mod_wsgi.listener_port"] == ["str", str(httpd.port)]
    assert int(answer["mod_wsgi.server_pid"][1]) in processes.children(httpd.pid)
    assert answer["mod_wsgi.request_id"][0] == "str" and answer["mod_wsgi.request_id"][1]
    assert answer["mod_wsgi.thread_id"][0] == "int" and answer["mod_wsgi.thread_id"][1] >= 1
    kind, start = answer["mod_wsgi.request_start"]
    assert kind == "float" and before - 1 <= start <= time.time() + 1
    (kind, queued), (other_kind, taken) = (answer[f"mod_wsgi.{name}_start"]
                                           for name in ("queue", "daemon"))
    assert kind == other_kind == "float"
    if variant.mode == "daemon":
        assert start <= queued <= taken <= time.time()
    else:
        assert queued == taken == 0.0
    kind, start = answer["mod_wsgi.application_start"]
    assert kind == "float" and before - 1 <= start <= time.time() + 1
    assert answer["mod_wsgi.version"] == ["tuple", "(6, 0, 5)"]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", answer["brine.version"][1])
    assert answer["apache.version"][0] == "tuple"
    assert answer["apache.version"][1].startswith("(2, 4, ")


def test_request_ids_differ(environ):
    assert environ()["mod_wsgi.request_id"] != environ()["mod_wsgi.request_id"]


@pytest.mark.axes("python")
def test_every_string_is_latin_1(httpd):
    for kind, value in httpd.get("/app/environ.wsgi/%C3%A9?%C3%A9").json().values():
        if kind == "str":
            value.encode("latin-1")


def test_path_is_decoded_to_bytes_shown_as_latin_1(environ):
    seen = environ("/app/environ.wsgi/caf%C3%A9/%FF%20x")
    assert seen["PATH_INFO"].encode("latin-1") == b"/caf\xc3\xa9/\xff x"
    assert seen["REQUEST_URI"] == "/app/environ.wsgi/caf%C3%A9/%FF%20x"


def test_raw_utf_8_in_the_request_line(httpd):
    data = httpd.exchange("GET /app/environ.wsgi/é?ü HTTP/1.0\r\n\r\n".encode())
    assert b"HTTP/1.1 200" in data or b"HTTP/1.1 400" in data


def test_duplicate_slashes_are_collapsed(environ):
    seen = environ("/app//environ.wsgi//a///b")
    assert seen["SCRIPT_NAME"] == "/app/environ.wsgi"
    assert seen["PATH_INFO"] == "/a/b"
    assert seen["REQUEST_URI"] == "/app//environ.wsgi//a///b"


def test_encoded_slash_stays_encoded_when_httpd_says_so(environ):
    assert environ("/app/environ.wsgi/a%2Fb")["PATH_INFO"] == "/a%2Fb"


def test_headers_become_http_keys(environ):
    seen = environ(headers={"X-Some-Thing": "v1", "Cookie": "a=b", "X-Latin": "caf\xe9"})
    assert seen["HTTP_X_SOME_THING"] == "v1"
    assert seen["HTTP_COOKIE"] == "a=b"
    assert seen["HTTP_X_LATIN"] == "caf\xe9"


def test_repeated_headers_are_joined(httpd):
    data = httpd.exchange(b"GET /app/environ.wsgi HTTP/1.1\r\nHost: h\r\nX-Two: a\r\nX-Two: b\r\n"
                          b"Connection: close\r\n\r\n")
    assert b'"HTTP_X_TWO": ["str", "a, b"]' in data


def test_spoofed_names_are_dropped(environ):
    seen = environ(headers={"X_Forwarded_For": "6.6.6.6", "X-Forwarded_Host": "evil",
                            "X.Dot": "1", "X-Good": "yes"})
    assert seen["HTTP_X_GOOD"] == "yes"
    assert "HTTP_X_FORWARDED_FOR" not in seen
    assert "HTTP_X_FORWARDED_HOST" not in seen
    assert "HTTP_X_DOT" not in seen
    assert "6.6.6.6" not in repr(seen)


def test_an_underscore_name_does_not_shadow_the_real_header(environ):
    seen = environ(headers={"X-Forwarded-For": "10.0.0.1", "X_Forwarded_For": "6.6.6.6"})
    assert seen["HTTP_X_FORWARDED_FOR"] == "10.0.0.1"


def test_proxy_header_is_dropped(environ):
    seen = environ(headers={"Proxy": "http://evil/"})
    assert "HTTP_PROXY" not in seen


def test_authorization_is_dropped(environ):
    seen = environ(headers={"Authorization": "Basic eDp5", "Proxy-Authorization": "Basic eDp5"})
    assert "HTTP_AUTHORIZATION" not in seen
    assert "HTTP_PROXY_AUTHORIZATION" not in seen


def test_content_headers_are_cgi_keys(environ):
    seen = environ(method="POST", body=b"abc", headers={"Content-Type": "text/x-odd; a=b"})
    assert seen["CONTENT_TYPE"] == "text/x-odd; a=b"
    assert seen["CONTENT_LENGTH"] == "3"
    assert seen["REQUEST_METHOD"] == "POST"
    assert "HTTP_CONTENT_TYPE" not in seen
    assert "HTTP_CONTENT_LENGTH" not in seen


def test_setenv_and_setenvif(environ):
    assert environ()["FROM_SETENV"] == "value"
    assert "FROM_SETENVIF" not in environ()
    assert environ(headers={"User-Agent": "odd/1"})["FROM_SETENVIF"] == "yes"


def test_any_method_is_passed_on(environ):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "REPORT"):
        assert environ(method=method)["REQUEST_METHOD"] == method


def test_http_1_0(httpd):
    data = httpd.exchange(b"GET /app/environ.wsgi HTTP/1.0\r\n\r\n")
    assert b'"SERVER_PROTOCOL": ["str", "HTTP/1.0"]' in data
    assert b'"HTTP_HOST"' not in data


def test_absolute_uri(httpd):
    data = httpd.exchange(b"GET http://other.example/app/environ.wsgi/p HTTP/1.1\r\nHost: h\r\n"
                          b"Connection: close\r\n\r\n")
    assert b'"PATH_INFO": ["str", "/p"]' in data
    assert b'"SERVER_NAME": ["str", "other.example"]' in data


@pytest.mark.axes("python", "interpreter")
def test_one_request_does_not_leak_into_the_next(environ):
    environ(headers={"X-Secret": "1", "User-Agent": "odd"})
    seen = environ()
    assert "HTTP_X_SECRET" not in seen
    assert "FROM_SETENVIF" not in seen
