"""WSGISlowRequest: a request that takes longer is told of while it runs, once, with its stack."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import until

CONFIG = """
WSGIScriptAlias /app {apps}/joined.wsgi
WSGIScriptAlias /hello {apps}/hello.wsgi
WSGISlowRequest 300ms
<Location /app/quick>
  WSGISlowRequest Off
</Location>
<Location /app/generous>
  WSGISlowRequest 3600s
</Location>
WSGIScriptAliasMatch ^/long/.* {apps}/joined.wsgi/wait
WSGIScriptAliasMatch ^/app/(?:quick|generous)/(.*) {apps}/joined.wsgi/$1
<Location /hello>
  WSGISlowRequest 1ms
</Location>
"""


@pytest.fixture
def hold(httpd):
    file = httpd.folder / "hold"
    file.write_text("")
    return file


def slow_lines(server):
    return server.log.texts(r"BRINE0418: ")


@pytest.mark.axes("mpm", "python", "interpreter")
def test_its_stack_is_in_the_log_while_it_runs(httpd, variant, hold):
    httpd.allow_log("BRINE0418")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(httpd.get, "/app/wait?60&secret", X_File=str(hold))
        try:
            until(lambda: httpd.log.texts(r"BRINE0418\|.*in held_up"), "the stack")
            assert not answer.done()
        finally:
            hold.unlink()
        request_id = answer.result().json()[0]
    text, = slow_lines(httpd)
    where = r"of daemon group 'group'" if variant.mode == "daemon" else "of httpd"
    assert re.fullmatch(r"BRINE0418: slow request 'GET /app/wait' \(id (\S+)\) in process \d+ " + where
                        + r": \d+\.\d s so far, \d+\.\d s of it until the application was called; WSGISlowRequest allows 300 ms; it is at",
                        text)
    assert f"(id {request_id})" in text
    assert [record.level for record in httpd.log.records() if "BRINE0418:" in record.line] == ["warn"]


def test_it_is_told_of_once(httpd):
    httpd.allow_log("BRINE0418")
    httpd.get("/app/wait?0.8")
    httpd.get("/app/generous/ids")
    until(lambda: slow_lines(httpd), "the line")
    assert len(slow_lines(httpd)) == 1


def test_one_that_ended_before_it_was_looked_at_is_told_of(start_httpd):
    """Whether the monitor or the end of the request is first, there is one line for each."""
    server = start_httpd(CONFIG)
    server.allow_log("BRINE0418")
    for _ in range(5):
        server.get("/app/quick/ids")
        server.get("/hello?slow")
    assert server.stop() == []  # a line may come after the answer
    assert all(" 1 ms" in text for text in slow_lines(server))
    assert len(slow_lines(server)) <= 5


def test_quick_ones_and_off(httpd):
    httpd.get("/app/generous/ids")
    httpd.get("/app/quick/wait?0.5")
    assert slow_lines(httpd) == []


def test_several_at_once(httpd, hold):
    httpd.allow_log("BRINE0418")
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(httpd.get, "/app/wait?60", X_File=str(hold)) for _ in range(3)]
        try:
            until(lambda: len(slow_lines(httpd)) == 3, "a line for each")
        finally:
            hold.unlink()
        ids = {answer.result().json()[0] for answer in answers}
    assert {re.search(r"\(id (\S+)\)", text)[1] for text in slow_lines(httpd)} == ids


@pytest.mark.modes("groups")
def test_the_time_in_the_queue_counts(start_httpd):
    server = start_httpd(CONFIG + """
        WSGIDaemonProcess site processes=1 threads=1
        WSGIProcessGroup site
        WSGIApplicationGroup %{GLOBAL}
        """)
    server.allow_log("BRINE0418")
    hold = server.folder / "hold"
    hold.write_text("")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.get, "/app/wait?60", X_File=str(hold))
        until(lambda: slow_lines(server), "the first is told of")
        second = pool.submit(server.get, "/app/ids")
        queued = time.monotonic() + 0.5
        try:
            until(lambda: time.monotonic() > queued, "it has waited")
        finally:
            hold.unlink()
        request_id = second.result().json()[0]
        first.result()
    text, = until(lambda: [each for each in slow_lines(server) if request_id in each], "the second is told of")
    assert re.search(r"'GET /app/ids' .* (\d+\.\d) s of it until the application was called", text)


def test_a_client_writes_no_line(httpd):
    """What stands in a URL is escaped by httpd, and the query is left out."""
    httpd.allow_log("BRINE0418")
    assert httpd.get("/long/%0aBRINE0610:%20forged?0.4&secret").status == 200
    text, = until(lambda: slow_lines(httpd), "the line")
    assert "'GET /long/%0aBRINE0610:%20forged'" in text and "secret" not in text
    assert not [record for record in httpd.log.records() if record.text.startswith("BRINE0610")]


@pytest.mark.parametrize("value", ["0", "-1", "2x", "1d", "90000"])
def test_what_is_no_time_is_refused(workspace, variant, value):
    passed, output = workspace.configtest(variant, f'WSGISlowRequest "{value}"\n')
    assert not passed and "WSGISlowRequest must be Off or a time from 1ms to 86400s" in output
