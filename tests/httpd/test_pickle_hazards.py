"""What must not be pickled from a WSGI script, each hazard for real: what pickle does, what the guard says.

The tests of the first part are the statements of mod_wsgi's article "Issues With Pickle Module", one by one.
"""

import subprocess

import pytest

pytestmark = pytest.mark.axes("python", "interpreter")

CONFIG = """
WSGIPythonPath {apps}/pickling:{dir}/scripts
WSGIScriptAlias /s {dir}/scripts
WSGIScriptAlias /registered {dir}/scripts
WSGIScriptAlias /one {dir}/scripts/foreign.wsgi application-group=one
WSGIScriptAlias /two {dir}/scripts/foreign.wsgi application-group=two
<Location /registered>
  WSGIScriptModules Registered
</Location>
"""
START = """
import builtins, importlib, io, pickle, sys, types
from attempts import attempt, tells, watch
"""
WAYS = ("s", "registered")  # WSGIScriptModules Anonymous, and Registered


@pytest.fixture(autouse=True)
def noise(httpd):
    """Each test makes its own hazards, and looks for what matters to it in the log. Some keep generations."""
    httpd.allow_log(r"BRINE0501[:|] |BRINE0307: .* held by builtins.kept_by_pickle_tests")


@pytest.fixture
def run(httpd):
    """Writes scripts/NAME.wsgi, where `application(query)` is what it answers, and asks it."""

    def run(name, code, query="", way="registered"):
        httpd.write(f"scripts/{name}.wsgi", START + code)
        return ask(httpd, name, query, way)

    return run


@pytest.fixture
def one_process(variant):
    """For what is kept from one request to the next."""
    if not variant.one_process:
        pytest.skip("the state lives in one process")


def ask(httpd, name, query="", way="registered"):
    answer = httpd.get(f"/{way}/{name}.wsgi?{query}")
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


def only_hazard(went):
    """The one hazard of an answer."""
    assert len(went["hazards"]) == 1, went
    return went["hazards"][0]


def ids(went):
    return [hazard["id"] for hazard in went["hazards"]]


# --- the article's statements ---------------------------------------------------------------------------


def test_a_copy_of_a_function_pickles_as_the_original(run):
    went = run("copy", """
def a(): pass
z = a

@tells
def application(query):
    return {"same": pickle.dumps(z) == pickle.dumps(a), "back": pickle.loads(pickle.dumps(z)) is a,
            "went": watch(pickle.dumps, z)}
""")
    assert went["same"] and went["back"]
    assert ids(went["went"]) == ["naming-script"]


def test_a_function_whose_original_is_deleted(run):
    went = run("deleted", """
def a(): pass
z = a
del a

@tells
def application(query):
    return watch(pickle.dumps, z)
""")
    hazard = only_hazard(went)
    assert went["raised"] == "PicklingError"
    assert hazard["id"] == "reload-missing" and hazard["qualname"] == "a"
    assert hazard["pickle_error"] == f"PicklingError: {went['text']}"


def test_a_function_whose_original_is_replaced(run):
    went = run("replaced", """
def a(): pass
z = a
def a(): pass

@tells
def application(query):
    return watch(pickle.dumps, z)
""")
    hazard = only_hazard(went)
    assert went["raised"] == "PicklingError" and "not the same object as" in went["text"]
    assert hazard["id"] == "reload-stale"
    assert hazard["pickle_error"] == f"PicklingError: {went['text']}"


KEEPER = """
class B: pass
def a(): pass
kept = {"function": a, "class": B, "instance": B()}
store = builtins.__dict__.setdefault("kept_by_pickle_tests", {}).setdefault(__name__, kept)

@tells
def application(query):
    return watch(pickle.dumps, store[query["what"]])
"""


