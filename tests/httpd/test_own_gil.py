"""WSGIPerInterpreterGIL: sub-interpreters that have a GIL of their own."""

import re
import threading

import pytest

from harness.deadline import SCALE, until

pytestmark = pytest.mark.modes("embedded")  # the tests name the places themselves

PLACES = {"embedded": "", "daemon": "WSGIDaemonProcess site threads=6 {options} python={python}\nWSGIProcessGroup site\n"}
GROUPS = ("one", "two")


@pytest.fixture(params=["3.12", "3.13"])
def python(request, workspace):
    if request.param not in workspace.build.pythons:
        pytest.skip(f"this build has no engine for Python {request.param}")
    return request.param


@pytest.fixture(params=PLACES)
def site(request, start_httpd, workspace, python):
    """`site(...)`: a server whose /one, /two and /main are the same script in two sub-interpreters and the main one."""
    def start(options=""):
        place = PLACES[request.param].replace("{options}", options).replace("{python}", python)
        aliases = "".join(f"WSGIScriptAlias /{name} {{dir}}/scripts/own_gil_pickle.wsgi application-group={group}\n"
                          for name, group in (*zip(GROUPS, GROUPS), ("main", "%{GLOBAL}")))
        script = (workspace.folder / "apps" / "own_gil_pickle.wsgi").read_text()
        return start_httpd(f"WSGIPython {python}\nWSGIPerInterpreterGIL On\n{place}{aliases}",
                           files={"scripts/own_gil_pickle.wsgi": script})
    return start


class Request(threading.Thread):
    """A request that another thread waits for."""

    def __init__(self, server, path):
        super().__init__()
        self.server, self.path, self.answer = server, path, None
        self.start()

    def run(self):
        self.answer = self.server.get(self.path)

    def result(self):
        self.join()
        return self.answer


def test_no_interpreter_waits_for_the_gil_of_another(site):
    server = site()
    flag = server.folder / "writable" / "flag"
    assert server.get("/two/").text == "here"
    holding = Request(server, "/one/hold?flag")
    until(lambda: flag.exists() and flag.read_bytes()[1:] == b"\1", "the first interpreter holds its GIL")
    assert server.get("/two/").text == server.get("/main/").text == "here"
    assert holding.answer is None
    release(server, "flag")
    assert holding.result().status == 200


def test_a_module_that_cannot_is_named(site):
    server = site()
    assert server.get("/main/module").text == "readline"
    assert server.get("/one/module").status == 500
    server.log.declare("BRINE0401[|]")
    server.expect_log("BRINE0401: .*module readline does not support loading in subinterpreters")
    server.expect_log("BRINE0207: module readline cannot be used in an interpreter with a GIL of its own: .*"
                      "WSGIApplicationGroup %.GLOBAL.*WSGIPerInterpreterGIL Off")


def test_they_pickle_under_the_guard_at_the_same_time(site):
    server = site()
    server.log.declare("BRINE0501|AH00484")
    asked = [Request(server, f"/{name}/pickle") for _ in range(4) for name in (*GROUPS, "main")]
    assert {request.result().text for request in asked} == {"pickled"}


def test_the_main_interpreter_forks_only_where_it_is_alone(site):
    """In CPython 3.12 and 3.13 the child would crash when it takes the other interpreters away."""
    server = site()
    fork = "/main/fork"
    assert server.get(fork).text == "started, 7"
    assert server.get("/one/").text == "here"
    assert re.fullmatch("started, the main interpreter of Python cannot fork beside .* WSGIPerInterpreterGIL Off, .*",
                        server.get(fork).text)
    assert server.get("/two/fork").text.startswith("started, a sub-interpreter of Python cannot fork; with 'WSGIAppl")


def test_each_ends_with_the_process(site):
    server = site()
    for name in (*GROUPS, "main"):
        assert server.get(f"/{name}/").text == "here"
    server.stop()
    assert sorted(path.name.rpartition("-")[0] for path in (server.folder / "writable").iterdir()) == [
        "exit-", "exit-one", "exit-two", "stopping-", "stopping-one", "stopping-two"]


