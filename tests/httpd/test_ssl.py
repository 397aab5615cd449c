"""TLS: the scheme that the application sees, and mod_ssl's variables."""

import http.client
import json
import ssl

import pytest

from harness.client import TIMEOUT
from harness.tls import HARMLESS, make_certificate
from ports import free_port

MODULES = ("socache_shmcb", "ssl")
CONFIG = """
Listen 127.0.0.1:{tls}
WSGIScriptAlias /app {apps}/environ.wsgi
<VirtualHost 127.0.0.1:{tls}>
  ServerName localhost
  SSLEngine on
  SSLCertificateFile {certificate}
  SSLOptions +StdEnvVars
</VirtualHost>
"""


@pytest.fixture
def ask(start_httpd, workspace):
    """Asks over TLS and returns the environ that the application saw."""
    certificate = make_certificate(workspace.new_folder())
    port = free_port()
    text = CONFIG.replace("{tls}", str(port)).replace("{certificate}", str(certificate))
    server = start_httpd(text, modules=MODULES)
    context = ssl._create_unverified_context()

    def get(path):
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT,
                                                 context=context)
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return {key: value for key, (_, value) in answer.items()}, port

    server.allow_log(HARMLESS)
    get.server = server
    return get


def test_scheme_and_variables(ask):
    seen, port = ask("/app/p?q")
    assert seen["wsgi.url_scheme"] == "https"
    assert seen["REQUEST_SCHEME"] == "https"
    assert seen["SERVER_PORT"] == str(port)
    assert seen["SSL_PROTOCOL"].startswith("TLSv1")
    assert "HTTPS" not in seen
    plain = ask.server.get("/app").json()
    assert plain["wsgi.url_scheme"] == ["str", "http"]
    assert "SSL_PROTOCOL" not in plain