@pytest.mark.modes("embedded")  # the process outlives the reload
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["function", "class", "instance"])
def test_what_was_copied_out_of_a_script_before_it_was_reloaded(httpd, run, one_process, way, what):
    name = f"reloaded-{what}-{way}"
    run(name, KEEPER, f"what={what}", way)
    hazard = only_hazard(run(name, KEEPER + "# edited\n", f"what={what}", way))
    assert hazard["id"] == "reload-stale"
    assert hazard["script"] == str(httpd.folder / f"scripts/{name}.wsgi")
    assert (hazard["generation"], hazard["current_generation"]) == (1, 2)
    if way == "registered":
        assert "not the same object as" in hazard["pickle_error"]
    httpd.expect_log(f"pickle hazard reload-stale: .*{name}.wsgi .generation 1.*generation 2 has been loaded")


def test_it_does_not_occur_for_an_instance_in_python_2_and_does_in_python_3(run):
    went = run("instance", """
class B: pass
b = B()
del B

@tells
def application(query):
    return watch(pickle.dumps, b)
""")
    assert went["raised"] == "PicklingError"
    assert only_hazard(went)["id"] == "reload-missing"
    assert " is an instance of class B" in only_hazard(went)["message"]


def test_a_class_object_that_was_deleted(run):
    went = run("class", """
class B: pass
C = B
before = pickle.dumps(C) == pickle.dumps(B)
del B

@tells
def application(query):
    return {"before": before, **watch(pickle.dumps, C)}
""")
    assert went["before"]
    assert went["raised"] == "PicklingError"
    assert only_hazard(went)["id"] == "reload-missing"
    assert " is the class B" in only_hazard(went)["message"]


def test_an_instance_is_restored_when_its_class_has_gone(run):
    went = run("restored", """
class B: pass
stored = pickle.dumps(B())
del B

@tells
def application(query):
    return watch(pickle.loads, stored)
""")
    hazard = only_hazard(went)
    assert went["raised"] == "AttributeError"
    assert hazard["id"] == "restore-no-attribute" and hazard["qualname"] == "B"
    assert hazard["script"].endswith("restored.wsgi")


def test_a_module_that_is_not_in_sys_modules_any_more(run):
    went = run("article-m", """
m = types.ModuleType("article_m")
sys.modules["article_m"] = m
exec("class C: pass", m.__dict__)
c = m.C()
stored = pickle.dumps(c)
back = type(pickle.loads(stored)) is m.C
del sys.modules["article_m"]

@tells
def application(query):
    return {"back": back, "dump": watch(pickle.dumps, c), "load": watch(pickle.loads, stored)}
""")
    assert went["back"]
    assert went["dump"]["raised"] == "PicklingError"
    assert only_hazard(went["dump"])["id"] == "naming-unimportable"
    assert went["load"]["raised"] == "ModuleNotFoundError"
    assert only_hazard(went["load"])["id"] == "restore-no-module"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["function", "Class", "Class()"])
def test_what_is_defined_in_a_script(httpd, run, way, what):
    name = f"naming-{len(what)}-{way}"
    went = run(name, f"""
class Class: pass
def function(): pass

@tells
def application(query):
    return watch(pickle.dumps, {what})
""", way=way)
    hazard = only_hazard(went)
    assert hazard["id"] == "naming-script"
    assert hazard["script"] == str(httpd.folder / f"scripts/{name}.wsgi")
    assert hazard["module"].startswith("_mod_wsgi_") and hazard["module"] in hazard["message"]
    if way == "s":
        assert went["raised"] == "PicklingError" and went["text"] in hazard["pickle_error"]
    else:
        assert "value" in went and hazard["pickle_error"] is None
    httpd.expect_log(f"BRINE0501: pickle hazard naming-script: .*{name}.wsgi .generation 1")


