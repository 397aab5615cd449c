"""TLS: the scheme that the application sees, and mod_ssl's variables."""

import http.client
import ssl

import pytest

from harness.client import TIMEOUT, read_response
from harness.tls import HARMLESS, make_certificate
from ports import free_port

MODULES = ("socache_shmcb", "ssl")
CONFIG = """
Listen 127.0.0.1:{tls}
WSGIScriptAlias /app {apps}/environ.wsgi
WSGIScriptAlias /mod_ssl {apps}/mod_ssl.wsgi
<VirtualHost 127.0.0.1:{tls}>
  ServerName localhost
  SSLEngine on
  SSLCertificateFile {certificate}
  SSLOptions +StdEnvVars
</VirtualHost>
"""


@pytest.fixture
def ask(start_httpd, workspace):
    """Asks over TLS."""
    certificate = make_certificate(workspace.new_folder())
    port = free_port()
    text = CONFIG.replace("{tls}", str(port)).replace("{certificate}", str(certificate))
    server = start_httpd(text, modules=MODULES)
    context = ssl._create_unverified_context()

    def request(path, body=None):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT,
                                                 context=context)
        connection.request("POST" if body else "GET", path, body)
        answer = read_response(connection.getresponse())
        connection.close()
        return answer

    server.allow_log(HARMLESS)
    request.server, request.port = server, port
    return request


def test_scheme_and_variables(ask):
    seen = {key: value for key, (_, value) in ask("/app/p?q").json().items()}
    port = ask.port
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["REQUEST_SCHEME"] == "https"
    assert seen["SERVER_PORT"] == str(port)
    assert seen["SSL_PROTOCOL"].startswith("TLSv1")
    assert "HTTPS" not in seen
    plain = ask.server.get("/app").json()
    assert plain["wsgi.url_scheme"] == ["str", "http"]
    assert "SSL_PROTOCOL" not in plain


# --- The functions in environ ---------------------------------------------------------------------


@pytest.mark.axes("python", "interpreter")
def test_an_application_asks_mod_ssl(ask):
    is_https, protocol, by_bytes = ask("/mod_ssl?name=SSL_PROTOCOL").json()
    assert is_https is True and protocol.startswith("TLSv1") and by_bytes == protocol
    assert "BEGIN CERTIFICATE" in ask("/mod_ssl?name=SSL_SERVER_CERT").json()[1]
    assert not ask("/mod_ssl?name=SSL_NO_SUCH_VARIABLE").json()[1]
    plain = ask.server.get("/mod_ssl?name=SSL_PROTOCOL").json()
    assert plain[0] is False and not plain[1]


def test_mod_ssl_is_asked_while_a_body_comes(ask):
    body = bytes(range(256)) * 2000
    answer = ask("/mod_ssl?while=read", body)
    assert (answer.body == body, answer.header("X-Good")) == (True, "True")


def test_mod_ssl_is_asked_between_the_blocks_of_a_response(ask):
    lines = ask("/mod_ssl?while=write").body.splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(2000))
    assert len({line.split()[1] for line in lines}) == 1 and lines[0].split()[1].startswith(b"TLSv1")


def test_mod_ssl_may_be_asked_without_end(ask):
    assert len(ask("/mod_ssl?again=20000").json()) == 1
    found = ask("/mod_ssl?distinct=3000").json()
    assert set(found[:-1]) <= {None, ""} and len(found) == 3001


def test_wrong_questions_are_errors(ask):
    assert [name for name, _ in ask("/mod_ssl?wrong").json()] == [
        "TypeError", "TypeError", "TypeError", "ValueError", "TypeError"]


def test_after_the_request_nothing_is_answered(ask):
    """Not even about the request that is being served then."""
    for _ in range(40):
        assert ask("/mod_ssl?keep").json() == "kept"
        said = ask.server.get("/mod_ssl?kept").json()
        if said != "none kept":
            break
    over = ["RuntimeError", "mod_ssl cannot be asked after the request"]
    assert said == [over, over, False]
