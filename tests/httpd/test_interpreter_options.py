"""<WSGIInterpreterOptions>: what it says of all interpreters holds, what it says of some is said to have no effect."""

import pytest

pytestmark = pytest.mark.modes("embedded")  # the tests name the places themselves

SAYS = """import sys
def application(environ, start_response):
    start_response("200 OK", [])
    found = [folder.rpartition("/")[2] for folder in sys.path if folder.endswith(("outside", "section", "second"))]
    return [f"{sys.getswitchinterval() * 1000:g} {' '.join(found)}".encode()]
"""
FILES = {"scripts/says.wsgi": SAYS, "outside/x": "", "section/x": "", "second/x": ""}
OUTSIDE = "WSGISwitchInterval 2ms\nWSGIPythonPath {dir}/outside\n"
SECTION = """<wsgiInterpreterOptions>
<IfModule wsgi_module>
WSGISwitchInterval 7ms
</IfModule>
WSGIPythonPath {dir}/section
</WSGIInterpreterOptions>
<WSGIInterpreterOptions >
WSGIPythonPath {dir}/second
</WSGIInterpreterOptions>
"""
PLACES = {"embedded": "WSGIApplicationGroup %{GLOBAL}\n",
          "daemon": "WSGIDaemonProcess site threads=1\nWSGIProcessGroup site\nWSGIApplicationGroup other\n"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", [OUTSIDE + SECTION, SECTION + "WSGIPythonPath /none\n" + OUTSIDE])
def test_without_selectors_it_holds_for_all_and_over_what_stands_outside(start_httpd, text, place):
    server = start_httpd(text + PLACES[place] + "WSGIScriptAlias / {dir}/scripts/says.wsgi\n", files=FILES)
    assert server.get("/").text == "7 second section outside"


@pytest.mark.parametrize("selectors", ["process-group=site", "application-group=%{GLOBAL}",
                                       "process-group=%{GLOBAL} application-group='a b'"])
def test_with_selectors_it_has_no_effect_and_says_so(start_httpd, selectors):
    server = start_httpd(OUTSIDE + f"""<WSGIInterpreterOptions {selectors}>
WSGIPythonPath {{dir}}/section
WSGISwitchInterval 7ms
WSGIRestrictStdin On
WSGIPerInterpreterGIL On
</WSGIInterpreterOptions>
WSGIApplicationGroup %{{GLOBAL}}
WSGIScriptAlias / {{dir}}/scripts/says.wsgi
""", files=FILES)
    for name in ("WSGIPythonPath", "WSGISwitchInterval", "WSGIRestrictStdin"):
        server.expect_log(rf"BRINE0016: {name} of <WSGIInterpreterOptions {selectors}> \(.*httpd.conf:\d+\) has no "
                          "effect in Brine: .*without selectors.* python-path= and switch-interval=")
    server.expect_log("BRINE0016: WSGIPerInterpreterGIL .*share one GIL")
    assert server.get("/").text == "2 outside"


@pytest.mark.parametrize("head, inside, said", [
    ("colour=red", "", "WSGIInterpreterOptions> has the unknown option 'colour'"),
    ("process-group=", "", "WSGIInterpreterOptions> has an empty value for the option 'process-group'"),
    ("shop", "", "WSGIInterpreterOptions> has the argument 'shop'"),
    ("process-group=shop", "WSGIProcessGroup shop", r"-Signal, and holds WSGIProcessGroup (/"),
    ("", "DocumentRoot /srv", r"-Signal, and holds DocumentRoot (/"),
    ("", "WSGIRestrictStdin Maybe", "WSGIRestrictStdin must be On or Off, not 'Maybe'"),
    ("process-group=shop", "WSGISwitchInterval 2h", "WSGISwitchInterval must be a duration"),
    ("process-group=shop", "WSGIPerInterpreterGIL Maybe", "WSGIPerInterpreterGIL must be On or Off")])
def test_what_is_wrong_in_it_is_refused(configtest, head, inside, said):
    passed, answer = configtest(f"<WSGIInterpreterOptions {head}>\n{inside}\n</WSGIInterpreterOptions>")
    assert not passed and said in answer and "httpd.conf" in answer, answer


def test_it_stands_in_the_main_server(configtest):
    section = "<WSGIInterpreterOptions>\n</WSGIInterpreterOptions>"
    for outer in ("VirtualHost *", "Directory /"):
        passed, answer = configtest(f"<{outer}>\n{section}\n</{outer.split()[0]}>")
        assert not passed and "WSGIInterpreterOptions" in answer
    passed, answer = configtest(section)
    assert passed, answer