STANDARD = """
import pickle_tests_ordinary as ordinary
objects = [ordinary.Item(), ordinary.Item, ordinary.make, ordinary.Colour.RED, ordinary.Point(1, 2),
           ordinary.Data(3), ordinary.Item().method, ordinary.Outer.Inner()]

@tells
def application(query):
    return [watch(pickle.dumps, each, protocol) for each in objects for protocol in range(6)]
"""
ORDINARY = """
import collections, dataclasses, enum

class Item:
    def method(self): pass

class Outer:
    class Inner: pass

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Data:
    number: int

def make(): pass

Point = collections.namedtuple("Point", "x y")
"""


@pytest.mark.parametrize("way", WAYS)
def test_standard_modules_are_not_affected(httpd, run, way):
    httpd.write("scripts/pickle_tests_ordinary.py", ORDINARY)
    for went in run(f"standard-{way}", STANDARD, way=way):
        # A nested class and a method have no name that protocols 0 to 3 could write: not a hazard either.
        assert went["hazards"] == [], went
    assert not httpd.log.texts("BRINE0501")


def test_basic_builtin_types_are_fine(httpd, run):
    went = run("builtin", """
basic = [None, True, 1, 2 ** 80, 1.5, 2j, "text", b"bytes", bytearray(b"x"), (1,), [2], {"k": (3,)}, {4},
         frozenset("ab")]

@tells
def application(query):
    return [watch(pickle.dumps, basic, protocol) for protocol in range(6)]
""", way="s")
    assert all("value" in each and each["hazards"] == [] for each in went)
    assert not httpd.log.texts("BRINE0501")


def test_two_scripts_of_the_same_base_name_do_not_meet(httpd, run):
    code = """
class Item: pass

@tells
def application(query):
    return {"name": __name__, **watch(pickle.dumps, Item())}
"""
    first, second = run("one/same", code), run("two/same", code)
    assert first["name"] != second["name"]
    assert [only_hazard(went)["module"] for went in (first, second)] == [first["name"], second["name"]]
    for folder in ("one", "two"):
        httpd.expect_log(f"pickle hazard naming-script: .*/scripts/{folder}/same.wsgi")


# --- reloads --------------------------------------------------------------------------------------------


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_a_class_that_the_next_generation_calls_otherwise(httpd, run, one_process):
    run("renamed", KEEPER, "what=instance")
    went = run("renamed", KEEPER.replace("B", "Renamed"), "what=instance")
    hazard = only_hazard(went)
    assert went["raised"] == "PicklingError"
    assert hazard["id"] == "reload-missing" and hazard["qualname"] == "B"
    assert (hazard["generation"], hazard["current_generation"]) == (1, 2)


def test_the_generation_that_serves_makes_objects_that_are_not_stale(run, one_process):
    code = """
class Item: pass

@tells
def application(query):
    return watch(pickle.dumps, Item())
"""
    for edit in ("", "# one\n", "# two\n"):
        assert ids(run("serving", code + edit)) == ["naming-script"]


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_a_generation_that_failed_to_load_makes_nothing_stale(httpd, run, one_process):
    run("failed", KEEPER, "what=instance")
    httpd.write("scripts/failed.wsgi", START + KEEPER + "1 / 0\n")
    hazard = only_hazard(ask(httpd, "failed", "what=instance"))
    httpd.expect_log("BRINE0306")
    assert (hazard["id"], hazard["generation"], hazard["current_generation"]) == ("naming-script", 1, 1)


def test_a_class_of_an_ordinary_module_after_importlib_reload(httpd, run, one_process):
    httpd.write("scripts/pickle_tests_reloaded.py", "class Item: pass\ndef function(): pass\n")
    went = run("module-reload", """
import pickle_tests_reloaded as module
old = [module.Item, module.Item(), module.function]
before = [watch(pickle.dumps, each) for each in old]
importlib.reload(module)

@tells
def application(query):
    return {"before": before, "after": [watch(pickle.dumps, each) for each in old],
            "anew": watch(pickle.dumps, module.Item())}
""", way="s")
    assert all("value" in each and each["hazards"] == [] for each in (*went["before"], went["anew"]))
    for each in went["after"]:
        hazard = only_hazard(each)
        assert hazard["id"] == "reload-stale" and hazard["script"] is None
        assert "the module was reloaded" in hazard["message"]
        assert "not the same object as pickle_tests_reloaded." in hazard["pickle_error"]


