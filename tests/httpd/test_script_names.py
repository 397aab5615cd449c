"""WSGIScriptName: what is pickled from a script that has a name is loaded by whichever version of it serves, anywhere."""

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import until
from harness.server import environment

pytestmark = pytest.mark.modes("embedded")  # the tests name the places themselves

SHOP = """
import json, os, pickle, brine.pickle
from pathlib import Path
from urllib.parse import parse_qs

@brine.pickle.stable(schema={schema})
class Item:
    version = {version}
    def __init__(self, name):
        self.name = name
    @staticmethod
    def made():
        function()
    class Inner:
        pass
    @brine.pickle.stable
    class Shelf:
        called = Path
        def __init__(self, name):
            self.name = name
        @classmethod
        def made(cls):
            function()
{more}

class Unmarked:
    def __init__(self, name): self.name = name

def function():
    (Path(__file__).parents[1] / "writable/called").touch()

def store(query):
    made = pickle.dumps(KEPT if "kept" in query else {{"item": Item, "shelf": Item.Shelf, "unmarked": Unmarked}}[query.get("what", "item")]("pen"))
    Path(query["file"]).write_bytes(made)
    return "stored"

def load(query):
    loaded = pickle.loads(Path(query["file"]).read_bytes())
    return [isinstance(loaded, Item), type(loaded).version, vars(loaded)]

def wait(query):
    import time
    file, deadline = Path(query["file"]), time.monotonic() + 60
    file.with_name("waiting").touch()
    while not file.with_name("go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    missed = brine.pickle.loads(file.read_bytes(), default="a miss")
    file.with_name("old.pickle").write_bytes(pickle.dumps(Item("old")))
    return [Item.version, missed]

def keep(query):
    import threading
    threading.kept = Item("kept")
    return "kept"

def store_kept(query):
    import threading
    Path(query["file"]).write_bytes(pickle.dumps(threading.kept))
    return [type(threading.kept) is Item, type(threading.kept).version]

def application(environ, start_response):
    query = {{name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}}
    try:
        result = globals()[environ["PATH_INFO"].strip("/")](query)
    except Exception as error:
        result = {{"raised": type(error).__name__, "text": str(error), "notes": list(getattr(error, "__notes__", ()))}}
    start_response("200 OK", [("X-Pid", str(os.getpid()))])
    return [json.dumps(result).encode()]
"""
MIGRATES = """
    @staticmethod
    def __brine_migrate__(state, schema):
        return {"name": state["name"].upper(), "from": schema}
"""


def shop(version=1, schema=1, more=""):
    return SHOP.format(version=version, schema=schema, more=more)


GROUP = "WSGIDaemonProcess {name} threads=4\n"
READERS = """
WSGIScriptAlias /other {apps}/reads_pickles.wsgi process-group=other application-group=%{GLOBAL}
WSGIScriptAlias /embedded {apps}/reads_pickles.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}
WSGIScriptAlias /sub {apps}/reads_pickles.wsgi process-group=%{GLOBAL} application-group=sub
"""
EMBEDDED = "WSGIScriptAlias /shop {dir}/scripts/shop.wsgi name=shop_wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}\n"
DAEMON = """WSGIDaemonProcess web threads=4
WSGIDaemonProcess other threads=4
WSGIScriptName shop_wsgi {dir}/scripts/shop.wsgi
WSGIScriptAlias /shop {dir}/scripts/shop.wsgi process-group=web application-group=%{GLOBAL}
"""


class Site:
    """A server with the shop, and a file in which its objects are stored."""

    def __init__(self, server):
        self.server = server
        self.file = server.folder / "writable" / "item.pickle"

    def ask(self, path, **more):
        query = "&".join(f"{name}={value}" for name, value in {"file": self.file, **more}.items())
        answer = self.server.get(f"/{path}?{query}")
        assert answer.status == 200, self.server.log.tail()
        return answer.json()

    def change(self, version, **more):
        """Another version of the script, which serves when this returns."""
        self.server.write("scripts/shop.wsgi", shop(version, **more))
        self.ask("shop/keep")


