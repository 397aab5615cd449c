"""What a process and each of its interpreters carry before an application asks for anything."""

import pytest

pytestmark = pytest.mark.axes("python", "interpreter")

CONFIG = "WSGIScriptAlias /light {dir}/scripts/light.wsgi\n"
LIGHT = """
import sys

def application(environ, start_response):
    start_response("200 OK", [])
    classes = {kind.__name__ for kind in object.__subclasses__()} & {"AST"}
    loaded = getattr(sys, "mod" "ules").keys() & {"ast", "inspect", "re", "traceback"}
    return [" ".join(sorted(classes | loaded)).encode()]
"""


def test_nothing_is_compiled_by_compile(httpd):
    """It makes a class of each kind of node of a syntax tree: memory of each interpreter that nobody asked for."""
    httpd.write("scripts/light.wsgi", LIGHT)
    answer = httpd.get("/light")
    assert (answer.status, answer.text) == (200, "")