def test_an_importable_module_that_was_taken_out_of_sys_modules(httpd, run):
    httpd.write("scripts/pickle_tests_taken_out.py", "class Item: pass\n")
    went = run("taken-out", """
import pickle_tests_taken_out as module
del sys.modules["pickle_tests_taken_out"]

@tells
def application(query):
    return watch(pickle.dumps, module.Item())
""", way="s")
    # Pickle imports it anew, and finds another class of that name.
    assert only_hazard(went)["id"] == "reload-stale"


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["made[0]", "made[1]", "made[1]()", "made[2]", "by_name"])
def test_what_is_defined_in_a_function_or_is_a_lambda(run, way, what):
    hazard = only_hazard(run(f"local-{what.strip(')').replace('(', '-call')}-{way}", f"""
def make():
    class Local: pass
    def nested(): pass
    return lambda: 0, Local, nested

by_name = lambda: 0
made = make()

@tells
def application(query):
    return watch(pickle.dumps, {what})
""", way=way))
    assert hazard["id"] == "naming-local"
    assert hazard["pickle_error"]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_defined_in_main(run, way):
    went = run(f"main-{way}", """
import __main__
exec("class InMain: pass", vars(__main__))

@tells
def application(query):
    return watch(pickle.dumps, [__main__.InMain()])
""", way=way)
    hazard = only_hazard(went)
    assert "value" in went
    assert (hazard["id"], hazard["severity"]) == ("naming-main", "warning")


UNIMPORTABLE = {
    "by-hand": """
module = types.ModuleType("pickle_tests_by_hand")
module.Item = type("Item", (), {"__module__": "pickle_tests_by_hand"})
sys.modules["pickle_tests_by_hand"] = module
""",
    "no-path": """
spec = importlib.util.spec_from_file_location("pickle_tests_no_path", ELSEWHERE)
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
""",
    "never-in-sys-modules": """
spec = importlib.util.spec_from_file_location("pickle_tests_never", ELSEWHERE)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
""",
}


@pytest.mark.parametrize("kind", UNIMPORTABLE)
def test_what_is_of_a_module_that_cannot_be_imported(httpd, run, kind):
    elsewhere = httpd.write("htdocs/elsewhere.py", "class Item: pass\n")
    went = run(f"unimportable-{kind}", f"import importlib.util\nELSEWHERE = {str(elsewhere)!r}\n" +
               UNIMPORTABLE[kind] + """
@tells
def application(query):
    return watch(pickle.dumps, {"key": module.Item()})
""", way="s")
    hazard = only_hazard(went)
    assert hazard["id"] == "naming-unimportable"
    assert ("raised" in went) == (kind == "never-in-sys-modules")
    assert hazard["module"] in hazard["message"]


# --- sub-interpreters -----------------------------------------------------------------------------------

EXTENSION = """
#include <Python.h>

static PyObject* held = NULL;  /* one for all interpreters of the process: the mistake */

static PyObject* hold(PyObject* module, PyObject* object) {
  Py_INCREF(object);
  held = object;
  Py_RETURN_NONE;
}

static PyObject* get(PyObject* module, PyObject* unused) {
  Py_INCREF(held);
  return held;
}

static PyMethodDef methods[] = {{"hold", hold, METH_O, 0}, {"held", get, METH_NOARGS, 0}, {0, 0, 0, 0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "pickle_tests_holder", 0, 0, methods};

PyMODINIT_FUNC PyInit_pickle_tests_holder(void) { return PyModule_Create(&definition); }
"""
FOREIGN = """
import sysconfig

WHAT = {"uuid": ("uuid", "UUID"), "plain": ("pickle_tests_foreign", "Plain"),
        "function": ("pickle_tests_foreign", "function")}

@tells
def application(query):
    if "where" in query:
        return [sysconfig.get_path("include"), sysconfig.get_config_var("EXT_SUFFIX")]
    import pickle_tests_holder
    module, name = WHAT[query["what"]]
    if "hold" in query:
        pickle_tests_holder.hold(getattr(importlib.import_module(module), name))
        return None
    held = pickle_tests_holder.held()
    here = getattr(importlib.import_module(module), name)
    return {"foreign": held is not here, "held": watch(pickle.dumps, held),
            "here": watch(pickle.dumps, here)}
"""