@pytest.fixture
def site(start_httpd):
    def start(config, script=None):
        return Site(start_httpd(config, files={"scripts/shop.wsgi": script or shop(), "lib/other.py": ""}))
    return start


# --- generations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [EMBEDDED, DAEMON], ids=["embedded", "daemon"])
def test_an_object_outlives_reloads(site, place):
    site = site(place)
    assert site.ask("shop/store") == "stored"
    assert site.ask("shop/load") == [True, 1, {"name": "pen"}]
    site.change(2)
    assert site.ask("shop/load") == [True, 2, {"name": "pen"}]
    site.change(3, schema=2, more=MIGRATES)
    assert site.ask("shop/load") == [True, 3, {"name": "PEN", "from": 1}]
    assert site.ask("shop/store") == "stored"
    assert site.ask("shop/load") == [True, 3, {"name": "pen"}]


def test_an_object_of_an_old_generation_is_written_as_what_it_is(site):
    site = site(EMBEDDED)
    site.ask("shop/keep")
    site.server.write("scripts/shop.wsgi", shop(2, schema=2, more=MIGRATES))
    assert site.ask("shop/store_kept") == [False, 1]
    assert site.ask("shop/load") == [True, 2, {"name": "KEPT", "from": 1}]


def test_another_schema_is_never_mixed_in(site):
    site = site(EMBEDDED + READERS.replace("other", "%{GLOBAL}"), shop(1, schema=2))
    site.ask("shop/store")
    site.change(2, schema=3)
    older = site.ask("shop/load")
    assert older["raised"] == "SchemaError" and "__brine_migrate__(state, schema)" in older["text"]
    assert "schema 2" in older["text"] and "schema 3 here" in older["text"]
    site.change(3, schema=1)
    newer = site.ask("shop/load")
    assert newer["raised"] == "SchemaError" and "newer code" in newer["text"]
    assert site.ask("embedded", default=1) == "a miss"
    site.server.expect_log("BRINE0501: pickle hazard restore-schema: the pickle holds an object of shop_wsgi.Item")


def test_a_process_that_only_loads_meets_newer_code(site):
    """No request for the script reaches httpd's own processes here."""
    site = site(DAEMON + READERS)
    site.ask("shop/store")
    assert site.ask("embedded")["version"] == 1
    site.server.write("scripts/shop.wsgi", shop(2, schema=2, more=MIGRATES))
    until(lambda: site.ask("shop/load")[1] == 2, "the new code serves")
    site.ask("shop/store")
    first, then = site.ask("embedded"), site.ask("embedded")
    assert first["raised"] == "SchemaError" and "newer code" in first["text"]
    site.server.expect_log("BRINE0501: pickle hazard restore-schema: the pickle holds an object of shop_wsgi.Item")
    assert then == {"class": "shop_wsgi.Item", "state": {"name": "pen"}, "version": 2}
    assert site.ask("other")["version"] == 2


# --- places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["other", "embedded", "sub"])
def test_another_process_loads_the_script_by_its_name(site, reader):
    """None of these serves the script: the pickle has them load it."""
    site = site(DAEMON + READERS)
    site.ask("shop/store")
    for _ in range(2):
        assert site.ask(reader) == {"class": "shop_wsgi.Item", "state": {"name": "pen"}, "version": 1}


def plain_environment(site, table):
    """Of a Python without httpd, whose guard is of the build under test."""
    return {**os.environ, **environment(site.server.workspace.build), "BRINE_SCRIPTS": str(table)}


