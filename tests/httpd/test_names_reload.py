"""Scripts by their names while they are reloaded, from many threads, by pickle, and where they are not found."""

import base64
import fcntl
import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.client import TIMEOUT
from harness.deadline import until

CONFIG = """
WSGIPythonPath {apps}/single_file
WSGIScriptAlias /s {dir}/scripts
WSGIScriptAlias /registered {dir}/scripts
WSGIScriptAlias /off {dir}/scripts
WSGIScriptAlias /global {dir}/scripts application-group=%{GLOBAL}
<Location /registered>
  WSGIScriptModules Registered
  WSGIApplicationGroup registered
</Location>
WSGIScriptAlias /literal /tmp/Brine-Literal/Shop.wsgi
<Location /literal>
  WSGIScriptModules Registered
  WSGIApplicationGroup literal
</Location>
<Location /off>
  WSGIPickleGuard Off
</Location>
"""
in_place = pytest.mark.modes("embedded")

ANSWERS = """
import builtins, dataclasses, gc, importlib, inspect, json, pickle, sys, threading, time, typing, weakref

def application(environ, start_response):
    answer = answer_of(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
"""


@pytest.fixture(autouse=True)
def noise(httpd):
    httpd.allow_log(r"BRINE0501[:|] ")


@pytest.fixture
def one_process(variant):
    if not variant.one_process:
        pytest.skip("the state lives in one process")


def run(httpd, name, code, query="", way="s"):
    httpd.write(f"scripts/{name}.wsgi", ANSWERS + code)
    return ask(httpd, name, query, way)


def ask(httpd, name, query="", way="s"):
    answer = httpd.get(f"/{way}/{name}.wsgi?{query}")
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


# --- reloads --------------------------------------------------------------------------------------

LOOKS = """
import importlib, inspect, os, pickle, sys, time
VALUE = {value!r}
FOLDER = {folder!r}

class Item:
    pass

def wait_for(name):
    while not os.path.exists(f"{{FOLDER}}/{{name}}"):
        time.sleep(0.005)

def looks():
    exec(f"from {{__name__}} import VALUE as seen", seen := {{}})
    yield importlib.import_module(__name__).VALUE
    yield __import__(__name__).VALUE
    yield seen["seen"]
    yield sys.modules[__name__].VALUE
    yield inspect.getmodule(looks).VALUE

def application(environ, start_response):
    start_response("200 OK", [])
    if environ["QUERY_STRING"] == "wait":
        yield b"started "
        wait_for("asked")
    yield " ".join(looks()).encode()
"""


@in_place
@pytest.mark.parametrize("fails", [False, True])
def test_a_request_in_flight_finds_what_serves_while_a_script_is_reloaded(httpd, variant, one_process, fails):
    folder = httpd.folder / "writable"
    for name in ("asked", "loading", "load"):
        (folder / name).unlink(missing_ok=True)
    path = f"flight{fails}"
    old = LOOKS.format(value="old", folder=str(folder))
    httpd.write(f"scripts/{path}.wsgi", old)
    with httpd.raw() as flight, httpd.raw() as reload:
        flight.send(f"GET /s/{path}.wsgi?wait HTTP/1.0\r\n\r\n".encode())
        flight.read_until(b"started ")
        slow = LOOKS.replace("VALUE = ", 'VALUE = "half"\nopen({folder!r} + "/loading", "w")\n', 1)
        end = "raise ValueError" if fails else "SEEN = list(looks())\nVALUE = 'new'"
        code = slow.format(value="half", folder=str(folder)) + f"\nwait_for('load')\n{end}\n"
        httpd.write(f"scripts/{path}.wsgi", code)
        reload.send(f"GET /s/{path}.wsgi HTTP/1.0\r\n\r\n".encode())
        until(lambda: (folder / "loading").exists(), "the new version is being loaded")
        (folder / "asked").write_text("")
        assert flight.read_to_end() == b"old old old old old"
        (folder / "load").write_text("")
        serving = b"old" if fails else b"new"
        assert reload.read_to_end().endswith(b" ".join([serving] * 5))
    assert httpd.get(f"/s/{path}.wsgi").body == b" ".join([serving] * 5)
    if fails:
        httpd.expect_log("BRINE0306")


