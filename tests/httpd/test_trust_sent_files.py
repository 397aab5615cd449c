"""An application that gives httpd descriptors of its own choice in the place of a file's."""

import pytest

from harness import groups
from harness.client import parse_responses
from harness.frames import END, LOG, done, file, frame, head, length

pytestmark = pytest.mark.modes("daemon")

CONFIG = groups.CONFIG + """
WSGIScriptAlias /plain {apps}/attack_frames.wsgi
WSGIScriptAlias /deflated {apps}/attack_frames.wsgi
WSGIScriptAlias /kept {apps}/attack_frames.wsgi
<Location /deflated>
  SetOutputFilter DEFLATE
</Location>
<Location /kept>
  WSGIResponseBuffering 100000
</Location>
"""
DAEMON = "processes=1"
WHOLE = head() + file(0, 8, END) + done()

REFUSED = {
    **{kind: (kind, WHOLE) for kind in ("fifo", "pipe", "directory", "socket", "path", "write-only", "device", "proc",
                                        "proc-of-another")},
    "no descriptor": ("", WHOLE),
    "a negative offset": ("file", head() + file(-1, 8, END) + done()),
    "a negative length": ("file", head() + file(0, -8, END) + done()),
    "beyond all numbers": ("file", head() + file(8, (1 << 63) - 1, END) + done()),
    "more than declared": ("file", head(length(5)) + file(0, 8, END) + done()),
    "less than declared": ("file", head(length(50)) + file(0, 8, END) + done()),
}
# What could have happened to an honest application, too.
CUT = {
    "sys": ("sys", head() + file(0, 4096, END) + done()),
    "truncated": ("truncated", WHOLE),
    "longer than the file": ("file", head() + file(0, 1 << 40, END) + done()),
    "behind the file": ("file", head() + file(1 << 62, 8, END) + done()),
}
PATHS = ["/plain", "/deflated", "/kept"]


def ask(httpd, path, kind, attack):
    query = f"?fd={kind}" if kind else ""
    return httpd.exchange(f"POST {path}{query} HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nConnection: close\r\n"
                          f"Content-Length: {len(attack)}\r\n\r\n".encode() + attack)


def is_whole(came):
    if not came:
        return False
    answer, = parse_responses(came)
    return answer.status == 200 and answer.complete


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind, attack", REFUSED.values(), ids=REFUSED)
def test_it_is_refused(httpd, path, kind, attack):
    assert parse_responses(ask(httpd, path, kind, attack))[0].status == 502
    httpd.expect_log("BRINE0629")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind, attack", CUT.values(), ids=CUT)
def test_it_is_cut(httpd, path, kind, attack):
    assert not is_whole(ask(httpd, path, kind, attack))
    httpd.expect_log("BRINE0413")


def test_two_files(httpd):
    came = ask(httpd, "/plain", "file", head() + file(0, 8) + file(0, 8, END) + done())
    assert not is_whole(came)
    httpd.expect_log("BRINE0629")


@pytest.mark.parametrize("kind", ["file", "memfd"])
@pytest.mark.parametrize("path", PATHS)
def test_a_file_is_sent(httpd, path, kind):
    """The same frames with nothing wrong in them."""
    assert is_whole(ask(httpd, path, kind, WHOLE))


def test_many_descriptors(httpd):
    """None of them stays in httpd."""
    came = ask(httpd, "/plain?times=2000&fd=file&", "", frame(LOG, b"x", aux=7))
    assert not is_whole(came)
    httpd.expect_log("BRINE0629")
