"""<WSGIInterpreterOptions>: what it says of all interpreters, of those of one process group, and of one by its name."""

import pytest

pytestmark = pytest.mark.modes("embedded")  # the tests name the places themselves

SAYS = """import signal, sys

def refused(function):
    try:
        function()
    except OSError as error:
        return "restricted" in str(error)
    except ValueError:  # not the main thread, says Python itself
        return False
    return None

def application(environ, start_response):
    start_response("200 OK", [])
    folders = [folder.rpartition("/")[2] for folder in sys.path if "/options/" in folder]
    denied = [name for name, function in (("stdin", lambda: sys.stdin.read()), ("stdout", lambda: sys.stdout.write("")),
                                          ("signal", lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN)))
              if refused(function) is (None if name == "signal" else True)]
    return [f"{sys.getswitchinterval() * 1000:g} {' '.join(folders)} | {' '.join(denied)}".encode()]
"""
FOLDERS = ("outside", "all", "second", "group", "one", "embedded", "both", "own", "home")
FILES = {"scripts/says.wsgi": SAYS, **{f"options/{folder}/x": "" for folder in FOLDERS}}
OUTSIDE = "WSGISwitchInterval 1ms\nWSGIPythonPath {dir}/options/outside\n"
SECTION = """<wsgiInterpreterOptions>
<IfModule wsgi_module>
WSGISwitchInterval 7ms
</IfModule>
WSGIPythonPath {dir}/none
WSGIPythonPath {dir}/options/all
</WSGIInterpreterOptions>
<WSGIInterpreterOptions >
WSGIPythonPath {dir}/options/second
</WSGIInterpreterOptions>
"""
PLACES = {"embedded": "WSGIApplicationGroup %{GLOBAL}\n",
          "daemon": "WSGIDaemonProcess site threads=1\nWSGIProcessGroup site\nWSGIApplicationGroup other\n"}
WIKI = "WSGIDaemonProcess wiki threads=1\n"
BOTH_GROUPS = "WSGIDaemonProcess site threads=1\n" + WIKI
ALIASES = "".join(f"WSGIScriptAlias /{place}/{name} {{dir}}/scripts/says.wsgi process-group={group} "
                  f"application-group={interpreter}\n"
                  for place, group in (("embedded", "%{GLOBAL}"), ("site", "site"), ("wiki", "wiki"))
                  for name, interpreter in (("main", "%{GLOBAL}"), ("one", "one"), ("two", "two")))


def section(selectors, *lines):
    return "\n".join([f"<WSGIInterpreterOptions {selectors}>", *lines, "</WSGIInterpreterOptions>", ""])


def place_of(server, directive):
    """A directive and its place, as the log writes it."""
    file = server.folder / "httpd.conf"
    return f"{directive.split()[0]} ({file}:{file.read_text().splitlines().index(directive) + 1})"


def path(*folders):
    return "WSGIPythonPath " + ":".join(f"{{dir}}/options/{folder}" for folder in folders)


@pytest.mark.axes("python")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", [OUTSIDE + SECTION, SECTION + "WSGIPythonPath /none\n" + OUTSIDE])
def test_without_selectors_it_holds_for_all_and_over_what_stands_outside(start_httpd, text, place):
    server = start_httpd(text + PLACES[place] + "WSGIScriptAlias / {dir}/scripts/says.wsgi\n", files=FILES)
    assert server.get("/").text == "7 second all outside | signal"


@pytest.mark.axes("python")
@pytest.mark.parametrize("place", PLACES)
def test_where_nothing_is_said_requests_wait_for_shorter_turns_than_python_s_own(start_httpd, place):
    server = start_httpd(PLACES[place] + "WSGIScriptAlias / {dir}/scripts/says.wsgi\n", files=FILES)
    assert server.get("/").text == "5  | signal"


