"""The response: shapes of the result, lengths, statuses, headers, broken applications, close()."""

import json
from urllib.parse import quote

import pytest

from harness.client import parse_responses
from harness.deadline import until

CONFIG = """
WSGIScriptAlias /shape {apps}/response.wsgi
WSGIScriptAlias /bad {apps}/bad_body.wsgi
WSGIScriptAlias /close {apps}/close.wsgi
WSGIScriptAlias /length {apps}/length.wsgi
WSGIScriptAlias /status {apps}/status.wsgi
"""
SHAPES = {
    "list": b"one block", "list-two": b"two blocks", "tuple": b"tuple", "generator": b"generator",
    "iterator": b"iterator", "iterable": b"iterable", "getitem": b"getitem", "empty-list": b"",
    "empty-generator": b"", "empty-block": b"", "empty-blocks": b"ab",
    "empty-blocks-generator": b"ab", "many": b"".join(b"%05d\n" % i for i in range(10000)),
    "many-generator": b"".join(b"%05d\n" % i for i in range(3000)), "large": b"x" * 3_000_000,
    "large-generator": b"x" * 3_000_000, "write": b"written ",
    "write-and-list": b"written then listed", "write-and-generator": b"written then generated",
}
SIZED = ["list", "list-two", "tuple", "empty-list", "empty-block", "empty-blocks", "many", "large"]


def status(httpd, method="GET", **wish):
    return httpd.request(method, "/status?" + quote(json.dumps(wish)))


# --- shapes -------------------------------------------------------------------------------------


@pytest.mark.axes("python", "interpreter")
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(httpd, shape):
    answer = httpd.get(f"/shape?{shape}")
    assert (answer.status, answer.body, answer.complete) == (200, SHAPES[shape], True)


@pytest.mark.axes("python")
@pytest.mark.parametrize("shape", SIZED)
def test_content_length_is_filled_in(httpd, shape):
    answer = httpd.get(f"/shape?{shape}")
    assert answer.header("Content-Length") == str(len(SHAPES[shape]))
    assert answer.header("Transfer-Encoding") is None


@pytest.mark.axes("python")
def test_a_generator_is_chunked(httpd):
    answer = httpd.get("/shape?generator")
    assert answer.header("Transfer-Encoding") == "chunked"
    assert answer.header("Content-Length") is None


def test_start_response_inside_a_generator(httpd):
    answer = httpd.get("/shape?lazy")
    assert (answer.status, answer.reason, answer.body) == (202, "Lazily", b"lazy")
    assert answer.header("X-Lazy") == "yes"


@pytest.mark.parametrize("shape", SHAPES)
def test_head(httpd, shape):
    answer = httpd.request("HEAD", f"/shape?{shape}")
    assert (answer.status, answer.body) == (200, b"")


def test_head_keeps_the_length(httpd):
    for shape in ("list", "many", "large"):
        assert httpd.request("HEAD", f"/shape?{shape}").header("Content-Length") == str(
            len(SHAPES[shape]))


def test_head_sends_no_byte_of_a_body(httpd):
    for shape in ("list", "generator", "write", "large"):
        data = httpd.exchange(f"HEAD /shape?{shape} HTTP/1.1\r\nHost: h\r\n"
                              "Connection: close\r\n\r\n".encode())
        assert data.endswith(b"\r\n\r\n") and data.count(b"\r\n\r\n") == 1


# --- Content-Length that the application states ----------------------------------------------------


@pytest.mark.parametrize("kind", ["", "=list"])
def test_length_that_holds(httpd, kind):
    answer = httpd.get(f"/length?4500=4500{kind}")
    assert (len(answer.body), answer.header("Content-Length")) == (4500, "4500")


@pytest.mark.parametrize("kind", ["", "=list"])
@pytest.mark.parametrize("stated", [0, 10, 1000, 1500])
def test_too_much_is_cut(httpd, stated, kind):
    connection = httpd.connect()
    for _ in range(2):  # the connection stays in step
        connection.request("GET", f"/length?{stated}=4500{kind}")
        answer = connection.getresponse()
        assert (answer.status, len(answer.read())) == (200, stated)
    connection.close()
    httpd.expect_log("BRINE0405", count=2)