def test_a_plain_python_with_the_table(site):
    site = site(DAEMON)
    site.ask("shop/store")
    table = site.server.write("scripts.table", f"# names\n\nshop_wsgi   {site.server.folder}/scripts/shop.wsgi\n")
    code = """
import pickle, sys, brine.scripts
loaded = pickle.loads(open(sys.argv[1], "rb").read())
print(type(loaded).__module__, vars(loaded), brine.scripts.load("shop_wsgi").__file__ == brine.scripts.names()["shop_wsgi"])
"""
    run = subprocess.run(["/usr/bin/python3", "-c", code, site.file], env=plain_environment(site, table),
                         capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("shop_wsgi {'name': 'pen'} True\n", "")


def test_a_script_that_moves_to_another_folder(site):
    site = site(EMBEDDED)
    site.ask("shop/store")
    site.server.write("elsewhere/cart.py", shop(7))
    site.server.reload(EMBEDDED.replace("scripts/shop.wsgi", "elsewhere/cart.py"))
    until(lambda: site.ask("shop/load") == [True, 7, {"name": "pen"}], "the new place serves")


def test_a_script_that_becomes_a_module(site):
    """The way out: the file becomes a module of that name, and the script imports from it."""
    site = site(EMBEDDED)
    site.ask("shop/store")
    site.server.write("lib/shop_wsgi.py", shop(8))
    site.server.write("scripts/shop.wsgi", "from shop_wsgi import application")
    site.server.reload("WSGIPythonPath {dir}/lib\n" + EMBEDDED.replace("name=shop_wsgi ", ""))
    until(lambda: site.ask("shop/load") == [True, 8, {"name": "pen"}], "the module serves")


WORKER = """
import json, pickle, sys, time, {imports}
from pathlib import Path

FOLDER = Path({folder!r})
while True:
    for job in FOLDER.glob("*.job"):
        loaded = pickle.loads(job.read_bytes())
        job.unlink()
        FOLDER.joinpath("done.new").write_text(json.dumps([type(loaded).__module__, vars(loaded), type(loaded).version]))
        FOLDER.joinpath("done.new").rename(FOLDER / "done.json")
    time.sleep(0.02)
"""


def test_a_service_that_works_off_a_queue(site):
    """A group with threads=0: the script that the pickle names is executed there as what is imported is."""
    site = site(DAEMON)
    folder = site.server.folder / "writable"
    site.server.write("worker.py", WORKER.format(folder=str(folder), imports="os"))
    site.server.reload(DAEMON + "WSGIDaemonProcess worker threads=0\n"
                       "WSGIImportScript {dir}/worker.py process-group=worker application-group=%{GLOBAL}\n")
    site.ask("shop/store")
    site.file.rename(site.file.with_name("1.job"))
    until(lambda: (folder / "done.json").exists(), "the worker has done its job")
    assert json.loads((folder / "done.json").read_text()) == ["shop_wsgi", {"name": "pen"}, 1]


def test_a_queues_worker_without_the_server(site):
    site = site(DAEMON)
    folder = site.server.folder / "writable"
    table = site.server.write("scripts.table", f"shop_wsgi {site.server.folder}/scripts/shop.wsgi\n")
    worker = subprocess.Popen(["/usr/bin/python3", "-c", WORKER.format(folder=str(folder), imports="brine.scripts")],
                              env=plain_environment(site, table))
    try:
        site.ask("shop/store")
        site.file.rename(site.file.with_name("1.job"))
        until(lambda: (folder / "done.json").exists(), "the worker has done its job")
        assert json.loads((folder / "done.json").read_text()) == ["shop_wsgi", {"name": "pen"}, 1]
    finally:
        worker.kill()
        worker.wait()


def test_two_generations_side_by_side(site):
    """Rolling: the old code, in a request that goes on, takes what the new code has stored for a miss, and not the reverse."""
    site = site("WSGIScriptReloading Rolling\n" + DAEMON)
    site.ask("shop/store")
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(site.ask, "shop/wait")
        until(lambda: site.file.with_name("waiting").exists(), "the old code is at work")
        site.server.write("scripts/shop.wsgi", shop(2, schema=2, more=MIGRATES))
        until(lambda: site.ask("shop/load")[1] == 2, "the new code serves beside it")
        site.ask("shop/store")
        assert site.ask("shop/load") == [True, 2, {"name": "pen"}]
        site.file.with_name("go").touch()
        assert old.result() == [1, "a miss"]
    assert site.ask("shop/load", file=site.file.with_name("old.pickle")) == [True, 2, {"name": "OLD", "from": 1}]


def test_loads_and_dumps_while_the_script_is_reloaded(site):
    site = site(EMBEDDED)
    site.server.allow_log("BRINE0307")  # whether eight generations were retired depends on who was faster
    site.ask("shop/keep")
    over = threading.Event()

    def work(number):
        file, went = site.file.with_name(f"{number}.pickle"), []
        while not over.is_set():
            went.append(site.ask("shop/store_kept", file=file))
            went.append(site.ask("shop/load", file=file))
        return went

    with ThreadPoolExecutor(4) as pool:
        try:
            works = [pool.submit(work, number) for number in range(4)]
            for version in range(2, 14):
                site.server.write("scripts/shop.wsgi", shop(version))
                site.ask("shop/store")
                until(lambda: site.ask("shop/load")[1] == version, "the version serves")
        finally:
            over.set()
    went = [answer for each in works for answer in each.result()]
    assert not [answer for answer in went if "raised" in answer], went
    site.server.allow_log("BRINE0307: generation 1 .* class Item is held by threading.kept")


def test_interpreters_with_a_gil_of_their_own(start_httpd, workspace):
    """Each loads the script for itself, at the same time, because a pickle names it."""
    pythons = [python for python in workspace.build.pythons if python in ("3.12", "3.13")]
    if not pythons:
        pytest.skip("this build has no engine for Python 3.12 or later")
    groups = ("one", "two", "three", "four")
    aliases = "".join(f"WSGIScriptAlias /{group} {{apps}}/reads_pickles.wsgi application-group={group}\n" for group in groups)
    site = Site(start_httpd(f"WSGIPython {pythons[-1]}\nWSGIPerInterpreterGIL On\n{aliases}" + EMBEDDED,
                            files={"scripts/shop.wsgi": shop()}))
    site.ask("shop/store")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(site.ask, groups * 4))
    assert answers == [{"class": "shop_wsgi.Item", "state": {"name": "pen"}, "version": 1}] * 16


