"""Applications in one file: what looks a script up by its name finds it, as with mod_wsgi, and nothing stays behind."""

import importlib.metadata
import importlib.util

import pytest

CONFIG = """
WSGIScriptAlias /one {apps}/single_file
WSGIScriptAlias /django {apps}/single_file/django_urls.wsgi application-group=django
WSGIScriptAlias /main {apps}/single_file
WSGIScriptAlias /django-main {apps}/single_file/django_urls.wsgi application-group=%{GLOBAL}
<Directory {apps}/single_file>
  WSGIApplicationGroup one
</Directory>
<Location /main>
  WSGIApplicationGroup %{GLOBAL}
</Location>
"""
#: What mod_wsgi 4.9.4 answers (None: with its own URL), and what has to be installed.
SINGLE_FILES = {
    "dataclass_in_function": ("(6, ['x', 'kept'], ['number', 'return', 'unit'], 4)", None),
    "dictconfig": ("formatted wanted\n", None),
    "django_urls": (None, "django"),
    "doctests": ("(1, 0, 2, [2, 0, 2, 0])", None),
    "jinja2_package": ("Hello jinja2", "jinja2"),
    "pydantic_forward": ("(3, 1)", "pydantic"),
    "pyramid_site": ("Hello True True", "pyramid"),
    "sys_modules": ("['Hello', 'set', True, True, True, True, True]", None),
    "webpy": ("Hello", "web"),
}
#: Likewise, of the checks in libraries.wsgi.
LIBRARIES = {
    "attrs_class": [True, 3], "attrs_hints": ["part", "return"], "bottle_load": [True, True],
    "cattrs_structure": 1, "django_string": True, "flask_path": ["hello.txt"], "flask_helper": True, "graphene_name": "found",
    "marshmallow_name": 3, "option_values": True, "paste_urls": True, "peewee_engine": True,
    "ply_lexer": ["one", "two"],
    "ply_parser": "one", "pkg_resources_data": "Hello {{ name }}\n", "pydantic_model": 4,
    "pyramid_names": [True, True, True, True], "sqlalchemy_names": "Child", "sqlalchemy_mapped": "Child",
    "venusian_scan": ["decorated"], "watchdog_class": True, "werkzeug_string": [True, True, None],
    "wrapt_path": True,
}


@pytest.mark.parametrize("where", ["one", "main"])
@pytest.mark.parametrize("app", SINGLE_FILES)
def test_a_single_file(httpd, app, where):
    """In a sub-interpreter and in the main one."""
    expected, needs = SINGLE_FILES[app]
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    if needs == "pydantic" and where == "one" and importlib.metadata.version(needs) >= "2":
        pytest.skip("pydantic 2 is written in Rust (PyO3), which refuses sub-interpreters; it is tested in the main one")
    url = f"/{where}/{app}.wsgi/"
    if app == "django_urls":
        url = {"one": "/django/", "main": "/django-main/"}[where]
        expected = f"Hello from {url}"
    for _ in range(2):
        answer = httpd.get(url)
        assert (answer.status, answer.text) == (200, expected)
        if app == "dictconfig":  # the stream has a line more each time
            expected *= 2


def test_files_beside_a_single_file(httpd):
    if importlib.util.find_spec("pyramid") is None:
        pytest.skip("pyramid is not installed")
    assert httpd.get("/one/pyramid_site.wsgi/static/hello.txt").text == "Hello {{ name }}\n"


@pytest.mark.parametrize("check", LIBRARIES)
def test_libraries(httpd, check):
    answer = httpd.get(f"/one/libraries.wsgi?{check}").json()
    if answer == "missing":
        pytest.skip("the library is not installed")
    assert answer == LIBRARIES[check]