@pytest.mark.axes("python")
def test_the_more_specific_section_counts_wherever_it_stands(start_httpd):
    sections = [
        section("process-group=site application-group=one", path("both"), "WSGIRestrictStdin Off"),
        section("application-group=one process-group='%{GLOBAL}'", "WSGIRestrictSignal On"),
        section("process-group=site", path("group"), "WSGIRestrictStdin On", "WSGISwitchInterval 4ms"),
        section('application-group="one"', path("one"), "WSGIRestrictStdout On", "WSGIRestrictSignal Off"),
        section("process-group=%{GLOBAL}", path("embedded"), "WSGISwitchInterval 3ms"),
        section("process-group=%{GLOBAL} application-group=%{GLOBAL}", "WSGIRestrictStdout On"),
        section("", path("all"))]
    server = start_httpd("".join(sections) + OUTSIDE + BOTH_GROUPS + ALIASES, files=FILES)
    for url, says in {"/embedded/main": "3 embedded all outside | stdout signal",
                      "/embedded/one": "3 embedded one all outside | stdout signal",
                      "/embedded/two": "3 embedded all outside | signal",
                      "/site/main": "4 group all outside | stdin signal",
                      "/site/one": "4 both one group all outside | stdout",
                      "/site/two": "4 group all outside | stdin signal",
                      "/wiki/main": "1 all outside | signal",
                      "/wiki/one": "1 one all outside | stdout",
                      "/wiki/two": "1 all outside | signal"}.items():
        assert server.get(url).text == says, url
    server.allow_log("BRINE0204")


@pytest.mark.axes("python")
def test_a_group_s_own_options_count_more_than_a_section_about_it(start_httpd):
    server = start_httpd("WSGIDaemonProcess site threads=1 switch-interval=6ms home={dir}/options/home "
                         "python-path={dir}/options/own\n" + WIKI +
                         section("process-group=site", path("group"), "WSGISwitchInterval 4ms") +
                         section("process-group=site application-group=one", path("both")) +
                         section("", path("all")) + OUTSIDE + ALIASES, files=FILES)
    assert server.get("/site/main").text == "6 home own group all | signal"
    assert server.get("/site/one").text == "6 home both own group all | signal"
    assert server.get("/wiki/one").text == "1 all outside | signal"


@pytest.mark.parametrize("name, called", [("%{GLOBAL}", "the main interpreter"), ("one", "the interpreter 'one'")])
@pytest.mark.parametrize("place", ["embedded", "site"])
def test_an_interval_of_one_interpreter_is_its_gils(start_httpd, place, name, called):
    """It is skipped where the GIL is shared, and every interpreter keeps that of its process."""
    server = start_httpd(OUTSIDE + BOTH_GROUPS + ALIASES +
                         section(f"application-group={name}", "WSGISwitchInterval 9ms", path("one")), files=FILES)
    at = "main" if called.startswith("the main") else "one"
    assert server.get(f"/{place}/{at}").text == "1 one outside | signal"
    assert server.get(f"/{place}/two").text == "1 outside | signal"
    where = place_of(server, "WSGISwitchInterval 9ms")
    for record in server.expect_log("BRINE0208"):
        assert f"{where} has no effect for {called}, whose GIL" in record.text


def test_an_interval_that_is_the_process_s_own_is_not_skipped(start_httpd):
    server = start_httpd(OUTSIDE + section("application-group=one", "WSGISwitchInterval 1ms") + BOTH_GROUPS + ALIASES,
                         files=FILES)
    assert server.get("/embedded/one").text == "1 outside | signal"


def test_a_folder_that_is_not_there_is_named_by_its_own_line(start_httpd):
    server = start_httpd(section("process-group=site", path("nowhere")) + OUTSIDE + BOTH_GROUPS +
                         ALIASES, files=FILES)
    assert server.get("/site/one").text == "1 nowhere outside | signal"
    missing = f"{server.folder}/options/nowhere"
    where = place_of(server, f"WSGIPythonPath {missing}")
    for record in server.expect_log("BRINE0203"):
        assert f"{where} names '{missing}'" in record.text


def test_what_brine_has_not_is_said_of_sections_too(start_httpd):
    server = start_httpd(section("application-group=one", "WSGIFreeThreading On") +
                         "WSGIScriptAlias / {dir}/scripts/says.wsgi\n", files=FILES)
    server.expect_log("BRINE0016: WSGIFreeThreading .*its GIL")


@pytest.mark.parametrize("said, owners", [
    ({"one": "On"}, ("one",)), ({"": "On", "two": "Off"}, ("one",)), ({"": "On"}, ("one", "two"))])