CIRCLE = """
import pickle, time, brine.pickle
from pathlib import Path
FOLDER = Path(__file__).parents[1] / "writable"

@brine.pickle.stable
class Item: pass

FOLDER.joinpath("{own}").touch()
deadline = time.monotonic() + 3
while not FOLDER.joinpath("{other}").exists() and time.monotonic() < deadline:
    time.sleep(0.01)
OTHER = pickle.loads(b"c{other}\\nItem\\n.")

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{{OTHER.__module__}} {{OTHER is pickle.loads(bytes.fromhex(environ['QUERY_STRING']))}}".encode()]
"""


@pytest.mark.parametrize("order", [["one"], ["one", "two"]], ids=["one thread", "two threads"])
def test_scripts_that_load_each_others_pickles(start_httpd, order):
    names = {"one": "two", "two": "one"}
    server = start_httpd("".join(f"WSGIScriptAlias /{own} {{dir}}/scripts/{own}.wsgi name={own}_wsgi\n" for own in names)
                         + "WSGIApplicationGroup circle\n")
    for own, other in names.items():
        server.write(f"scripts/{own}.wsgi", CIRCLE.format(own=f"{own}_wsgi", other=f"{other}_wsgi"))
        if len(order) == 1:  # nobody else comes
            server.write(f"writable/{other}_wsgi", "").chmod(0o666)

    def get(own):
        return server.get(f"/{own}?{f'c{names[own]}_wsgi'.encode().hex()}0a4974656d0a2e")

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(get, order))
    answers += [get(own) for own in names]
    for own, answer in zip([*order, *names], answers):
        assert (answer.status, answer.text) == (200, f"{names[own]}_wsgi True"), server.log.tail()


