"""WSGIPickleGuard: which policy holds where, and what each of them does to a program that pickles."""

import os

import pytest

from harness.deadline import until

CONFIG = """
WSGIPythonPath {apps}/pickling
WSGIPickleGuard Enforce
WSGIScriptAlias /policy {apps}/pickle_policy.wsgi
WSGIScriptAlias /enforce {apps}/pickle_enforce.wsgi
WSGIScriptAlias /s {dir}/scripts
<Location /policy/off>
  WSGIPickleGuard Off
</Location>
<Location /policy/report>
  WSGIPickleGuard Report
</Location>
<Location /policy/builtin>
  WSGIPickleGuard BuiltinOnly
</Location>
<Location /enforce>
  WSGIScriptModules Registered
</Location>
<Directory {dir}/scripts/off>
  WSGIPickleGuard Off
</Directory>
<Directory {dir}/scripts/strict>
  WSGIPickleGuard BuiltinOnly
  WSGIScriptModules Registered
</Directory>
<Directory {dir}/htdocs>
  AllowOverride All
</Directory>
CustomLog {dir}/access.log "%{X-Test}i [%{wsgi-pickle-hazards}n]"
<VirtualHost 127.0.0.1:{port}>
  ServerName main.example
</VirtualHost>
<VirtualHost 127.0.0.1:{port}>
  ServerName report.example
  WSGIPickleGuard Report
</VirtualHost>
"""
START = """
import pickle, brine.pickle
from attempts import attempt, tells, watch
class Item: pass
"""
ERRORS = {"Off": "PicklingError", "Report": "PicklingError", "Enforce": "UnsafePickleError",
          "BuiltinOnly": "UnsafePickleError"}


@pytest.fixture(autouse=True)
def noise(httpd):
    httpd.allow_log(r"BRINE0501[:|] ")


def policy(httpd, path, **headers):
    answer = httpd.get(path, **headers)
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


def run(httpd, name, code, way="s", **headers):
    httpd.write(f"scripts/{name}.wsgi", START + code)
    return policy(httpd, f"/{way}/{name}.wsgi", **headers)


# --- which policy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path, expected", [("/policy", "Enforce"), ("/policy/off", "Off"),
                                            ("/policy/report", "Report"),
                                            ("/policy/builtin", "BuiltinOnly")])
def test_the_policy_of_a_location(httpd, path, expected):
    facts = policy(httpd, path)
    assert facts["policy"] == expected
    assert facts["item"]["raised"] == ERRORS[expected]
    assert "value" in facts["value"]
    assert ("value" in facts["ordinary"]) == (expected != "BuiltinOnly")


def test_the_policy_of_a_virtual_host(httpd):
    assert policy(httpd, "/policy", Host="main.example")["policy"] == "Enforce"
    assert policy(httpd, "/policy", Host="report.example")["policy"] == "Report"
    assert policy(httpd, "/policy/off", Host="report.example")["policy"] == "Off"


def test_the_policy_of_a_directory(httpd):
    code = "@tells\ndef application(query): return brine.pickle.policy()\n"
    assert run(httpd, "here", code) == "Enforce"
    assert run(httpd, "off/there", code) == "Off"


def test_the_default_is_report(start_httpd):
    server = start_httpd("WSGIPythonPath {apps}/pickling\n"
                         "WSGIScriptAlias /policy {apps}/pickle_policy.wsgi\n")
    assert policy(server, "/policy")["policy"] == "Report"
    server.expect_log("BRINE0501: ")
    server.allow_log(r"BRINE0501\| ")


@pytest.mark.parametrize("path", ["/policy/off", "/policy/report", "/policy/builtin"])
def test_a_thread_of_the_application_has_the_main_servers_policy(httpd, path):
    facts = policy(httpd, f"{path}?thread=1", Host="report.example")
    assert facts["policy"] == "Enforce"
    assert facts["item"]["raised"] == "UnsafePickleError"


