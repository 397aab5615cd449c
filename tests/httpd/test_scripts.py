"""Scripts as modules: their names, where they are seen, and what the standard library sees of them."""

import pytest

pytestmark = pytest.mark.axes("python", "interpreter")

CONFIG = """
WSGIScriptAlias /look {apps}/introspection.wsgi
WSGIScriptAlias /standard {apps}/single_file/standard.wsgi
WSGIScriptAlias /own {apps}/single_file
WSGIScriptAlias /one {dir}/scripts/one/app.wsgi
WSGIScriptAlias /two {dir}/scripts/two/app.wsgi
WSGIScriptAlias /bare {dir}/scripts/noending
WSGIScriptAlias /api {apps}/module_api.wsgi
WSGIScriptAlias /registered {apps}/introspection.wsgi
WSGIScriptAlias /scripts {dir}/scripts
<Location /registered>
  WSGIScriptModules Registered
  WSGIApplicationGroup registered
</Location>
WSGIScriptAlias /lean {dir}/scripts/lean.wsgi application-group=lean
"""
EXPECTED = {
    "name": True, "hidden": True, "while_loading": [True, True], "source_function": True,
    "source_class": True, "source_file": True, "class_file": True, "lines": True,
    "dataclass": ["x", "y", "color", "label"], "enum": [1, "BLUE", "<Color.RED: 1>"],
    "hints_class": ["color", "label", "shared", "x", "y"],
    "hints_function": ["color", "point", "return"], "hints_tuple": ["name", "point"],
    "doc": "A point.", "patch": [8, 7, True], "logging": [True, True, "logged"],
    "spec": [True, True, True, True], "module_attribute": [True, True], "loader_source": True,
    "import": [True, True],
}
BY_NAME = {
    "converted": [True, True], "data": "Hello {{ name }}\n", "dispatched": ["part", "other"],
    "documented": [True, True, None], "frames": [True, True, "frames", "Its size.", True],
    "fresh_from_spec": True, "functional": [True] * 5, "global_enum": True, "hints": [True, True, True],
    "import_function": [True, True], "import_module": True, "imported": [True, True, True],
    "loader_data": "Hello {{ name }}\n", "loader_kind": ["SourceFileLoader", False, True, True],
    "missing_name": ["ImportError", True], "module_fixtures": ["set up", 1], "reloaded": True, "resolved": [True, True],
    "resources": "Hello {{ name }}\n", "signature": [True, True], "spec_after_import": [True, False],
    "stays": [False, []], "submodule": [True] * 4, "suites": [1, 1, 1],
}
OWN_SYS = {
    "as_a_dict": [True, True, 1, True, True, True, True, True, True, True],
    "attributes": [True] * 5 + [False, True, "sys", "default"],
    "copied": [True, True, True, True, True, True, True],
    "derived": ["lazy part of one True", True, True, "told", True, False],
    "dispatched": ["module", "module", "other"],
    "equal": [True, True, True, "found", "found", True, True],
    "itself_taken_out": [True, True],
    "kinds": [True, True, False, True, False, True, True, "<class 'module'>", "module", "found", "found", True],
    "new_module": [True, "settings", "its text", ["tests-made-this"], ["mod_wsgi"]],
    "of_itself": [True, True, False],
    "patched_modules": [True, "a fake", True, True, False, True, True],
    "reloaded": [True, True, True, "reload"],
    "saved_modules": [True, True],
    "set_and_deleted": [1, True, False],
    "streams": [True, True, [], True, ["mod_wsgi"]],
    "taken_out": [True, "default", False, ["tests_made_this"], ["tests_made_this"], "tests_made_this"],
}
SAYS = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [{text!r}.encode()]
"""


def script(httpd, name, text):
    httpd.write(f"scripts/{name}", text)


LINES = """
import linecache

def application(environ, start_response):
    linecache.checkcache()
    start_response("200 OK", [])
    return [repr(linecache.getline({path!r}, 1).strip()).encode()]