# --- what a pickle may name -----------------------------------------------------------------------------


def dotted(module, path):
    """A call of what `path` leads to, which is one of a class's attributes; protocol 4 alone has such."""
    return b"\x80\x04" + b"".join(b"\x8c" + bytes([len(each)]) + each.encode() for each in (module, path)) + b"\x93)R."


@pytest.mark.parametrize("pickled", [
    b"cshop_wsgi\nfunction\n(tR.", b"cshop_wsgi\nUnmarked\n(tR.", b"cshop_wsgi\nPath\n(tR.",
    b"cbrine.scripts.shop_wsgi\nfunction\n(tR.", b"cshop_wsgi.Item\nfunction\n(tR.", b"cother_wsgi\nItem\n(tR.",
    *(dotted(module, path) for module in ("shop_wsgi", "brine.scripts.shop_wsgi") for path in (
        "Item.__init__", "Item.__init__.__globals__", "Item.__setstate__.__globals__.__class__", "Item.made", "Item.Inner",
        "Item.Shelf.made", "Item.Shelf.called", "Item.Path", "Item.__class__", "Item.__mro__", "Item.", ".Item", "Item..Shelf",
        "Unmarked.made")),
    b"c..scripts.shop_wsgi\nItem\n(tR.", b"cscripts/shop\nItem\n(tR.", b"cshop\nItem\n(tR."])
def test_a_pickle_runs_nothing_that_is_not_marked_and_named(site, pickled):
    site = site(EMBEDDED + READERS.replace("other", "%{GLOBAL}"))
    site.server.write("scripts/other_wsgi.py", f"open({str(site.server.folder / 'writable' / 'called')!r}, 'w')")
    site.file.write_bytes(pickled)
    went = site.ask("embedded")
    assert went["raised"] in ("AttributeError", "ModuleNotFoundError", "ImportError"), went
    assert not (site.server.folder / "writable" / "called").exists()
    site.server.allow_log("BRINE0501[:|] ")


@pytest.mark.parametrize("reader", ["embedded", "sub", "other"])
def test_a_marked_class_in_a_marked_class_is_found(site, reader):
    site = site(DAEMON + READERS)
    assert site.ask("shop/store", what="shelf") == "stored"
    went = site.ask(reader)
    assert (went["class"], went["state"]) == ("shop_wsgi.Item.Shelf", {"name": "pen"})


def test_what_is_not_marked_is_a_hazard_still(site):
    site = site(EMBEDDED)
    went = site.ask("shop/store", what="unmarked")
    assert went["raised"] == "PicklingError"
    site.server.expect_log("BRINE0501: pickle hazard naming-script: .* is an instance of class Unmarked, .* called shop_wsgi: "
                           ".* Mark class Unmarked with @brine.pickle.stable")
    site.server.allow_log(r"BRINE0501\| ")