@pytest.mark.parametrize("way, expected", [("/policy/off", "Off"), ("/policy", "Enforce")])
def test_a_script_is_loaded_under_the_policy_of_the_request(start_httpd, way, expected):
    server = start_httpd(CONFIG)
    assert policy(server, f"{way}?load=1")["policy"] == expected
    server.allow_log(r"BRINE0501[:|] ")


def test_a_script_that_is_loaded_at_start_has_the_main_servers_policy(start_httpd):
    server = start_httpd("WSGIImportScript {apps}/pickle_policy.wsgi process-group={process_group} "
                         "application-group=%{GLOBAL}\n" + CONFIG)
    server.expect_log("BRINE0501: pickle hazard naming-script: .*pickle_policy.wsgi")
    server.allow_log(r"BRINE0501[:|] ")
    facts = policy(server, "/policy/off?load=1")
    assert (facts["policy"], facts["item"]["raised"]) == ("Enforce", "UnsafePickleError")


def test_the_policy_ends_with_the_request(httpd):
    with_one_connection = httpd.connect()
    try:
        for path, expected in (("/policy/off", "Off"), ("/policy", "Enforce"), ("/policy/report", "Report")):
            with_one_connection.request("GET", path)
            answer = with_one_connection.getresponse().read()
            assert f'"policy": "{expected}"'.encode() in answer
    finally:
        with_one_connection.close()


def test_while_a_body_is_generated(httpd):
    httpd.write("scripts/off/generated.wsgi", """
import brine.pickle

def application(environ, start_response):
    start_response("200 OK", [])
    yield brine.pickle.policy().encode() + b" "
    yield brine.pickle.policy().encode()
""")
    assert httpd.get("/s/off/generated.wsgi").text == "Off Off"


def test_what_the_application_says_does_not_change_a_requests_policy(httpd):
    assert run(httpd, "set", """
@tells
def application(query):
    before = brine.pickle.policy()
    brine.pickle.install("Off")
    return [before, brine.pickle.policy(), attempt(pickle.dumps, Item())["raised"]]
""") == ["Enforce", "Enforce", "UnsafePickleError"]
    run(httpd, "set", "brine.pickle.install('Enforce')\n@tells\ndef application(query): return 0\n")


# --- the directive --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["Off", "Report", "Enforce", "BuiltinOnly", "report", "BUILTINONLY"])
def test_the_directive_is_accepted_everywhere(configtest, value):
    line = f"WSGIPickleGuard {value}"
    places = "".join(f"<{place}>\n{line}\n</{place.split()[0]}>\n"
                     for place in ("Directory />", "Location />", "VirtualHost *>"))
    passed, said = configtest(f"{line}\n{places}".replace(">>", ">"))
    assert passed, said


@pytest.mark.parametrize("value", ["On", "Maybe", "Enforced", '""', ""])
def test_another_value_is_refused(configtest, value):
    passed, said = configtest(f"WSGIPickleGuard {value}")
    assert not passed
    assert "WSGIPickleGuard" in said and value.strip('"') in said


def test_htaccess_cannot_change_the_policy(httpd):
    httpd.write("htdocs/page.txt", "page\n")
    path = httpd.write("htdocs/.htaccess", "WSGIPickleGuard Off\n")
    try:
        assert httpd.get("/page.txt").status == 500
        httpd.expect_log("WSGIPickleGuard not allowed here")
    finally:
        os.unlink(path)


# --- Off ------------------------------------------------------------------------------------------------


def test_off_says_nothing(httpd):
    went = run(httpd, "off/silent", """
@tells
def application(query):
    before = brine.pickle.counters()
    went = [watch(pickle.dumps, Item()), watch(pickle.loads, b"cno_such\\nThing\\n."),
            watch(pickle.loads, b"cjson\\nNoSuch\\n.")]
    return {"went": went, "same": before == brine.pickle.counters()}
""")
    assert went["same"]
    assert [each["raised"] for each in went["went"]] == ["PicklingError", "ModuleNotFoundError",
                                                         "AttributeError"]
    assert all(each["hazards"] == [] and each["notes"] == [] for each in went["went"])
    assert "Brine" not in str(went)
    assert not httpd.log.texts("BRINE0501")