"""
LEAN = """
import sys

def application(environ, start_response):
    start_response("200 OK", [])
    named = environ["QUERY_STRING"].split(",")
    return [",".join(name for name in named if name in sys.modules).encode()]
"""


def test_an_interpreter_does_not_import_what_no_script_asked_for(httpd):
    """Each would be in the memory of every process, and of every sub-interpreter."""
    script(httpd, "lean.wsgi", LEAN)
    asked = "sys,inspect,typing,linecache,tempfile,pickle,weakref,re,importlib.abc"
    assert httpd.get(f"/lean?{asked}").text == "sys"


@pytest.mark.parametrize("check", EXPECTED)
def test_the_standard_librarys_view(httpd, check):
    assert httpd.get(f"/look?{check}").json() == EXPECTED[check]


def test_tracebacks_show_source_lines(httpd):
    text = httpd.get("/look?traceback").json()
    assert "introspection.wsgi" in text and "helper()" in text


@pytest.mark.parametrize("check", BY_NAME)
def test_what_finds_a_script_by_its_name(httpd, check):
    assert httpd.get(f"/standard?{check}").json() == BY_NAME[check]


@pytest.mark.parametrize("check", OWN_SYS)
def test_a_script_s_own_sys_is_as_sys(httpd, check):
    """A script that looks itself up by name has a `sys` of its own, by which it can do no harm to the interpreter's."""
    if check == "copied":  # it pickles a module and finds that refused
        httpd.log.declare("BRINE0501")
    assert httpd.get(f"/own/own_sys.wsgi?{check}").json() == [OWN_SYS[check], True]


@pytest.mark.parametrize("app, text", [
    ("dataclass_in_function", "(6, ['x', 'kept'], ['number', 'return', 'unit'], 4)"),
    ("sys_modules", "['Hello', 'set', True, True, True, True, True]"),
])
def test_applications_in_one_file(httpd, app, text):
    assert httpd.get(f"/own/{app}.wsgi").text == text


def test_registered_scripts_are_in_sys_modules(httpd):
    assert httpd.get("/registered?hidden").json() is False
    assert httpd.get("/registered?name").json() is True
    assert httpd.get("/registered?import").json() == [True, False]


def test_names_are_stable(httpd):
    assert httpd.get("/api").json()["name"] == httpd.get("/api").json()["name"]


def test_two_scripts_with_the_same_base_name(httpd):
    script(httpd, "one/app.wsgi", SAYS.format(text="one"))
    script(httpd, "two/app.wsgi", SAYS.format(text="two"))
    for _ in range(2):
        assert httpd.get("/one").body == b"one"
        assert httpd.get("/two").body == b"two"


def test_no_ending_at_all(httpd):
    script(httpd, "noending", SAYS.format(text="bare"))
    assert httpd.get("/bare").body == b"bare"


def test_no_bytecode_is_written_beside_a_script(httpd):
    script(httpd, "one/app.wsgi", SAYS.format(text="one"))
    httpd.get("/one")
    assert not list((httpd.folder / "scripts").rglob("__pycache__"))


@pytest.mark.parametrize("head, encoding", [("# -*- coding: latin-1 -*-\n", "latin-1"),
                                            ("", "utf-8"), ("\ufeff", "utf-8")])
def test_source_encodings(httpd, head, encoding):
    path = httpd.folder / "scripts" / f"enc{len(head)}.wsgi"
    path.write_bytes((head + SAYS.format(text="caf\u00e9").replace("\\xe9", "\u00e9")).encode(encoding))
    assert httpd.get(f"/scripts/{path.name}").text == "caf\u00e9"


def test_windows_line_ends(httpd):
    path = httpd.folder / "scripts" / "crlf.wsgi"
    path.write_bytes(SAYS.format(text="crlf").replace("\n", "\r\n").encode())
    assert httpd.get("/scripts/crlf.wsgi").body == b"crlf"