HAZARDS = """
import json, pickle, threading, brine.pickle

@brine.pickle.stable
class Item: pass
class Plain: pass
class Gone: pass
GONE = Gone()
del Gone

def function(): pass

def local():
    class Local: pass
    return Local()

def ids(call, *args):
    with brine.pickle.collect() as reports:
        try:
            call(*args)
        except Exception:
            pass
    return " ".join(hazard.id for report in reports for hazard in report)

def application(environ, start_response):
    kept = vars(threading).setdefault("kept_" + __file__, [Item(), Plain(), Item])
    dumped = {"marked": Item(), "marked class": Item, "unmarked": Plain(), "function": function, "local": local(), "missing": GONE,
              "kept": kept[0], "kept class": kept[2], "kept unmarked": kept[1]}
    result = {what: ids(pickle.dumps, obj) for what, obj in dumped.items()}
    result["no attribute"] = ids(pickle.loads, f"c{__name__}\\nNope\\n.".encode())
    result["no module"] = ids(pickle.loads, b"cno_such_module\\nNope\\n.")
    start_response("200 OK", [])
    return [json.dumps(result).encode()]
"""
#: What is pickled or loaded -> the hazard's id without a name, and with one.
IDS = {"marked": ("naming-script", ""), "marked class": ("naming-script", ""),
       "unmarked": ("naming-script", "naming-script"), "function": ("naming-script", "naming-script"),
       "local": ("naming-local", "naming-local"), "missing": ("reload-missing", "reload-missing"),
       "kept": ("reload-stale", ""), "kept class": ("reload-stale", "reload-stale"),
       "kept unmarked": ("reload-stale", "reload-stale"), "no attribute": ("restore-no-module", "restore-no-attribute"),
       "no module": ("restore-no-module", "restore-no-module")}


def test_the_hazards_with_and_without_a_name(start_httpd):
    server = start_httpd("WSGIScriptAlias /0 {dir}/scripts/unnamed.wsgi\nWSGIScriptAlias /1 {dir}/scripts/named.wsgi name=a_wsgi\n"
                         "<Location /1/builtin>\nWSGIPickleGuard BuiltinOnly\n</Location>\n"
                         "<Location /1/enforce>\nWSGIPickleGuard Enforce\n</Location>\n")
    server.allow_log("BRINE0501[:|] ")
    for generation in (1, 2):
        for which, name in enumerate(("unnamed", "named")):
            server.write(f"scripts/{name}.wsgi", f"# {generation}\n{HAZARDS}")
            found = until(lambda: server.get(f"/{which}").json(), "it answers")
            for what, ids in IDS.items():
                if generation == 1 and what.startswith("kept"):
                    continue
                assert found[what] == ids[which], (what, name, generation)
    assert server.get("/1/enforce").json() == found
    assert server.get("/1/builtin").json()["marked"] == server.get("/1/builtin").json()["kept"] == "not-builtin"


# --- the configuration ----------------------------------------------------------------------------------


@pytest.mark.parametrize("line, says", [
    ("WSGIScriptName", "needs a name and the path of a script"),
    ("WSGIScriptName shop_wsgi", "needs the path of a script after the name"),
    ("WSGIScriptName shop-wsgi /srv/shop.wsgi", "needs a name that is one Python identifier"),
    ("WSGIScriptName shop.wsgi /srv/shop.wsgi", "needs a name that is one Python identifier"),
    ("WSGIScriptName 2shop /srv/shop.wsgi", "needs a name that is one Python identifier"),
    ("WSGIScriptName caf\xe9 /srv/shop.wsgi", "needs a name that is one Python identifier"),
    ("WSGIScriptName class /srv/shop.wsgi", "needs a name that is one Python identifier"),
    ("WSGIScriptName json /srv/shop.wsgi", "that of a module already: choose another, such as 'json_wsgi'"),
    ("WSGIScriptName brine /srv/shop.wsgi", "that of a module already"),
    ("WSGIScriptName load /srv/shop.wsgi", "that of a module already"),
    ("WSGIScriptName _mod_wsgi_12 /srv/shop.wsgi", "that begins with a letter"),
    ("WSGIScriptName " + "x" * 101 + " /srv/shop.wsgi", "more than 100 characters"),
    ("WSGIScriptName shop_wsgi /srv//shop.wsgi", "without '//', '.' and '..'"),
    ("WSGIScriptName shop_wsgi /srv/../shop.wsgi", "without '//', '.' and '..'"),
    ("WSGIScriptName shop_wsgi /srv/shop.wsgi more", "takes a name and a script, and has more"),
    ("WSGIScriptName shop_wsgi /", "needs the path of one script"),
    ("WSGIScriptName shop_wsgi {dir}/scripts", "which is a directory"),
    ("WSGIScriptAlias / {dir}/scripts name=shop_wsgi", "which is a directory"),
    ("WSGIScriptAlias / /srv/shop.wsgi name=", "has an empty value for the option 'name'"),
    ("WSGIScriptAlias / /srv/shop.wsgi name=json", "that of a module already"),
    ("WSGIScriptAliasMatch ^/(.*) /srv/$1.wsgi name=shop_wsgi", "a target that requests fill in"),
])
def test_a_wrong_name_is_refused(configtest, line, says):
    passed, said = configtest("# a line before\n" + line + "\n")
    assert not passed and says in said and "line " in said and line.split()[0] in said, said