def compiled(target, include):
    """The extension for one Python; made once in a session."""
    if not target.exists():
        source = target.with_suffix(".c")
        source.write_text(EXTENSION)
        subprocess.run(["gcc", "-shared", "-fPIC", f"-I{include}", source, "-o", target], check=True)
    return target


@pytest.fixture
def foreign(httpd, one_process, workspace):
    """`foreign(what)`: what group two says of an object that group one has put into a C extension."""
    httpd.write("scripts/pickle_tests_foreign.py", "class Plain: pass\ndef function(): pass\n")
    httpd.write("scripts/foreign.wsgi", START + FOREIGN)
    include, suffix = httpd.get("/one?where=1").json()
    target = httpd.folder / f"scripts/pickle_tests_holder{suffix}"
    if not target.exists():
        target.write_bytes(compiled(workspace.folder / f"holder{suffix}", include).read_bytes())

    def foreign(what):
        assert httpd.get(f"/one?what={what}&hold=1").status == 200, httpd.log.tail()
        answer = httpd.get(f"/two?what={what}")
        assert answer.status == 200, httpd.log.tail()
        return answer.json()

    return foreign


@pytest.mark.parametrize("what", ["uuid", "plain", "function"])
def test_what_belongs_to_another_interpreter(foreign, what, variant):
    if variant.python.endswith("t"):
        pytest.skip("no sub-interpreter of this Python takes a module that could hold it")
    went = foreign(what)
    assert went["foreign"]
    assert went["here"]["hazards"] == []
    hazard = only_hazard(went["held"])
    assert hazard["id"] == "naming-foreign"
    assert "not the same object as" in hazard["pickle_error"]
    assert "WSGIApplicationGroup" in hazard["remedy"]


# --- loading --------------------------------------------------------------------------------------------

LOADS = """
LOADERS = {
    "loads": pickle.loads,
    "load": lambda data: pickle.load(io.BytesIO(data)),
    "Unpickler": lambda data: pickle.Unpickler(io.BytesIO(data)).load(),
}
PLAIN = {"loads": _pickle.loads, "load": lambda data: _pickle.load(io.BytesIO(data)),
         "Unpickler": lambda data: _pickle.Unpickler(io.BytesIO(data)).load()}

@tells
def application(query):
    data = bytes.fromhex(query["data"])
    return {name: {"guarded": watch(LOADERS[name], data), "plain": attempt(PLAIN[name], data)}
            for name in PLAIN}
"""
MISSING = {
    "no-module": (b"cno_such_module\nThing\n.", "ModuleNotFoundError", "restore-no-module"),
    "no-parent": (b"cno_such_package.module\nThing\n.", "ModuleNotFoundError", "restore-no-module"),
    "no-submodule": (b"cjson.no_such\nThing\n.", "ModuleNotFoundError", "restore-no-module"),
    "no-attribute": (b"cjson\nNoSuchThing\n.", "AttributeError", "restore-no-attribute"),
    "no-nested": (b"\x80\x04\x8c\x04json\x8c\x10JSONDecoder.Gone\x93.", "AttributeError",
                  "restore-no-attribute"),
    "of-python-2": (b"\x80\x02ccopy_reg\nno_such\n.", "AttributeError", "restore-no-attribute"),
    "script-unknown": (b"c_mod_wsgi_0123456789abcdef\nItem\n.", "ModuleNotFoundError", "restore-no-module"),
}


