"""What a finding says, and where it is told. tests/pickle/test_in_scripts.py has the paths to what is wrong."""

import re

import pytest

from harness.deadline import until
from harness.errorlog import TWO_LOGS, ErrorLog

CONFIG = """
WSGIPythonPath {apps}/pickling
WSGIScriptAlias /registered {apps}/pickle_paths.wsgi application-group=registered
WSGIScriptAlias /s {dir}/scripts
<Location /registered>
  WSGIScriptModules Registered
</Location>
<Location /s/never-Enforce.wsgi>
  WSGIPickleGuard Enforce
</Location>
CustomLog {dir}/access.log "%{X-Test}i [%{wsgi-pickle-hazards}n]"
""" + TWO_LOGS
START = """
import pickle, threading, brine.pickle, ordinary
from attempts import attempt, tells, watch
class Item: pass
class Other: pass
def function(): pass
"""
DOCUMENTED = ("pickle hazard naming-script: session['cart'].items[3] is an instance of class Item, "
              "defined in the WSGI script SCRIPT (generation 1). Its module, MODULE, is in sys.modules "
              "(WSGIScriptModules Registered) of the server's processes that have loaded the script from this path: "
              "no other program can load the pickle, nor these once the script has moved. Move class Item into a "
              "module on sys.path and import it from the script.")


@pytest.fixture(autouse=True)
def noise(httpd):
    httpd.allow_log(r"BRINE0501[:|] ")


def shape(httpd, name):
    answer = httpd.get(f"/registered?shape={name}")
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


def run(httpd, name, code, **headers):
    httpd.write(f"scripts/{name}.wsgi", START + code)
    answer = httpd.get(f"/s/{name}.wsgi", **headers)
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


def test_the_whole_text(start_httpd, workspace, httpd):
    server = start_httpd(CONFIG)
    hazard, = shape(server, "spec")["hazards"]
    record, *_ = server.expect_log("BRINE0501: ")
    server.allow_log(r"BRINE0501\| ")
    assert hazard["script"] == str(workspace.folder / "apps/pickle_paths.wsgi")
    expected = DOCUMENTED.replace("SCRIPT", hazard["script"]).replace("MODULE", hazard["module"])
    assert record.text.strip() == f"BRINE0501: {expected}"


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_several_hazards_are_told_each_once(httpd):
    for _ in range(2):
        went = run(httpd, "several", """
@tells
def application(query):
    session = {"a": Item(), "b": [Item(), lambda: 0], "c": function, "d": Other, "e": Other}
    return watch(pickle.dumps, session)
""")
        told = sorted((hazard["id"], hazard["path"]) for hazard in went["hazards"])
        assert told == [("naming-local", "session['b'][1]"), ("naming-script", "session['a']"),
                        ("naming-script", "session['c']"), ("naming-script", "session['d']")]
    told = [text for text in httpd.log.texts("several.wsgi") if "pickle hazard" in text]
    assert len(told) == 4


def test_where_it_was_pickled(httpd):
    went = run(httpd, "where", """
def save(anything):
    return watch(pickle.dumps, anything)

@tells
def application(query):
    session = {"a": Item()}
    return save(session)
""")
    hazard, = went["hazards"]
    script = httpd.folder / "scripts/where.wsgi"
    line = 1 + script.read_text().splitlines().index("    return save(session)")
    assert hazard["where"] == f"{script}:{line} in application"
    httpd.expect_log(rf"BRINE0501\| at {re.escape(str(script))}:{line} in application")


def test_where_it_was_pickled_by_a_library(httpd):
    went = run(httpd, "library", """
import shelve

@tells
def application(query):
    shelf = shelve.Shelf({})
    return watch(lambda: shelf.__setitem__("k", Item()))
""")
    hazard, = went["hazards"]
    assert hazard["where"].startswith(f"{httpd.folder}/scripts/library.wsgi:")