@in_place
def test_code_of_an_old_generation_finds_what_serves(httpd, variant, one_process):
    code = "builtins.old_one = getattr(builtins, 'old_one', None) or (lambda: importlib.import_module(__name__).VALUE)\n" \
           "def answer_of(query): return builtins.old_one()\n"
    assert run(httpd, "old", "VALUE = 1\n" + code) == 1
    assert run(httpd, "old", "VALUE = 2\n" + code) == 2
    httpd.allow_log("BRINE0307")


@in_place
def test_nothing_keeps_a_generation_that_was_imported(httpd, variant, one_process):
    """Its module, its classes and its globals go when it has been replaced, whatever has looked it up."""
    code = """
class Item:
    part: "Item" = None

references = builtins.__dict__.setdefault("names_references", [])
references.append(weakref.ref(Item))

def answer_of(query):
    module = importlib.import_module(__name__)
    sys.modules[__name__], inspect.getmodule(Item), typing.get_type_hints(Item), inspect.getfile(Item)
    @dataclasses.dataclass
    class Point:
        item: "Item"
    importlib.util.find_spec(__name__)
    gc.collect()
    return [module.Item is Item, sum(each() is not None for each in references)]
"""
    for number in range(4):
        assert run(httpd, "dies", f"import importlib.util\nNUMBER = {number}\n" + code)[0]
    until(lambda: ask(httpd, "dies") == [True, 1], "the old generations are gone")


def test_many_threads_import_at_once(httpd):
    found = run(httpd, "threads", """
def answer_of(query):
    found, start = [], threading.Barrier(8)
    def work():
        start.wait()
        for _ in range(300):
            module = importlib.import_module(__name__)
            found.append(module.__dict__ is globals() and __import__(__name__) is module)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    sys.setswitchinterval(switch)
    return [len(found), all(found), __name__ in sys.modules]
""")
    assert found == [2400, True, False]


@in_place
def test_threads_import_while_the_script_is_reloaded(httpd, variant, one_process):
    """Each gets a whole generation, whichever serves."""
    httpd.allow_log("BRINE0307")  # a thread may still be in a function of a generation that it has imported
    code = """
FIRST = {number}

def answer_of(query):
    seen, end = set(), time.monotonic() + 0.3
    while not seen or time.monotonic() < end:
        seen.add(importlib.import_module(__name__).is_whole())
    return sorted(seen)

def is_whole():
    return FIRST == LAST

PADDING = [number for number in range(20000)]
LAST = {number}
"""
    assert run(httpd, "busy", code.format(number=0)) == [True]
    with ThreadPoolExecutor(4) as clients:
        answers = [clients.submit(ask, httpd, "busy") for _ in range(4)]
        for number in range(1, 20):
            httpd.write("scripts/busy.wsgi", ANSWERS + code.format(number=number).replace("+ 0.3", "+ 0.0"))
            ask(httpd, "busy")
        assert [answer.result(TIMEOUT) for answer in answers] == [[True]] * 4


# --- pickle ---------------------------------------------------------------------------------------

STRICT = """
import _pickle, io

class Item:
    pass

def outcome(call):
    try:
        call()
        return "done"
    except BaseException as error:
        return type(error).__name__

def answer_of(query):
    data = f"c{__name__}\\nItem\\n.".encode()
    importlib.import_module(__name__)
    return [outcome(call) for call in (
        lambda: pickle.dumps(Item()), lambda: _pickle.dumps(Item), lambda: pickle._dumps(Item()),
        lambda: pickle.loads(data), lambda: pickle.load(io.BytesIO(data)), lambda: pickle.Unpickler(io.BytesIO(data)).load())]
"""


@pytest.mark.parametrize("way", ["s", "off"])
def test_pickle_finds_no_script_though_an_import_does(httpd, way):
    assert run(httpd, f"strict{way}", STRICT, way=way) == ["PicklingError"] * 3 + ["ImportError"] * 3


def test_pickle_finds_no_script_while_libraries_look_at_it(httpd):
    """What they see is no part of sys.modules: not for a moment, and in no thread."""
    found = run(httpd, "moment", """
class Item:
    part: "Item" = None

def answer_of(query):
    going, seen = [True], set()
    def look():
        while going:
            typing.get_type_hints(Item), inspect.getmodule(Item), inspect.getfile(Item)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads: thread.start()
    for _ in range(300):
        try:
            seen.add(len(pickle.dumps(Item())) > 0)
        except pickle.PicklingError:
            seen.add("refused")
    going.clear()
    for thread in threads: thread.join()
    sys.setswitchinterval(switch)
    return list(seen)
""")
    assert found == ["refused"]


