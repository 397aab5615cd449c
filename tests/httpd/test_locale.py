"""The locale of a process: that of UTF-8 mode where httpd has none, and what an application makes of it."""

import pytest

CONFIG = "WSGIScriptAlias /says {dir}/says.wsgi application-group=%{GLOBAL}"
SAYS = """
import json, locale, os, subprocess, sys

def application(environ, start_response):
    start_response("200 OK", [])
    found = [locale.getlocale()[1]]
    program = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.getlocale()[1])"
    found.append(subprocess.check_output([sys.executable, "-E", "-c", program], text=True).strip())
    locale.setlocale(locale.LC_ALL, "")
    return [json.dumps([*found, locale.getlocale()[1], locale.setlocale(locale.LC_COLLATE)]).encode()]
"""


def says(start_httpd, **env):
    """[its encoding, that of a Python that it starts, its own after setlocale(LC_ALL, ""), LC_COLLATE then]"""
    return start_httpd(CONFIG, files={"says.wsgi": SAYS}, env=env).get("/says").json()


@pytest.mark.parametrize("lang", ["", "C", "POSIX"])
def test_where_httpd_has_none(start_httpd, lang):
    assert says(start_httpd, LANG=lang) == ["UTF-8", "UTF-8", "UTF-8", "C"]


def test_one_of_the_environment_stays(start_httpd):
    """It is the application that takes it on."""
    assert says(start_httpd, LANG="C", LC_ALL="C") == ["UTF-8", "None", None, "C"]


def test_not_without_utf8_mode(start_httpd):
    encoding, _, asked, _ = says(start_httpd, LANG="C", PYTHONUTF8="0")
    assert (encoding, asked) == (None, None)


@pytest.mark.modes("daemon")
def test_a_group_keeps_its_own(start_httpd):
    server = start_httpd("WSGIDaemonProcess own lang=C.UTF-8\n" + CONFIG + " process-group=own",
                         files={"says.wsgi": SAYS}, env={"LANG": "C"})
    assert server.get("/says").json() == ["UTF-8", "UTF-8", "UTF-8", "C.UTF-8"]