# --- Report ---------------------------------------------------------------------------------------------

def test_report_keeps_nothing_alive(httpd):
    assert run(httpd, "alive", """
import gc, weakref

@tells
def application(query):
    gc.disable()
    try:
        item = Item()
        gone = weakref.ref(item)
        attempt(pickle.dumps, item)
        del item
        return gone() is None
    finally:
        gc.enable()
""", Host="report.example")


def test_report_leaves_locals_alone(httpd):
    assert run(httpd, "locals", """
def pickles():
    item = Item()
    seen = locals()
    later = 1
    before = sorted(seen)
    try:
        pickle.dumps(item)
    except pickle.PicklingError:
        pass
    return before == sorted(seen)

@tells
def application(query):
    return pickles()
""", Host="report.example")


# --- Enforce --------------------------------------------------------------------------------------------

PASSED = ["plain", "big", "persistent_id", "persistent_id_of_the_root", "reducer_override", "dispatch_table",
          "dispatch_table_of_a_class", "copyreg", "twice", "buffers", "buffers_and_persistent_id",
          "buffers_and_reducer_override", "persistent_id_after_a_failure", "persistent_id_after_clear_memo",
          "fix_imports"]
REFUSED = ["pickler", "class", "function", "big", "big_last", "protocol_0", "protocol_2", "fast",
           "persistent_id", "reducer_override", "dispatch_table", "buffers", "dump_that_wraps",
           "after_a_failure"]


def test_enforce_refuses_in_every_function_and_writes_nothing(httpd):
    seen = policy(httpd, "/enforce?function=1")
    for name, went in seen["went"].items():
        assert went.get("raised") == "UnsafePickleError", name
        assert "PicklingError" in went["bases"]
        assert [hazard["id"] for hazard in went["report"]["hazards"]] == ["naming-script"], name
        assert went["text"].startswith("pickle hazard naming-script: ")
    assert (seen["written"], seen["called"]) == (0, 0)


@pytest.mark.parametrize("case", REFUSED)
def test_a_pickler_that_enforce_refuses_has_written_nothing(httpd, case):
    seen = policy(httpd, f"/enforce?expect=refused&case={case}")
    guarded = seen["guarded"]
    assert "value" in seen["plain"]
    assert guarded.get("raised") == "UnsafePickleError", guarded
    assert [hazard["id"] for hazard in guarded["report"]["hazards"]] == ["naming-script"]
    assert (guarded["written"], guarded["called"]) == ("", 0)


def test_a_second_dump_that_enforce_refuses_adds_nothing(httpd):
    seen = policy(httpd, "/enforce?expect=refused&case=second_dump")
    assert seen["guarded"]["raised"] == "UnsafePickleError"
    written = bytes.fromhex(seen["guarded"]["written"])
    assert written and bytes.fromhex(seen["plain"]["written"]).startswith(written)


@pytest.mark.parametrize("case", PASSED)
def test_a_pickler_that_keeps_the_hazard_out_passes(httpd, case):
    seen = policy(httpd, f"/enforce?expect=passed&case={case}")
    assert seen["guarded"] == seen["plain"]
    assert seen["guarded"]["written"]


def test_enforce_refuses_what_pickle_refuses_and_names_its_error(httpd):
    seen = run(httpd, "cause", """
@tells
def application(query):
    try:
        pickle.dumps([Item()])
    except brine.pickle.UnsafePickleError as error:
        return {"cause": type(error.__cause__).__name__, "report": error.report.to_dict()}
""")
    assert seen["cause"] == "PicklingError"
    assert seen["report"]["hazards"][0]["pickle_error"].startswith("PicklingError: ")