@pytest.mark.parametrize("kind", ["", "=list"])
@pytest.mark.parametrize("sent", [0, 10, 4000])
def test_too_little_never_looks_complete(httpd, sent, kind):
    with httpd.raw() as raw:
        raw.send(f"GET /length?4500={sent}{kind} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        data = raw.read_to_end()  # the server closes: a client that keeps alive does not wait
    if data.startswith(b"HTTP/1.1 200"):
        head, _, body = data.partition(b"\r\n\r\n")
        assert b"\r\nContent-Length: 4500" in head and len(body) < 4500
    else:
        assert not data or data.startswith(b"HTTP/1.1 500")
    httpd.expect_log("BRINE0406")


def test_a_short_body_under_head_is_no_error(httpd):
    assert httpd.request("HEAD", "/length?4500=0=list").header("Content-Length") == "4500"


# --- statuses and headers ---------------------------------------------------------------------------


@pytest.mark.parametrize("line, code, reason", [
    ("200 OK", 200, "OK"), ("299 Fine", 299, "Fine"), ("404 Not Found", 404, "Not Found"),
    ("500 Own Words", 500, "Own Words"), ("599 Odd", 599, "Odd"), ("799 Odder", 799, "Odder"),
    ("418 I'm a teapot", 418, "I'm a teapot"),
])
def test_status_lines(httpd, line, code, reason):
    answer = status(httpd, status=line)
    assert (answer.status, answer.reason, answer.body) == (code, reason, b"body")


def test_status_without_a_reason(httpd):
    answer = status(httpd, status="200")
    assert (answer.status, answer.body) == (200, b"body")
    answer = status(httpd, status="404 ")
    assert (answer.status, answer.body) == (404, b"body")


def test_reason_in_latin_1(httpd):
    assert status(httpd, status="200 Caf\xe9").reason == "Caf\xe9"


@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", ["ignored", None])
def test_statuses_without_a_body(httpd, line, body):
    connection = httpd.connect()
    for _ in range(2):
        connection.request("GET", "/status?" + quote(json.dumps({"status": line, "body": body})))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (int(line[:3]), b"")
    connection.close()
    httpd.allow_log("BRINE0405")


def test_204_sends_no_byte_of_a_body(httpd):
    wish = quote(json.dumps({"status": "204 None"}))
    data = httpd.exchange(f"GET /status?{wish} HTTP/1.1\r\nHost: h\r\n"
                          "Connection: close\r\n\r\n".encode())
    assert data.endswith(b"\r\n\r\n")
    httpd.allow_log("BRINE0405")


def test_errors_of_the_application_keep_their_own_body(httpd):
    answer = status(httpd, status="404 Not Found", headers=[["Content-Type", "text/x-own"]])
    assert (answer.body, answer.header("Content-Type")) == (b"body", "text/x-own")


def test_repeated_headers_stay_apart(httpd):
    headers = [["Set-Cookie", "a=1"], ["Set-Cookie", "b=2; Path=/"], ["X-Two", "1"], ["X-Two", "2"],
               ["WWW-Authenticate", "Basic realm=a"], ["WWW-Authenticate", "Bearer"]]
    answer = status(httpd, status="200 OK", headers=headers)
    for name in ("Set-Cookie", "X-Two", "WWW-Authenticate"):
        assert answer.header_all(name) == [value for key, value in headers if key == name]


def test_headers_of_the_application_replace_httpds(httpd):
    answer = status(httpd, status="200 OK", headers=[["Content-Type", "text/one"],
                                                     ["Cache-Control", "no-store"]])
    assert answer.header_all("Content-Type") == ["text/one"]
    assert answer.header("Cache-Control") == "no-store"


def test_no_content_type_is_made_up(httpd):
    assert status(httpd, status="200 OK").header("Content-Type") is None


def test_values_of_headers(httpd):
    headers = [["X-Empty", ""], ["X-Latin", "caf\xe9"], ["X-Tab", "a\tb"], ["X-Long", "v" * 7000]]
    answer = status(httpd, status="200 OK", headers=headers)
    assert answer.header("X-Empty") == ""
    assert answer.header("X-Latin") == "caf\xe9"
    assert answer.header("X-Tab") == "a\tb"
    assert answer.header("X-Long") == "v" * 7000


def test_location_of_a_redirect_is_passed_on_not_followed(httpd):
    answer = status(httpd, status="302 Found", headers=[["Location", "/shape?list"]])
    assert (answer.status, answer.header("Location")) == (302, "/shape?list")


def test_a_status_header_is_only_a_header(httpd):
    assert status(httpd, status="200 OK", headers=[["Status", "404 No"]]).status == 200


@pytest.mark.parametrize("line", ["200 Error", "200 Rejected", "200 Continue", "200 Timeout"])
def test_no_status_has_a_hidden_meaning(httpd, line):
    answer = status(httpd, status=line)
    assert (answer.status, answer.reason) == (200, line[4:])


# --- applications that break PEP 3333 ---------------------------------------------------------------


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["str", "str-itself", "int", "none-block", "bytearray", "memoryview",
                                 "none", "number", "no-iteration", "not-started",
                                 "not-started-empty", "not-started-generator",
                                 "not-started-empty-generator", "late", ])
def test_broken_before_the_first_byte(httpd, way):
    answer = httpd.get(f"/bad?{way}")
    assert (answer.status, answer.complete) == (500, True)
    assert b"Internal Server Error" in answer.body
    httpd.expect_log("BRINE040[14]")


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["write-str", "write-none", "bad-iteration", "bad-next"])
def test_errors_that_are_exceptions(httpd, way):
    assert httpd.get(f"/bad?{way}").status == 500
    httpd.expect_log("BRINE040[14]")