def test_an_exception_of_the_application_s_own_is_left_alone(httpd):
    assert run(httpd, "own", """
class Item:
    def __setstate__(self, state):
        raise KeyError(__name__)

def answer_of(query):
    data = b"c" + __name__.encode() + b"\\nItem\\n)\\x81}b."
    try:
        pickle.loads(b"\\x80\\x02" + data)
    except Exception as error:
        return [type(error).__name__, error.args == (__name__,)]
""", way="registered") == ["KeyError", True]


#: {"item": Item("cup"), "line": Cart.Line(count=2), "total": total}, pickled by mod_wsgi 4.9.4 under Python 3.11
#: in /srv/shop/shop.wsgi: protocol -> the bytes.
OF_MOD_WSGI = {
    0: (
        "KGRwMApWaXRlbQpwMQpjY29weV9yZWcKX3JlY29uc3RydWN0b3IKcDIKKGNfbW9kX3dzZ2lfZjg5YmNiNDM4YjNlZWM5ZGJjNjVi"
        "YWZhYzM4YWRiNjAKSXRlbQpwMwpjX19idWlsdGluX18Kb2JqZWN0CnA0Ck50cDUKUnA2CihkcDcKVm5hbWUKcDgKVmN1cApwOQpz"
        "YnNWbGluZQpwMTAKZzIKKGNfX2J1aWx0aW5fXwpnZXRhdHRyCnAxMQooY19tb2Rfd3NnaV9mODliY2I0MzhiM2VlYzlkYmM2NWJh"
        "ZmFjMzhhZGI2MApDYXJ0CnAxMgpWTGluZQpwMTMKdHAxNApScDE1CmNfX2J1aWx0aW5fXwpkaWN0CnAxNgooZHAxNwpWY291bnQK"
        "cDE4CkkyCnN0cDE5ClJwMjAKKGRwMjEKZzEKZzIKKGczCmc0Ck50cDIyClJwMjMKKGRwMjQKZzgKVnRlYQpwMjUKc2JzYnNWdG90"
        "YWwKcDI2CmNfbW9kX3dzZ2lfZjg5YmNiNDM4YjNlZWM5ZGJjNjViYWZhYzM4YWRiNjAKdG90YWwKcDI3CnMu"),
    2: (
        "gAJ9cQAoWAQAAABpdGVtcQFjX21vZF93c2dpX2Y4OWJjYjQzOGIzZWVjOWRiYzY1YmFmYWMzOGFkYjYwCkl0ZW0KcQIpgXEDfXEE"
        "WAQAAABuYW1lcQVYAwAAAGN1cHEGc2JYBAAAAGxpbmVxB2NfX2J1aWx0aW5fXwpnZXRhdHRyCnEIY19tb2Rfd3NnaV9mODliY2I0"
        "MzhiM2VlYzlkYmM2NWJhZmFjMzhhZGI2MApDYXJ0CnEJWAQAAABMaW5lcQqGcQtScQwpgXENWAUAAABjb3VudHEOSwJzfXEPaAFo"
        "AimBcRB9cRFoBVgDAAAAdGVhcRJzYnNiWAUAAAB0b3RhbHETY19tb2Rfd3NnaV9mODliY2I0MzhiM2VlYzlkYmM2NWJhZmFjMzhh"
        "ZGI2MAp0b3RhbApxFHUu"),
    4: (
        "gASVoAAAAAAAAAB9lCiMBGl0ZW2UjCpfbW9kX3dzZ2lfZjg5YmNiNDM4YjNlZWM5ZGJjNjViYWZhYzM4YWRiNjCUjARJdGVtlJOU"
        "KYGUfZSMBG5hbWWUjANjdXCUc2KMBGxpbmWUaAKMCUNhcnQuTGluZZSTlCmBlIwFY291bnSUSwJzfZRoAWgEKYGUfZRoB4wDdGVh"
        "lHNic2KMBXRvdGFslGgCaBKTlHUu"),
}
SHOP = """
class Item:
    def __init__(self, name):
        self.name = name

class Cart:
    class Line(dict):
        pass

def total(lines):
    return sum(lines)

def answer_of(query):
    value = pickle.loads(bytes.fromhex(query))
    line = value["line"]
    return [type(value["item"]) is Item, value["item"].name, type(line) is Cart.Line, line, line.item.name,
            value["total"] is total]
"""


