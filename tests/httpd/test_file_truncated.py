"""Files that change while they are sent: the client can tell that one was cut, and httpd lives."""

import os
import socket
import ssl
import subprocess

import pytest

from harness import processes
from harness.client import TIMEOUT
from harness.deadline import SCALE
from harness.tls import HARMLESS, make_certificate
from ports import free_port

MODULES = ("socache_shmcb", "ssl", "http2")
CONFIG = """
Protocols h2c http/1.1
EnableMMAP On
Listen 127.0.0.1:{tls}
WSGIScriptAlias /send {apps}/file_wrapper.wsgi
WSGIScriptAlias /nosend {apps}/file_wrapper.wsgi
WSGIScriptAlias /deflate {apps}/file_wrapper.wsgi
<Location /nosend>
  WSGIEnableSendfile Off
</Location>
<Location /deflate>
  SetOutputFilter DEFLATE
</Location>
<VirtualHost 127.0.0.1:{tls}>
  ServerName localhost
  SSLEngine on
  SSLCertificateFile {certificate}
</VirtualHost>
"""
SIZE = 16 << 20  # more than sockets and filters hold back
LEFT = 100_000


@pytest.fixture
def server(start_httpd, workspace):
    """A server with TLS on port `tls`, whose processes must be the same when the test ends."""
    certificate, tls = make_certificate(workspace.new_folder()), free_port()
    text = CONFIG.replace("{tls}", str(tls)).replace("{certificate}", str(certificate))
    server = start_httpd(text, modules=MODULES)
    server.tls = tls
    server.allow_log(HARMLESS)
    before = {*processes.children(server.pid), *server.children()}
    yield server
    assert before <= {*processes.children(server.pid), *server.children()}, "a process has ended"


@pytest.fixture
def path(server):
    path = server.folder / "writable" / "content"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))  # mod_deflate finds no repetition so far off
    path.chmod(0o644)
    return path


class Download:
    """A download that has begun, and waits for the client to read on."""

    def __init__(self, server, url, version="1.1", tls=False):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(("127.0.0.1", server.tls if tls else server.port))
        if tls:
            self.socket = ssl._create_unverified_context().wrap_socket(self.socket)
        self.socket.sendall(f"GET {url} HTTP/{version}\r\nHost: localhost\r\n"
                            "Accept-Encoding: gzip\r\n\r\n".encode())
        self.data, self.reset = bytearray(), False
        while b"\r\n\r\n" not in self.data:
            self.data += self.socket.recv(4096)

    def finish(self):
        """Reads to the end; returns the body as it came."""
        try:
            while more := self.socket.recv(1 << 20):
                self.data += more
        except (ConnectionResetError, ssl.SSLEOFError):
            self.reset = True
        self.socket.close()
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def head(self):
        return self.data.partition(b"\r\n\r\n")[0].lower()


@pytest.mark.parametrize("mount, tls", [("/send", False), ("/nosend", False), ("/send", True)],
                         ids=["sendfile", "read", "tls"])
def test_a_file_that_is_truncated_falls_short_of_its_length(server, path, mount, tls):
    download = Download(server, f"{mount}{path}?whole", tls=tls)
    os.truncate(path, LEFT)
    body = download.finish()
    assert f"content-length: {SIZE}".encode() in download.head
    assert len(body) < SIZE
    record, = server.expect_log("BRINE0413")
    assert str(LEFT) in record.text and str(SIZE) in record.text


def test_a_truncated_file_in_chunks_has_no_last_chunk(server, path):
    download = Download(server, f"/deflate{path}?whole")
    os.truncate(path, LEFT)
    body = download.finish()
    assert b"transfer-encoding: chunked" in download.head
    assert not body.endswith(b"0\r\n\r\n")
    server.expect_log("BRINE0413")


def test_a_truncated_file_that_ends_with_the_connection_ends_with_a_reset(server, path):
    download = Download(server, f"/deflate{path}?whole", version="1.0")
    os.truncate(path, LEFT)
    download.finish()
    assert b"content-length" not in download.head
    assert download.reset
    server.expect_log("BRINE0413")


def test_a_truncated_file_over_http_2(server, path):
    command = ["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(20 * SCALE),
               server.url(f"/send{path}?whole")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as curl:
        curl.stdout.read(1000)
        os.truncate(path, LEFT)
        rest, said = curl.communicate()
    assert curl.returncode != 0, "the answer looks whole"
    assert len(rest) < SIZE, said
    server.expect_log("BRINE0413")


@pytest.mark.parametrize("mount", ["/send", "/nosend", "/deflate"])
def test_a_file_that_becomes_empty(server, path, mount):
    download = Download(server, f"{mount}{path}?whole")
    os.truncate(path, 0)
    download.finish()
    server.expect_log("BRINE0413")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_file_that_grows_is_sent_as_long_as_it_was(server, path, tls):
    download = Download(server, f"/send{path}?whole", tls=tls)
    with path.open("ab") as file:
        file.write(b"more" * 100_000)
    whole = download.data.index(b"\r\n\r\n") + 4 + SIZE
    while len(download.data) < whole:
        download.data += download.socket.recv(1 << 20)
    assert len(download.data) == whole
    download.socket.sendall(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    download.finish()
    assert download.data[whole:].startswith(b"HTTP/1.1 404"), "the next answer follows at once"


def test_after_a_cut_the_same_process_serves_on(server, path):
    download = Download(server, f"/deflate{path}?whole")
    os.truncate(path, LEFT)
    download.finish()
    server.expect_log("BRINE0413")
    assert len(server.get(f"/send{path}?whole").body) == LEFT