def test_a_request_is_interrupted_in_its_own_interpreter(start_httpd, workspace, python):
    server = start_httpd(f"""WSGIPerInterpreterGIL On
WSGIDaemonProcess site threads=4 request-timeout={SCALE:g}s interrupt-timeout=20s python={python}
WSGIScriptAlias /one {{apps}}/own_gil_pickle.wsgi process-group=site application-group=one
WSGIScriptAlias /two {{apps}}/own_gil_pickle.wsgi process-group=site application-group=two
""")
    assert server.get("/one/").text == server.get("/two/").text == "here"
    asked = [Request(server, f"/{name}/spin") for name in GROUPS]
    assert {request.result().status for request in asked} == {504}
    server.log.declare("BRINE06|BRINE04")
    server.log.expect("in spin", count=2, since=0)
    assert server.get("/one/").text == server.get("/two/").text == "here"


@pytest.mark.parametrize("options, concerned", [
    ("WSGIDaemonProcess old python={old}\nWSGIRestrictEmbedded On\n", r"daemon group 'old' \(Python {old}\): before"),
    ("WSGIPython {old}\n", r"httpd's own processes \(Python {old}\): before")])
def test_an_earlier_python_is_named(start_httpd, workspace, options, concerned):
    old = workspace.build.python_before(12)
    if old is None:
        pytest.skip("this build has no engine for a Python before 3.12")
    server = start_httpd(f"WSGIPerInterpreterGIL On\n{options.replace('{old}', old)}WSGIScriptAlias / {{apps}}/hello.wsgi\n")
    server.expect_log(r"BRINE0024: WSGIPerInterpreterGIL On \(.*httpd.conf:\d+\) has no effect for "
                      + concerned.replace("{old}", old))


def test_the_main_interpreter_is_named(start_httpd, python):
    server = start_httpd(f"""WSGIPython {python}
<WSGIInterpreterOptions application-group=%{{GLOBAL}}>
    WSGIPerInterpreterGIL On
</WSGIInterpreterOptions>
WSGIScriptAlias / {{apps}}/hello.wsgi
""")
    record, = server.expect_log("BRINE0024: ")
    assert re.search(r"WSGIPerInterpreterGIL On \(.*httpd.conf:\d+\) has no effect for application group %.GLOBAL", record.text)


def test_it_is_said_of_nobody_where_all_can(start_httpd, python):
    server = start_httpd(f"WSGIPython {python}\nWSGIPerInterpreterGIL On\nWSGIScriptAlias / {{apps}}/hello.wsgi\n")
    assert server.get("/").status == 200


def test_off_is_what_there_is(start_httpd):
    server = start_httpd("WSGIPerInterpreterGIL On\nWSGIPerInterpreterGIL Off\nWSGIScriptAlias / {apps}/hello.wsgi\n")
    assert server.get("/").status == 200


# --- interpreters= -----------------------------------------------------------------------------------


@pytest.fixture
def shared(start_httpd, workspace, python):
    """A server whose process group serves one application in three interpreters; all were made at its start."""
    script = (workspace.folder / "apps" / "own_gil_pickle.wsgi").read_text()
    return start_httpd(f"""WSGIDaemonProcess site threads=8 interpreters=3 python={python}
WSGIScriptAlias /app {{dir}}/scripts/own_gil_pickle.wsgi process-group=site application-group=app
WSGIScriptAlias /main {{dir}}/scripts/own_gil_pickle.wsgi process-group=site
""",
                       files={"scripts/own_gil_pickle.wsgi": script})


def hold(server, name):
    """A request that holds the GIL of its interpreter."""
    flag = server.folder / "writable" / name
    request = Request(server, f"/app/hold?{name}")
    until(lambda: flag.exists() and flag.read_bytes()[1:] == b"\1", f"{name} is held")
    return request


def release(server, name):
    """Not by a request, which may get the interpreter that is held."""
    with open(server.folder / "writable" / name, "r+b") as flag:
        flag.write(b"\1")


def test_each_request_has_the_interpreter_with_the_fewest(shared):
    """Nothing has been asked before: what an answered request has, it keeps for a moment after its answer."""
    requests = [hold(shared, "a"), hold(shared, "b")]
    third, *told = shared.get("/app/which").json()
    assert told == ["app", True, True]
    shared.log.expect("loaded WSGI script", count=3, since=0)
    for name in ("a", "b"):
        release(shared, name)
    first, second = (request.result().text for request in requests)
    assert len({first, second, third}) == 3
    until(lambda: shared.get("/app/which").json()[0] == first, "without load the first serves")
    until(lambda: [shared.get("/app/which").json()[0] for _ in range(10)] == [first] * 10, "and it alone")