@pytest.mark.parametrize("protocol", OF_MOD_WSGI)
def test_a_pickle_of_mod_wsgi_s_loads(httpd, protocol):
    data = base64.b64decode(OF_MOD_WSGI[protocol])
    name = hashlib.md5(b"/srv/shop/shop.wsgi").hexdigest().encode()
    assert b"_mod_wsgi_" + name in data
    here = hashlib.md5(str(httpd.folder / "scripts/shop.wsgi").encode()).hexdigest().encode()
    loaded = run(httpd, "shop", SHOP, data.replace(name, here).hex(), "registered")
    assert loaded == [True, "cup", True, {"count": 2}, "tea", True]


#: What mod_wsgi 4.9.4 calls the script /tmp/Brine-Literal/Shop.wsgi, unless WSGICaseSensitivity is Off.
CALLED_BY_MOD_WSGI = "_mod_wsgi_8b9c6a2eec9408abc1567de45e27831d"


@pytest.fixture
def literal_script():
    """The script that is called so, which other runs of the tests have at the same place: one after another."""
    folder = Path("/tmp/Brine-Literal")
    with open("/tmp/Brine-Literal.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_literal_script(folder)
        yield
        shutil.rmtree(folder, ignore_errors=True)


def write_literal_script(folder):
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / "Shop.wsgi").write_text(ANSWERS + """
class Item:
    pass

DATA = b"c" + {name}.encode() + b"\\nItem\\n)\\x81."
WHILE_LOADING = pickle.loads(b"\\x80\\x02" + DATA)

def answer_of(query):
    return [type(WHILE_LOADING) is Item, type(pickle.loads(b"\\x80\\x02" + DATA)) is Item,
            sys.modules[{name}] is sys.modules[__name__]]
""".replace("{name}", repr(CALLED_BY_MOD_WSGI)))
    (folder / "Shop.wsgi").chmod(0o644)


@pytest.mark.usefixtures("literal_script")
def test_a_pickle_of_mod_wsgi_s_loads_in_a_path_with_capitals(httpd):
    """It takes the MD5 of the path in lower case."""
    answer = httpd.get("/literal")
    assert (answer.status, answer.json()) == (200, [True, True, True])


CAPITALS = """
WHO = {who!r}

def answer_of(query):
    import os
    found = os.sys.modules.get("LOWER")
    return [found and found.WHO, __name__ == "LOWER"]
"""


@in_place
def test_whose_name_that_of_a_path_in_lower_case_is(httpd, variant, one_process):
    """That of the script that is called so; else of the first that is loaded, its serving generation, if it is registered."""
    lower = "_mod_wsgi_" + hashlib.md5(str(httpd.folder / "scripts/case.wsgi").encode()).hexdigest()

    def load(name, who, way="registered", end=""):
        return run(httpd, name, CAPITALS.format(who=who).replace("LOWER", lower) + end, way=way)

    assert load("CASE", "anonymous", "s") == [None, False]
    assert load("CASE", "CASE") == ["CASE", False]
    assert load("CASE", "again") == ["again", False]
    assert load("CASE", "fails", end="raise ValueError") == ["again", False]
    httpd.expect_log("BRINE0306")
    assert load("Case", "Case") == ["again", False]
    assert load("case", "case") == ["case", True]
    assert load("CASE", "late") == ["case", False]


@pytest.mark.parametrize("way, words", [
    ("s", "does not stay in sys.modules: no process can load the pickle, neither this one nor another"),
    ("registered", "is in sys.modules .WSGIScriptModules Registered. of the server's processes that have loaded the script"),
])
def test_what_the_log_says_of_a_script_s_class(httpd, way, words):
    run(httpd, f"says_{way}", """
class Item:
    pass

def answer_of(query):
    try:
        return pickle.loads(pickle.dumps(Item())).__class__ is Item
    except pickle.PicklingError:
        return False
""", way=way)
    httpd.expect_log(f"BRINE0501: pickle hazard naming-script: .*/says_{way}.wsgi .*{words}")


# --- what is not found ----------------------------------------------------------------------------

