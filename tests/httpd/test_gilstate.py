"""C code that calls Python back, in the interpreter from which it was called."""

import pytest

pytestmark = pytest.mark.axes("mpm", "python", "interpreter")

CONFIG = "WSGIScriptAlias /app {apps}/gilstate.wsgi"


def test_callbacks(httpd):
    for _ in range(3):
        assert httpd.get("/app").text == "([[1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 42], True, {True})"
