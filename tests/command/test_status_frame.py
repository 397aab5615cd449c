"""What `brine status` and `brine top` make of a server's answer, without a server."""

import copy
import http.server
import json
import threading

import pytest

from brine import cli
from brine.refusal import Refusal
from brine.status.frame import duration, frame, is_well, printable
from brine.status.screen import fitted
from brine.status.source import url_of

GROUP = {
    "name": "shop", "daemon": True, "fault": "", "processes": 2, "processes_min": 2, "processes_max": 2, "threads_per_process": 5, "ready": 2, "in_flight": 1,
    "busy": 3, "waiting": 1, "cpu_seconds": 95.0, "running": [{"resident_memory_bytes": 1 << 20}] * 2,
    "scripts": [{"requests": {"GET 2xx": 100, "GET 5xx": 10}}], "requests": [],
}
SHOWN = {"version": "0.1.0", "time": 1000.0, "started": 0.0, "generation": 1, "groups": [GROUP], "slow": [], "errors": [],
         "events": []}


def later():
    shown = copy.deepcopy(SHOWN)
    shown["time"] = 1002.0
    shown["groups"][0]["scripts"][0]["requests"] = {"GET 2xx": 300, "GET 5xx": 12}
    return shown


def test_rates_are_what_has_happened_between_two_looks():
    line, = [line for line in frame(later(), SHOWN) if line.startswith("shop")]
    assert line.split() == ["shop", "2/2", "3/10", "1", "101.0/s", "1.0/s", "312", "2.0", "MiB", "95", "s"]
    line, = [line for line in frame(SHOWN, None) if line.startswith("shop")]
    assert line.split()[4:6] == ["-", "-"]


def test_a_group_that_grows_shows_how_far():
    shown = copy.deepcopy(SHOWN)
    shown["groups"][0].update(ready=2, processes=3, processes_max=8)
    line, = [line for line in frame(shown, None) if line.startswith("shop")]
    assert line.split()[1:4] == ["2/3", "(2-8)", "3/10"]


def test_requests_stand_in_the_order_of_their_age():
    shown = copy.deepcopy(SHOWN)
    shown["groups"][0]["requests"] = [
        {"age_seconds": age, "pid": pid, "thread": 1, "id": f"id{age}", "request": "GET /"} for age, pid in ((1, 7), (9, 0))]
    lines = frame(shown, None)
    assert [line.split()[0] for line in lines[lines.index("") + 4:][1:]] == ["9.0", "1.0"]
    assert "waits" in "\n".join(lines)


def test_nothing_moves_the_cursor():
    shown = copy.deepcopy(SHOWN)
    shown["errors"] = [{"time": 0, "code": "BRINE0401", "text": "a\x1b[2J\x9b2J\u202eb\n"}]
    shown["groups"][0]["name"] = "shop\x1b]0;x\x07"
    shown["groups"][0]["fault"] = "\x1b[2J"
    assert all(line.isprintable() for line in frame(shown, None))
    assert printable("gr\u00fcn") == "gr\u00fcn"


def test_a_group_out_of_order_is_not_well():
    assert is_well(SHOWN)
    for change in ({"ready": 0}, {"fault": "no home"}):
        shown = copy.deepcopy(SHOWN)
        shown["groups"][0].update(change)
        assert not is_well(shown)
    shown["groups"][0].update({"daemon": False})
    assert is_well(shown)


@pytest.mark.parametrize("seconds, text", [(0, "0 ms"), (0.25, "250 ms"), (0.9999, "1.0 s"), (9.5, "9.5 s"), (100, "100 s"),
                                           (600, "10 min"), (10800, "3 h"), (864000, "10 d")])
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("text, url", [
    ("localhost:8000", "http://localhost:8000/brine-status?format=json"),
    ("https://shop.example/", "https://shop.example/brine-status?format=json"),
    ("http://[::1]:80/seen?format=html", "http://[::1]:80/seen?format=json"),
    ("http://bücher.example/é%20", "http://xn--bcher-kva.example/%C3%A9%20?format=json")])
def test_urls(text, url):
    assert url_of(text) == url


@pytest.mark.parametrize("text", [
    "file:///etc/passwd", "ftp://localhost/", "http://", "http://[::1", "localhost:99999", "localhost:x", "a b", "a..b",
    "http://me:secret@localhost/", "http://" + "a" * 70 + "/"])
def test_what_is_no_url(text):
    with pytest.raises(Refusal):
        url_of(text)


class Answers(http.server.BaseHTTPRequestHandler):
    """Something else than Brine, which answers everybody alike."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def answering():
    """answering(bytes) is the URL of a server that answers with them."""
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def url(answer):
            server.answer = answer
            return f"http://127.0.0.1:{server.server_address[1]}/"
        yield url
        server.shutdown()


@pytest.mark.parametrize("answer, words", [
    (b"[" * 100_000, "answers something else than the status of Brine"),
    (b'{"groups": 1}', "answers something else than the status of Brine"), (b"\xff", "answers something else"),
    *((json.dumps(each).encode(), "does not understand") for each in (
        {"groups": [{}]}, {"groups": [1]}, {**SHOWN, "groups": [{k: v for k, v in GROUP.items() if k != "ready"}]}))])
@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["top", "--interval", "0.1"]])
def test_a_server_of_another_kind_or_version(answering, capsys, command, answer, words):
    assert cli.main([command[0], answering(answer), *command[1:]]) == 2
    assert words in capsys.readouterr().err


def test_a_small_terminal_gets_what_fits():
    assert fitted(["abcdef", "gh", "ij"], 5, 3) == ["abcd", "gh"]