LOOKS_UP = """
import lookups_of_a_library as library, multiprocessing
class Item:
    pass

def work(number):
    return number

def mapped():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map(work, [1])

def unpickled():
    import _pickle
    return _pickle.loads(f"c{__name__}\\nItem\\n.".encode())

def by_another_way():
    return importlib.import_module("sys").modules[__name__]

def answer_of(query):
    return str(eval(query.replace("%20", " ")))
"""


@pytest.mark.parametrize("call, place", [
    ("library.by_key(Item)", "lookups_of_a_library.py:7 in by_key"),
    ("library.by_name(__name__)", "lookups_of_a_library.py:10 in by_name"),
    ("library.by_get(Item)", "lookups_of_a_library.py:13 in by_get"),
    ("library.import_and_take(__name__)", "lookups_of_a_library.py:17 in import_and_take"),
    ("library.checked(Item)", "lookups_of_a_library.py:21 in checked"),
    ("library.wrapped(Item)", "lookups_of_a_library.py:7 in by_key"),
    ("library.said(__name__)", "lookups_of_a_library.py:34 in said"),
    ("library.constructed(Item)", "lookups_of_a_library.py:42 in constructed"),
    ("library.variables(__name__)", "lookups_of_a_library.py:45 in variables"),
    ("library.key_with_words(__name__)", "lookups_of_a_library.py:49 in key_with_words"),
    ("by_another_way()", r"finds.wsgi:\d+ in by_another_way"),
    ("unpickled()", r"finds.wsgi:\d+ in unpickled"),
    ("pickle.dumps(Item())", "<string>:1 in <module>"),
])
def test_what_is_said_of_a_name_that_is_not_found(httpd, call, place):
    httpd.write("scripts/finds.wsgi", ANSWERS + LOOKS_UP)
    assert httpd.get(f"/s/finds.wsgi?{call}").status == 500
    httpd.expect_log("BRINE0401")
    httpd.expect_log(rf"BRINE0309: .*{place}.* looked for the module _mod_wsgi_\w+ in sys.modules, where that of WSGI script "
                     r"'.*/finds.wsgi' does not stay: set WSGIScriptModules Registered for this script, or move ")
    assert httpd.get(f"/registered/finds.wsgi?{call}").status == 200


@pytest.mark.modes("daemon")
def test_what_is_said_of_a_pool_that_maps_a_script_s_function(httpd):
    """That pickles the function: see the article."""
    httpd.write("scripts/maps.wsgi", ANSWERS + LOOKS_UP)
    assert httpd.get("/global/maps.wsgi?mapped()").status == 500
    httpd.expect_log("BRINE0401")
    httpd.expect_log(r"BRINE0309: .*reduction.py:\d+ in dumps looked for .*/maps.wsgi' does not stay: set WSGIScriptModules Registered")


@pytest.mark.parametrize("call", ["library.own_table(Item)", "Item.nothing", "None.nothing", "importlib.import_module(__name__).nothing",
                                  "{}['x']", "library.repr_of_an_object(Item)", "library.key_of_an_object(Item)",
                                  "library.key_of_its_own(__name__)", "library.not_defined(__name__)",
                                  "getattr(importlib.import_module(__name__),'nothing')",
                                  "__import__('pydoc').nothing(__name__)", "importlib.import_module(__name__%2B'.nothing')"])
def test_what_is_said_of_other_exceptions(httpd, call):
    httpd.write("scripts/finds.wsgi", ANSWERS + LOOKS_UP.replace('"%20", " "', '"%2B", "+"'))
    assert httpd.get(f"/s/finds.wsgi?{call}").status == 500
    httpd.expect_log("BRINE0401")


def test_what_is_said_while_a_script_is_loaded(httpd):
    httpd.write("scripts/loads.wsgi", ANSWERS + """
def answer_of(query): return 1
""")
    name = ask(httpd, "loads")
    path = httpd.folder / "scripts/loads.wsgi"
    name = "_mod_wsgi_" + hashlib.md5(str(path).encode()).hexdigest()
    httpd.write("scripts/other.wsgi", ANSWERS + f"import lookups_of_a_library\nlookups_of_a_library.by_name({name!r})\n")
    for _ in range(10):  # the process that has loaded the one may not be that which loads the other
        ask(httpd, "loads")
    assert httpd.get("/s/other.wsgi").status == 500
    httpd.expect_log("BRINE0301")
    httpd.allow_log("BRINE0309: .*lookups_of_a_library.py:10 in by_name looked for .*/loads.wsgi")