@pytest.mark.axes("python")
@pytest.mark.parametrize("missing", MISSING)
def test_a_stored_pickle_names_what_is_not_there(run, variant, missing):
    data, error, hazard_id = MISSING[missing]
    for went in run("loads", "import _pickle\n" + LOADS, f"data={data.hex()}").values():
        check_missing(went["guarded"], went["plain"], error, hazard_id, variant)


def check_missing(guarded, plain, error, hazard_id, variant):
    hazard = only_hazard(guarded)
    assert (guarded["raised"], hazard["id"]) == (error, hazard_id)
    assert guarded["raised"] == plain["raised"]
    words = f"{hazard['message']} {hazard['remedy']}"
    if variant.python == "3.10":
        assert guarded["text"] == f"{plain['text']}\nBrine: {words}"
    else:
        assert guarded["text"] == plain["text"] and guarded["notes"] == [f"Brine: {words}"]


def test_a_stored_pickle_names_a_script_that_is_loaded(httpd, run):
    went = run("stored", """
@tells
def application(query):
    return watch(pickle.loads, f"c{__name__}\\nItem\\n.".encode())
""", way="s")
    hazard = only_hazard(went)
    assert went["raised"] == "ImportError"
    assert hazard["id"] == "restore-no-module"
    assert hazard["script"] == str(httpd.folder / "scripts/stored.wsgi")
    assert hazard["script"] in hazard["message"]


def test_a_stored_pickle_names_a_module_that_fails_to_load(httpd, run):
    httpd.write("scripts/pickle_tests_fails.py", "import pickle_tests_its_requirement\n")
    went = run("fails", """
@tells
def application(query):
    return watch(pickle.loads, b"cpickle_tests_fails\\nItem\\n.")
""")
    assert went["raised"] == "ModuleNotFoundError" and "pickle_tests_its_requirement" in went["text"]
    assert only_hazard(went)["id"] == "restore-no-module"
    assert only_hazard(went)["module"] == "pickle_tests_fails"


NOT_MISSING = {
    "raises-in-setstate": "AttributeError",
    "raises-before-another-global": "AttributeError",
    "imports-in-setstate": "ModuleNotFoundError",
    "imports-before-another-global": "ModuleNotFoundError",
}


@pytest.mark.axes()
@pytest.mark.parametrize("kind", NOT_MISSING)
def test_an_error_of_code_that_the_pickle_runs_is_told_of_that_code(httpd, run, kind):
    httpd.write("scripts/pickle_tests_setstate.py", """
class Attribute:
    x = 1
    def __setstate__(self, state): raise AttributeError("of its own")

class Import:
    x = 1
    def __setstate__(self, state): import pickle_tests_nowhere
""")
    httpd.write("scripts/pickle_tests_unused.py", "class Item: pass\n")
    went = run("setstate", """
MODULE = b"cpickle_tests_setstate\\n"
PICKLES = {"raises-in-setstate": MODULE + b"Attribute\\n)R}b.",
           "raises-before-another-global": MODULE + b"Attribute\\n)R}bcpickle_tests_unused\\nItem\\n\\x86.",
           "imports-in-setstate": MODULE + b"Import\\n)R}b.",
           "imports-before-another-global": MODULE + b"Import\\n)R}bcpickle_tests_unused\\nItem\\n\\x86."}

@tells
def application(query):
    return watch(pickle.loads, PICKLES[query["kind"]])
""", f"kind={kind}")
    assert went["raised"] == NOT_MISSING[kind]
    hazard = only_hazard(went)
    assert (hazard["id"], hazard["module"]) == ("restore-fails", "pickle_tests_setstate")
    assert len(went["notes"]) == 1 and "pickle_tests_unused" not in went["notes"][0]