@pytest.mark.parametrize("name, text, code", [
    ("syntax", "def application(:\n", "BRINE0301"),
    ("nul", "x = 1\n\0", "BRINE0301"),
    ("encoding", "# -*- coding: no-such -*-\n", "BRINE0301"),
    ("raises", "raise ValueError('while loading')\n", "BRINE0301"),
    ("exits", "import sys\nsys.exit(3)\n", "BRINE0302"),
    ("import", "import no_such_module_at_all\n", "BRINE0301"),
    ("base", "raise KeyboardInterrupt\n", "BRINE0301"),
    ("nothing", "", "BRINE0304"),
    ("number", "application = 3\n", "BRINE0305"),
    ("nul", "x = 1\0\n", "BRINE0301"),
    ("indent", "if 1:\nx\n", "BRINE0301"),
])
def test_scripts_that_do_not_load(httpd, name, text, code):
    script(httpd, f"bad-{name}.wsgi", text)
    for _ in range(2):
        answer = httpd.get(f"/scripts/bad-{name}.wsgi")
        assert answer.status == (404 if code == "BRINE0304" else 500)
    records = httpd.expect_log(code, count=2)
    assert f"bad-{name}.wsgi" in "".join(record.text for record in records)
    assert not httpd.log.texts(f"loaded WSGI script .*bad-{name}.wsgi")


def test_a_failed_load_leaves_nothing_behind(httpd):
    script(httpd, "mended.wsgi", "import sys\nraise ValueError(__name__)\n")
    assert httpd.get("/scripts/mended.wsgi").status == 500
    httpd.expect_log("BRINE0301")
    script(httpd, "mended.wsgi", SAYS.format(text="mended"))
    assert httpd.get("/scripts/mended.wsgi").body == b"mended"


def test_an_empty_script(httpd):
    """It is no application, and whoever shows its lines afterwards finds none."""
    script(httpd, "lines.wsgi", LINES.format(path=str(httpd.folder / "scripts/empty.wsgi")))
    assert httpd.get("/scripts/lines.wsgi").text == "''"
    script(httpd, "empty.wsgi", "")
    assert httpd.get("/scripts/empty.wsgi").status == 404
    httpd.expect_log("BRINE0304")
    assert httpd.get("/scripts/lines.wsgi").text == "''"


def test_a_script_that_cannot_be_read(httpd):
    path = httpd.write("scripts/secret.wsgi", SAYS.format(text="secret"))
    path.chmod(0)
    answer = httpd.get("/scripts/secret.wsgi")
    assert answer.status in (403, 500)
    httpd.expect_log("BRINE0303|BRINE0101|AH0")


def test_the_scripts_folder_is_not_on_the_path(httpd):
    script(httpd, "neighbour_module.py", "x = 1\n")
    script(httpd, "imports.wsgi", "import neighbour_module\n")
    assert httpd.get("/scripts/imports.wsgi").status == 500
    httpd.expect_log("BRINE0301")


def test_scripts_that_start_threads_and_import_in_them(httpd):
    script(httpd, "threads.wsgi", """
import threading
results = []

def work():
    import json.tool
    results.append(json.tool.__name__)

thread = threading.Thread(target=work)
thread.start()
thread.join()
""" + SAYS.format(text="done"))
    assert httpd.get("/scripts/threads.wsgi").body == b"done"


@pytest.mark.axes("mpm", "python", "interpreter")
def test_thread_locals_last_for_the_thread(httpd, variant):
    script(httpd, "local.wsgi", """
import threading
local = threading.local()

def application(environ, start_response):
    local.count = getattr(local, "count", 0) + 1
    start_response("200 OK", [])
    return [f"{threading.get_ident()} {local.count}".encode()]
""")
    counts = {}
    for _ in range(40):
        thread, count = httpd.get("/scripts/local.wsgi").text.split()
        counts.setdefault(thread, []).append(int(count))
    if variant.one_process:  # children of prefork share an ident
        for seen in counts.values():
            assert seen == list(range(1, len(seen) + 1))