@pytest.mark.parametrize("place", ["embedded", "site"])
@pytest.mark.parametrize("python", ["3.12", "3.13"])
def test_an_interpreter_with_a_gil_of_its_own_has_its_own_interval(start_httpd, workspace, python, place, said, owners):
    if python not in workspace.build.pythons:
        pytest.skip(f"this build has no engine for Python {python}")
    sections = [section(f"application-group={name}" if name else "", f"WSGIPerInterpreterGIL {value}")
                for name, value in said.items()]
    sections += [section(f"application-group={name}", f"WSGISwitchInterval {time}ms")
                 for name, time in (("one", 8), ("two", 9))]
    server = start_httpd(f"WSGIPython {python}\n" + "".join(sections) + OUTSIDE + BOTH_GROUPS + ALIASES, files=FILES)
    assert server.get(f"/{place}/main").text == "1 outside | signal"
    for name, own in (("one", "8"), ("two", "9")):
        assert server.get(f"/{place}/{name}").text == f"{own if name in owners else '1'} outside | signal"
    if "two" not in owners:
        server.expect_log("BRINE0208: .*the interpreter 'two', whose GIL")


@pytest.mark.parametrize("selectors, concerned", [
    ("process-group=site", "daemon group 'site' .Python {old}.: before"),
    ("process-group=%{GLOBAL}", "httpd's own processes .Python {old}.: before"),
    ("process-group=site application-group=one", "daemon group 'site' .Python {old}.: before"),
    ("", "httpd's own processes .Python {old}., daemon group 'site' .Python {old}., daemon group 'wiki'")])
def test_an_earlier_python_is_named_to_whom_it_concerns(start_httpd, workspace, selectors, concerned):
    old = workspace.build.python_before(12)
    if old is None:
        pytest.skip("this build has no engine for a Python before 3.12")
    server = start_httpd(f"WSGIPython {old}\n" + section(selectors, "WSGIPerInterpreterGIL On") + BOTH_GROUPS + ALIASES,
                         files=FILES)
    server.expect_log(r"BRINE0024: WSGIPerInterpreterGIL On \(.*httpd.conf:\d+\) has no effect for "
                      + concerned.replace("{old}", old))


@pytest.mark.parametrize("head, inside, said", [
    ("colour=red", "", "WSGIInterpreterOptions> has the unknown option 'colour'"),
    ("process-group=", "", "WSGIInterpreterOptions> has an empty value for the option 'process-group'"),
    ("shop", "", "WSGIInterpreterOptions> has the argument 'shop'"),
    ("process-group=shop", "", "WSGIInterpreterOptions> ({file}:{line}) names the process group 'shop', which no "
     "WSGIDaemonProcess defines; there are 'site' and 'wiki'"),
    ("process-group=%{ENV:GROUP}", "", "has '%{ENV:GROUP}', which only a request fills in"),
    ("application-group=%{RESOURCE}", "", "has '%{RESOURCE}', which only a request fills in"),
    ("process-group=site", "WSGIProcessGroup site", r"-Signal, and holds WSGIProcessGroup (/"),
    ("", "DocumentRoot /srv", r"-Signal, and holds DocumentRoot (/"),
    ("", "<WSGIInterpreterOptions>\n</WSGIInterpreterOptions>", "-Signal, and holds <WSGIInterpreterOptions (/"),
    ("", "WSGIRestrictStdin Maybe", "WSGIRestrictStdin must be On or Off, not 'Maybe'"),
    ("process-group=site", "WSGISwitchInterval 2h", "WSGISwitchInterval must be a duration"),
    ("process-group=site", "WSGIPerInterpreterGIL Maybe", "WSGIPerInterpreterGIL must be On or Off")])
def test_what_is_wrong_in_it_is_refused(configtest, head, inside, said):
    text = BOTH_GROUPS + f"<WSGIInterpreterOptions {head}>\n{inside}\n</WSGIInterpreterOptions>"
    passed, answer = configtest(text)
    assert not passed and "httpd.conf" in answer, answer
    before, found, _ = answer.partition(said.partition("({file}")[0])
    assert found and said.rpartition("{line})")[2] in answer, answer


def test_it_stands_in_the_main_server(configtest):
    section = "<WSGIInterpreterOptions>\n</WSGIInterpreterOptions>"
    for outer in ("VirtualHost *", "Directory /"):
        passed, answer = configtest(f"<{outer}>\n{section}\n</{outer.split()[0]}>")
        assert not passed and "WSGIInterpreterOptions" in answer
    passed, answer = configtest(section)
    assert passed, answer