def test_enforce_leaves_errors_that_are_no_hazard_alone(httpd):
    assert run(httpd, "lock", """
import threading

@tells
def application(query):
    return [attempt(pickle.dumps, each)["raised"] for each in (threading.Lock(), (i for i in []))]
""") == ["TypeError", "TypeError"]


def test_a_refusal_is_logged_and_noted_too(httpd):
    code = "@tells\ndef application(query): return attempt(pickle.dumps, Item())\n"
    run(httpd, "logged", code, X_Test="refused")
    httpd.expect_log("BRINE0501: pickle hazard naming-script: .*logged.wsgi")
    access = httpd.folder / "access.log"
    until(lambda: "refused [naming-script]" in access.read_text(), "the note in the access log")


def test_a_refusal_that_nobody_catches_is_an_error_of_the_application(httpd):
    httpd.write("scripts/uncaught.wsgi", START + """
@tells
def application(query):
    return pickle.dumps(Item())
""")
    assert httpd.get("/s/uncaught.wsgi").status == 500
    httpd.expect_log("BRINE0401: ")
    httpd.expect_log(r"BRINE0401\| .*UnsafePickleError: pickle hazard naming-script: ")
    httpd.allow_log(r"BRINE0401\| ")


# --- BuiltinOnly ----------------------------------------------------------------------------------------

BUILTIN = """
import collections, io
values = [None, True, 1, 2 ** 80, 1.5, 2j, "t", b"", b"b", bytearray(b"x"), (), (1,), [2], {"k": (3,)}, {4},
          set(), frozenset("ab"), frozenset()]
holder = []
ring = [values, {"values": values}]
ring.append(ring)

class Number(int): pass
class Lies:
    def __reduce_ex__(self, protocol): return range, (1,)
class Liar(Lies):
    __class__ = property(lambda self: type)
class FalseDict(Lies):
    __class__ = property(lambda self: dict)
class Raises(Lies):
    __class__ = property(lambda self: 1 / 0)
class Turns:
    "Is a range when it is pickled, and gone when it is looked for."
    def __reduce_ex__(self, protocol):
        holder[0] = 1
        return range, (1,)
class Meta(type): pass
class Made(metaclass=Meta): pass

OTHERS = {"subclass": Number(1), "range": range(3), "ordered": collections.OrderedDict(), "class": int,
          "function": len, "ellipsis": ..., "own": Item(), "own-class": Item, "exception": ValueError(1),
          "liar": Liar(), "false-dict": FalseDict(), "raises": Raises(), "metaclass": Made, "made": Made(),
          "lambda": lambda: 0,
          "key": {Number(1): 1}, "in-set": {Number(2)}, "error-class": ValueError}

@tells
def application(query):
    passed = [attempt(pickle.dumps, ring, protocol) for protocol in range(6)]
    refused = {}
    for name, other in OTHERS.items():
        for protocol in range(6):
            file = io.BytesIO()
            went = [attempt(pickle.dumps, [other], protocol), attempt(pickle.dump, [other], file, protocol),
                    attempt(pickle.Pickler(file, protocol).dump, [other])]
            refused[f"{name} {protocol}"] = [each.get("raised") for each in went] + [len(file.getvalue())]
    holder[:] = [Turns()]
    return {"passed": passed, "refused": refused, "turned": attempt(pickle.dumps, holder)}
"""


def test_builtin_only_lets_values_pass_and_nothing_else(httpd):
    seen = run(httpd, "strict/values", BUILTIN)
    assert all("value" in went for went in seen["passed"]), seen["passed"]
    wrong = {name: went for name, went in seen["refused"].items() if went != ["UnsafePickleError"] * 3 + [0]}
    assert wrong == {}
    assert seen["turned"].get("raised") == "UnsafePickleError"