def test_each_interpreter_ends_with_the_process(shared):
    assert shared.get("/app/").text == "here"
    shared.stop()
    for name in ("stopping", "exit"):
        assert len(list((shared.folder / "writable").glob(f"{name}-app-*"))) == 3


def test_each_interpreter_is_told_of_its_own_requests(shared):
    request = hold(shared, "a")
    other, begun = shared.get("/app/events").json()
    assert begun == ["/events"], "not the one that is held"
    release(shared, "a")
    first = request.result().text
    assert first != other

    def told_elsewhere():
        name, begun = shared.get("/app/events").json()
        return begun if name == first else None

    assert until(told_elsewhere, "the first interpreter has ended its request") == ["/hold", "/events"]


def test_an_interpreter_whose_gil_stays_held_is_seen(start_httpd, workspace, python):
    """The others' GILs are free, so the process answers; but one of its threads is lost."""
    script = (workspace.folder / "apps" / "own_gil_pickle.wsgi").read_text()
    server = start_httpd(f"""WSGIDaemonProcess site threads=4 interpreters=2 deadlock-timeout={2 * SCALE:g}s python={python}
WSGIScriptAlias /app {{dir}}/scripts/own_gil_pickle.wsgi process-group=site application-group=app
""", files={"scripts/own_gil_pickle.wsgi": script})
    assert server.get("/app/").text == "here"
    request = hold(server, "a")
    assert server.get("/app/").text == "here"
    assert request.result().status == 502
    server.log.declare("BRINE0603|BRINE0610")
    record, = server.expect_log("BRINE0610: ")
    assert "reason: deadlock-timeout" in record.text and "'GET /app/hold" in record.text
    until(lambda: server.get("/app/").text == "here", "the successor serves")


def test_each_interpreter_has_the_new_code(shared):
    before = shared.get("/app/which").json()[0]
    script = (shared.folder / "scripts" / "own_gil_pickle.wsgi").read_text()
    shared.write("scripts/own_gil_pickle.wsgi", script.replace('lambda: "here"', 'lambda: "there"'))
    until(lambda: shared.get("/app/").text == "there", "the new code serves")
    requests = [hold(shared, "a"), hold(shared, "b")]
    assert shared.get("/app/").text == "there"
    assert shared.get("/app/which").json()[0] != before
    for name in ("a", "b"):
        release(shared, name)
    assert all(request.result().status == 200 for request in requests)


def test_the_main_interpreter_stays_one(shared):
    """WSGIApplicationGroup of the test's server is %{GLOBAL}."""
    assert shared.get("/main/").text == "here"
    shared.expect_log("BRINE0209: interpreters=3 of WSGIDaemonProcess site has no effect for application group %.GLOBAL")
    assert shared.get("/main/which").json()[1] == ""


ALIAS = "WSGIScriptAlias / {apps}/hello.wsgi process-group=site application-group="


@pytest.mark.parametrize("options, more, said", [
    ("threads=2 interpreters=3", "", "interpreters=3 is more than its threads, of which each serves in one interpreter: there are 2"),
    ("threads=0 interpreters=2", "", "interpreters=2 is more than its threads"),
    ("interpreters=3", "WSGIInterpreterLimit 2", "interpreters=3 is more than the 2 sub-interpreters that WSGIInterpreterLimit"),
    ("interpreters=2", ALIAS + "%{GLOBAL}", "is to run in application group %{GLOBAL}, the main interpreter"),
    ("interpreters=0", "", "'interpreters', which must be"), ("interpreters=two", "", "'interpreters', which must be"),
    ("interpreters=", "", "empty value for the option 'interpreters'"), ("interpreters=2 interpreters=3", "", "twice")])
def test_interpreters_that_make_no_sense_are_refused(configtest, python, options, more, said):
    passed, answer = configtest(f"WSGIDaemonProcess site {options} python={python}\n{more}\n")
    assert not passed and said in answer and "httpd.conf:" in answer.replace("line ", "httpd.conf:"), answer


def test_interpreters_of_an_earlier_python_are_refused(configtest, workspace):
    old = workspace.build.python_before(12)
    if old is None:
        pytest.skip("this build has no engine for a Python before 3.12")
    passed, answer = configtest(f"WSGIDaemonProcess site interpreters=2 python={old}\n")
    assert not passed and f"runs Python {old}, whose interpreters share one GIL" in answer, answer


def test_one_interpreter_is_what_there_is(configtest):
    assert configtest("WSGIDaemonProcess site interpreters=1 threads=1\n" + ALIAS + "%{GLOBAL}\n")[0]