@pytest.mark.parametrize("lines, says", [
    (["WSGIScriptName shop_wsgi /srv/shop.wsgi", "WSGIScriptName shop_wsgi /srv/other.wsgi"],
     "gives the name 'shop_wsgi' to the script '/srv/other.wsgi', and WSGIScriptName ("),
    (["WSGIScriptName shop_wsgi /srv/shop.wsgi", "WSGIScriptAlias / /srv/shop.wsgi name=other_wsgi"],
     "gives the name 'other_wsgi' to the script '/srv/shop.wsgi', which WSGIScriptName ("),
    (["<VirtualHost *:1>", "WSGIScriptName shop_wsgi /srv/shop.wsgi", "</VirtualHost>", "<VirtualHost *:2>",
      "WSGIScriptName shop_wsgi /srv/other.wsgi", "</VirtualHost>"], "a name means one script in the whole server"),
])
def test_names_that_do_not_fit_each_other(configtest, lines, says):
    passed, said = configtest("\n".join(lines))
    assert not passed and "BRINE0025" in said and says in said, said


@pytest.mark.parametrize("module", ["shop_wsgi.py", "shop_wsgi/__init__.py", "shop_wsgi.cpython-311-x86_64-linux-gnu.so"])
@pytest.mark.parametrize("path", ["WSGIPythonPath {folder}/lib", "WSGIDaemonProcess a python-path={folder}/lib",
                                  "WSGIDaemonProcess a home={folder}/lib"])
def test_a_name_that_a_module_has(configtest, workspace, path, module):
    folder = workspace.new_folder()
    file = folder / "lib" / module
    (folder / "lib").mkdir(mode=0o755)
    config = f"{path.replace('{folder}', str(folder))}\nWSGIScriptName shop_wsgi /srv/shop.wsgi\n"
    passed, said = configtest(config)
    assert passed, said
    file.parent.mkdir(exist_ok=True)
    file.touch()
    passed, said = configtest(config)
    assert not passed and "BRINE0025: WSGIScriptName (" in said
    assert f"'{folder}/lib/shop_wsgi" in said and "is a module of that name" in said, said


def test_a_module_that_comes_later(site):
    """It is met when the script is loaded, which serves without its name."""
    site = site("WSGIPythonPath {dir}/lib\n" + EMBEDDED)
    assert site.ask("shop/store") == "stored"
    site.server.write("lib/shop_wsgi.py", "raise SystemExit")
    site.server.reload()
    site.server.write("scripts/shop.wsgi", shop(2))
    went = until(lambda: (answer := site.ask("shop/store")) != "stored" and answer, "the new process has met it")
    assert went["raised"] == "PicklingError"
    site.server.expect_log(r"BRINE0311: WSGI script '.*/shop.wsgi' cannot be called shop_wsgi, as a module is \(.*/shop_wsgi.py\)")
    site.server.allow_log(r"BRINE0501[:|] ")


def test_a_copied_virtual_host_names_the_script_again(configtest):
    host = "<VirtualHost *:{}>\nWSGIScriptAlias / /srv/shop.wsgi name=shop_wsgi\n</VirtualHost>\n"
    passed, said = configtest(host.replace("{}", "1") + host.replace("{}", "2"))
    assert passed, said