def test_the_report_as_json_and_as_text(httpd):
    went = run(httpd, "json", """
import json

@tells
def application(query):
    report = brine.pickle.inspect([Item(), 1, "two", function], name="cart")
    return {"same": json.loads(report.to_json()) == report.to_dict(), "report": report.to_dict(),
            "ids": report.ids, "text": str(report), "length": len(report), "true": bool(report),
            "clean": [bool(brine.pickle.inspect([1])), str(brine.pickle.inspect([1]))]}
""")
    assert went["same"] and went["true"] and went["length"] == 2
    assert went["ids"] == ["naming-script"]
    assert sorted(hazard["path"] for hazard in went["report"]["hazards"]) == ["cart[0]", "cart[3]"]
    assert went["text"].count("pickle hazard naming-script: cart[") == 2
    assert went["clean"] == [False, "no pickle hazard in 1 objects"]


# --- where it is told -----------------------------------------------------------------------------------

COUNTS = """
@tells
def application(query):
    went = attempt(pickle.dumps, {"a": Item(), "b": Item()})
    return [went, brine.pickle.counters().get("naming-script", 0)]
"""


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_a_hazard_is_logged_once_and_counted_each_time(httpd):
    counts = [run(httpd, "counted", COUNTS)[1] for _ in range(5)]
    assert counts == list(range(counts[0], counts[0] + 5))
    assert len(httpd.log.texts("pickle hazard naming-script: .*counted.wsgi")) == 1


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_a_hazard_that_pickle_does_not_refuse_is_logged_once_and_counted_each_time(httpd):
    counts = [run(httpd, "counted-main", """
import __main__
exec("class Item: pass", vars(__main__))

@tells
def application(query):
    return [attempt(pickle.dumps, [__main__.Item()]), brine.pickle.counters().get("naming-main", 0)]
""")[1] for _ in range(5)]
    assert counts == list(range(counts[0], counts[0] + 5))
    assert len(httpd.log.texts("pickle hazard naming-main: ")) == 1


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_an_edit_does_not_tell_it_again(httpd):
    for edit in ("", "# one\n", "# two\n"):
        run(httpd, "edited", COUNTS + edit)
    assert len(httpd.log.texts("pickle hazard naming-script: .*edited.wsgi")) == 1


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_the_counters_are_those_of_all_interpreters(start_httpd):
    server = start_httpd("WSGIApplicationGroup %{RESOURCE}\n" + CONFIG)
    assert [run(server, name, COUNTS)[1] for name in ("first", "second", "first")] == [0, 1, 2]  # before its own end
    server.expect_log("BRINE0501: pickle hazard naming-script", count=2)
    server.allow_log(r"BRINE0501\| ")


def note(httpd, name):
    """The note of the request that was sent with X-Test: NAME."""
    log = httpd.folder / "access.log"
    pattern = re.compile(rf"^{name} \[(.*)\]$", re.MULTILINE)
    return until(lambda: pattern.search(log.read_text()), "a line in the access log")[1]


def test_the_note_of_a_request(httpd):
    for name, dumps in {"note-none": "None", "note-one": "pickle.dumps, Item()",
                        "note-two": "pickle.dumps, [lambda: 0, Item(), Other()]",
                        "note-load": "pickle.loads, b'cjson\\nNoSuch\\n.'"}.items():
        run(httpd, name, f"""
@tells
def application(query):
    return attempt({dumps})
""", X_Test=name)
    assert note(httpd, "note-none") == "-"
    assert note(httpd, "note-one") == "naming-script"
    assert note(httpd, "note-two") == "naming-local,naming-script"
    assert note(httpd, "note-load") == "restore-no-attribute"


def test_the_note_has_what_all_dumps_of_a_request_have_found(httpd):
    code = """
@tells
def application(query):
    return [attempt(pickle.dumps, Item()), attempt(pickle.dumps, Item()), attempt(pickle.dumps, [1]),
            attempt(pickle.dumps, lambda: 0)]
"""
    for time in ("first", "again"):  # the log has been told, and each request has its note
        run(httpd, "notes", code, X_Test=time)
        assert note(httpd, time) == "naming-script,naming-local"


def test_the_note_is_the_requests_own(httpd):
    run(httpd, "notes", "@tells\ndef application(query): return attempt(pickle.dumps, 1)\n", X_Test="clean")
    assert note(httpd, "clean") == "-"