@pytest.mark.axes("python")
@pytest.mark.parametrize("way, word", [("str", "bytes"), ("none-block", "NoneType"),
                                       ("none", "NoneType"), ("number", "int"),
                                       ("not-started", "start_response")])
def test_the_log_says_what_is_wrong(httpd, way, word):
    httpd.get(f"/bad?{way}")
    record, *_ = httpd.expect_log("BRINE0404")
    assert word in record.text


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["later-str", "later-none"])
def test_broken_later_is_cut(httpd, way):
    answer = httpd.get(f"/bad?{way}")
    assert (answer.status, answer.body, answer.complete) == (200, b"good block", False)
    httpd.expect_log("BRINE0404")


def test_bytes_as_the_result_are_sent_as_they_are(httpd):
    answer = httpd.get("/shape?bytes")
    if answer.status == 200:
        assert answer.body == b"abc"
    else:
        httpd.expect_log("BRINE0404")


# --- close() ----------------------------------------------------------------------------------------


@pytest.fixture
def close_calls(httpd):
    """Serves /close once in the way named; returns the answer and how often close() was called."""
    note = httpd.folder / "writable" / "closed"

    def run(way, method="GET"):
        note.unlink(missing_ok=True)
        answer = httpd.request(method, f"/close{note}?{way}")
        return answer, _settled(note)

    return run


def _settled(note):
    until(lambda: note.exists() and note.read_text(), "close() is called")
    return note.read_text()


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["plain", "empty"])
def test_close_is_called_once(close_calls, way):
    for method in ("GET", "HEAD"):
        answer, calls = close_calls(way, method)
        assert (answer.status, calls) == (200, "c")


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["raise", "first", "iter-raises"])
def test_close_is_called_once_after_an_exception(httpd, close_calls, way):
    _, calls = close_calls(way)
    assert calls == "c"
    httpd.expect_log("BRINE0401")


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["bad", "unstarted"])
def test_close_is_called_once_after_a_violation(httpd, close_calls, way):
    _, calls = close_calls(way)
    assert calls == "c"
    httpd.expect_log("BRINE0404")


@pytest.mark.axes("python")
@pytest.mark.parametrize("way", ["close-raises", "close-exits"])
def test_an_exception_in_close_does_not_harm_the_response(httpd, close_calls, way):
    answer, calls = close_calls(way)
    assert (answer.status, answer.body, answer.complete, calls) == (200, b"whole", True, "c")
    httpd.expect_log("BRINE0403")


@pytest.mark.axes("mpm", "python")
@pytest.mark.parametrize("way", ["endless", "finally"])
def test_close_is_called_once_when_the_client_goes(httpd, way):
    note = httpd.folder / "writable" / "gone"
    note.unlink(missing_ok=True)
    with httpd.raw() as raw:
        raw.send(f"GET /close{note}?{way} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        raw.read_until(b"x" * 1000)
        raw.reset()
    assert _settled(note) == "c"


# --- connections ------------------------------------------------------------------------------------


@pytest.mark.axes("mpm")
def test_keep_alive(httpd):
    connection = httpd.connect()
    for shape in ("list", "generator", "empty-list", "write", "large", "list"):
        connection.request("GET", f"/shape?{shape}")
        answer = connection.getresponse()
        assert answer.read() == SHAPES[shape]
        assert not answer.will_close
    connection.close()


def test_http_1_0(httpd):
    for shape in ("list", "generator", "many-generator"):
        data = httpd.exchange(f"GET /shape?{shape} HTTP/1.0\r\n\r\n".encode())
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and b"chunked" not in head
        assert body == SHAPES[shape]


def test_http_1_0_keep_alive(httpd):
    request = b"GET /shape?list HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    data = httpd.exchange(request + request.replace(b"keep-alive", b"close"))
    answers = parse_responses(data, ["GET", "GET"])
    assert [answer.body for answer in answers] == [b"one block"] * 2


@pytest.mark.axes("mpm")
def test_pipelining(httpd):
    shapes = ["list", "generator", "empty-list", "many", "write-and-list"]
    requests = [f"GET /shape?{shape} HTTP/1.1\r\nHost: h\r\n\r\n" for shape in shapes]
    requests[-1] = requests[-1].replace("Host: h", "Host: h\r\nConnection: close")
    data = httpd.exchange("".join(requests).encode())
    answers = parse_responses(data, ["GET"] * len(shapes))
    assert [answer.body for answer in answers] == [SHAPES[shape] for shape in shapes]


@pytest.mark.axes("mpm")
def test_blocks_are_sent_as_they_come(httpd):
    """A generator's first block reaches the client before its second is made."""
    with httpd.raw() as raw:
        raw.send(b"GET /shape?large-generator HTTP/1.1\r\nHost: h\r\n\r\n")
        raw.read_until(b"\r\n\r\n")
        raw.read_until(b"x" * 100)
