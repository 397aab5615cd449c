"""WSGIAccessScript: which clients may come in."""

import json
from urllib.parse import urlencode

import pytest

from harness.deadline import until

CONFIG = """
<Directory {htdocs}>
  WSGIAccessScript {apps}/decides.wsgi process-group={process_group}
</Directory>
<Location /own-name>
  WSGIAccessScript {apps}/decides.wsgi process-group={process_group} callable-object=other
</Location>
<Location /own-interpreter>
  WSGIAccessScript {apps}/decides.wsgi process-group={process_group} application-group=judges
</Location>
<Location /missing>
  WSGIAccessScript {apps}/nowhere.wsgi process-group={process_group}
</Location>
<Location /broken>
  WSGIAccessScript {dir}/scripts/broken.py process-group={process_group}
</Location>
<Location /undefined>
  WSGIAccessScript {apps}/decides.wsgi process-group={process_group} callable-object=nothing
</Location>
<Location /no-function>
  WSGIAccessScript {apps}/decides.wsgi process-group={process_group} callable-object=not_callable
</Location>
"""


@pytest.fixture(autouse=True)
def page(httpd):
    for folder in ("", "own-name", "own-interpreter", "missing", "broken", "undefined", "no-function"):
        httpd.write(f"htdocs/{folder}/page.txt", "in")


def ask(httpd, path="/page.txt", method="GET", **query):
    return httpd.request(method, f"{path}?{urlencode(query)}", headers={"Authorization": "Basic YTpi", "X-Own": "b"})


def seen(httpd, path="/page.txt", **query):
    file = httpd.folder / "writable" / "seen"
    file.unlink(missing_ok=True)
    answer = ask(httpd, path, seen=file, **query)
    return answer, json.loads(file.read_text())


def test_who_is_allowed_comes_in(httpd):
    answer = ask(httpd)
    assert (answer.status, answer.text) == (200, "in")


def test_who_is_denied_does_not(httpd):
    assert ask(httpd, answer=False).status == 403
    httpd.expect_log(r"BRINE0124: WSGIAccessScript '.*decides.wsgi' denies 127.0.0.1 the access to '/page.txt'")


def test_a_script_without_an_opinion_leaves_it_to_others(httpd):
    assert ask(httpd, answer=None).status == 200


def test_what_it_is_given(httpd):
    answer, given = seen(httpd, "/page.txt", q="1")
    assert answer.status == 200
    environ = given["environ"]
    assert given["arguments"] == ["127.0.0.1"]
    assert (environ["REQUEST_METHOD"], environ["SCRIPT_NAME"], environ["REMOTE_ADDR"]) == ("GET", "/page.txt", "127.0.0.1")
    assert environ["REQUEST_URI"].startswith("/page.txt?")
    assert environ["HTTP_X_OWN"] == "b"
    assert "HTTP_AUTHORIZATION" not in environ
    assert "SERVER_SIGNATURE" in environ
    assert environ["mod_wsgi.application_group"] == ""
    assert environ["mod_wsgi.process_group"] == ("group" if httpd.variant.mode == "daemon" else "")
    assert {"apache.version", "mod_wsgi.version", "wsgi.errors"} <= set(given["keys"])
    assert "wsgi.input" not in given["keys"]
    assert (given["https"], given["variable"]) == (False, None)
    assert given["pid"] in httpd.children()


def test_the_function_may_have_another_name(httpd):
    assert ask(httpd, "/own-name/page.txt").status == 403
    httpd.expect_log("BRINE0124")


def test_the_interpreter_is_the_main_one_or_that_which_is_named(httpd):
    assert seen(httpd, "/own-interpreter/page.txt")[1]["environ"]["mod_wsgi.application_group"] == "judges"


def test_a_posted_body_is_left_to_others(httpd):
    answer = httpd.post("/page.txt?answer=False", b"x" * 200_000)
    assert answer.status == 403
    httpd.expect_log("BRINE0124")


@pytest.mark.parametrize("answer", ["1", "0", "''", "'yes'", "b'x'", "[]"])
def test_nonsense_denies(httpd, answer):
    assert ask(httpd, answer=answer).status == 500
    httpd.expect_log(r"BRINE0416: allow_access\(\) of the script '.*decides.wsgi' returned a value of type \w+, so the "
                     "request is refused; it has to return True, False or None")


def test_an_exception_denies(httpd):
    assert ask(httpd, **{"raise": "out of order"}).status == 500
    httpd.expect_log(r"BRINE0415: allow_access\(\) .* raised ValueError: out of order")
    httpd.expect_log(r"BRINE0415\| .*decides.wsgi.*, in allow_access")
    httpd.allow_log("BRINE0415")
    assert ask(httpd).status == 200


def test_a_script_that_exits_denies(httpd):
    assert ask(httpd, quit=1).status == 500
    httpd.expect_log("BRINE0415: .* raised SystemExit: quit")
    httpd.allow_log("BRINE0415")


@pytest.mark.parametrize("folder, code", [("missing", "BRINE0303"), ("undefined", "BRINE0304"),
                                          ("no-function", "BRINE0305")])
def test_a_script_that_is_not_there_denies(httpd, folder, code):
    assert ask(httpd, f"/{folder}/page.txt").status == 500
    httpd.expect_log(code)
    httpd.allow_log("BRINE06")


def test_a_script_that_does_not_load_denies_until_it_does(httpd):
    httpd.write("scripts/broken.py", "import nothing_of_that_name\n")
    assert ask(httpd, "/broken/page.txt").status == 500
    httpd.expect_log("BRINE0301")
    httpd.allow_log("BRINE0301|BRINE06")
    httpd.write("scripts/broken.py", "def allow_access(environ, host):\n    return True\n")
    until(lambda: ask(httpd, "/broken/page.txt").status == 200, "the mended script is loaded")