def test_the_vhosts_own_log(httpd):
    other = ErrorLog(httpd.folder / "other.log")
    run(httpd, "vhost", COUNTS, Host="other.example")
    other.expect("BRINE0501: pickle hazard naming-script: .*vhost.wsgi")
    assert not httpd.log.texts("BRINE0501")


def test_a_thread_of_the_application_tells_the_servers_log(httpd):
    run(httpd, "thread", """
def pickles():
    attempt(pickle.dumps, Item())

@tells
def application(query):
    thread = threading.Thread(target=pickles)
    thread.start()
    thread.join()
""", Host="other.example", X_Test="thread")
    httpd.expect_log("BRINE0501: pickle hazard naming-script: .*thread.wsgi")
    assert note(httpd, "thread") == "-"


def test_a_hazard_while_the_script_is_loaded(httpd):
    run(httpd, "loading", """
went = watch(pickle.dumps, Item())

@tells
def application(query):
    return went
""", X_Test="loading")
    httpd.expect_log("BRINE0501: pickle hazard naming-script: .*loading.wsgi .generation 1")
    assert note(httpd, "loading") == "naming-script"


# --- dumps that fail ------------------------------------------------------------------------------------

REFUSES = """
class Cart:
    def __init__(self):
        self.lock = threading.Lock()

class Lazy:
    asked = []
    def __getstate__(self):
        self.asked.append(1)
        return {}

class Another(pickle.Pickler):
    def persistent_id(self, obj):
        return "lock" if type(obj) is type(threading.Lock()) else None
"""


def test_what_refuses_is_logged_with_its_path(httpd):
    for _ in range(2):
        went = run(httpd, "refuses", REFUSES + """
@tells
def application(query):
    session = {"user": 1, "cart": threading.Lock(), "behind": Lazy()}
    return [attempt(pickle.dumps, session), Lazy.asked]
""", X_Test="refuses")
        assert went[0]["raised"] == "TypeError" and went[1] == []
    assert note(httpd, "refuses") == "refuses-pickle"
    told = until(lambda: httpd.log.texts("pickle hazard refuses-pickle"), "the finding in the error log")
    assert "session['cart'] is an instance of class _thread.lock: it guards threads" in told[0]


def test_a_request_that_goes_on_in_another_way_has_no_hazard(httpd):
    run(httpd, "goes-on", REFUSES + """
import io

@tells
def application(query):
    session = [threading.Lock()]
    try:
        return pickle.dumps(session).hex()
    except TypeError:
        Another(out := io.BytesIO()).dump(session)
        return out.getvalue().hex()
""", X_Test="goes-on")
    assert note(httpd, "goes-on") == "-"
    assert not [text for text in httpd.log.texts("goes-on.wsgi") if "BRINE0501" in text]


def test_a_load_that_fails_in_a_class_is_logged_and_counted(httpd):
    went = run(httpd, "fails", """
import sys, types
module = sys.modules["stored"] = types.ModuleType("stored")
exec("class Problem(Exception):\\n    def __init__(self, a, b):\\n        super().__init__(a)", module.__dict__)

@tells
def application(query):
    return attempt(pickle.loads, b"cstored\\nProblem\\n(I1\\ntR.")
""", X_Test="fails")
    assert went["raised"] == "TypeError"
    httpd.expect_log("BRINE0501: pickle hazard restore-fails: .*stored.Problem, which the pickle names at byte 0")
    assert note(httpd, "fails") == "restore-fails"


@pytest.mark.parametrize("policy", ["Report", "Enforce"])
def test_what_will_never_load_is_told_when_it_is_dumped(httpd, policy):
    httpd.write("scripts/never_loads.py", "class Problem(Exception):\n    def __init__(self, a, b):\n"
                "        super().__init__(a)\n")
    went = run(httpd, f"never-{policy}", """
import sys
sys.path.insert(0, __file__.rpartition("/")[0])
import never_loads

@tells
def application(query):
    answer = {"error": never_loads.Problem(1, 2)}
    return watch(pickle.dumps, answer)
""", X_Test=f"never-{policy}")
    assert went.get("raised") == ("UnsafePickleError" if policy == "Enforce" else None)
    assert note(httpd, f"never-{policy}") == "restore-signature"
    hazard, = went["hazards"]
    assert hazard["path"] == "answer['error']"
