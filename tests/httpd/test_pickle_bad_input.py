"""Objects, streams and programs that mean the guard no good, or know no better.

The guard never ends the process, never hangs, and under Report never hides or replaces what pickle says. What it makes
of each hostile object, tests/pickle/test_in_scripts.py asks without a server.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.deadline import until

CONFIG = """
WSGIPythonPath {apps}/pickling
WSGIScriptAlias /hostile {apps}/pickle_hostile.wsgi
WSGIScriptAlias /registered {apps}/pickle_hostile.wsgi application-group=registered
WSGIScriptAlias /s {dir}/scripts
<LocationMatch ^/(s|registered)/>
  WSGIScriptModules Registered
</LocationMatch>
<Location /hostile/enforce>
  WSGIPickleGuard Enforce
</Location>
<Location /hostile/builtin>
  WSGIPickleGuard BuiltinOnly
</Location>
<Directory {dir}/scripts/enforce>
  WSGIPickleGuard Enforce
</Directory>
<Directory {dir}/scripts/builtin>
  WSGIPickleGuard BuiltinOnly
</Directory>
"""
START = """
import io, pickle, sys, threading, brine.pickle
from attempts import attempt, tells, watch
class Item: pass
"""
DEEP = ["deep-lists", "deep-objects"]


@pytest.fixture(autouse=True)
def noise(httpd):
    httpd.allow_log(r"BRINE0501[:|] ")
    children = until(httpd.children, "there is one to serve")
    yield
    assert httpd.children() == children, "a process of httpd's has ended"


def ask(httpd, path):
    answer = httpd.get(path)
    assert answer.status == 200, httpd.log.tail()
    return answer.json()


def run(httpd, name, code):
    httpd.write(f"scripts/{name}.wsgi", START + code)
    return ask(httpd, f"/s/{name}.wsgi")


# --- hostile objects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEEP)
def test_report_lets_pickle_do_what_it_does_with_deep_objects(httpd, name):
    (plain, guarded), = ask(httpd, f"/registered/?object={name}&protocols=one")
    assert plain == guarded and plain[0] == "RecursionError"


@pytest.mark.parametrize("name", DEEP)
def test_inspect_answers_about_deep_objects(httpd, name):
    assert ask(httpd, f"/hostile?inspect={name}") is None


def test_no_object_ends_the_process(httpd):
    """What the guard makes of each is told by tests/pickle/test_in_scripts.py."""
    for way in ("hostile", "registered", "hostile/enforce", "hostile/builtin"):
        assert ask(httpd, f"/{way}?object=all&beside=1")


# --- depth and size -------------------------------------------------------------------------------------


def test_the_hazard_at_the_bottom_of_a_deep_graph(httpd):
    went = run(httpd, "bottom", """
def deep(depth, bottom):
    root = here = []
    for _ in range(depth):
        here.append([])
        here = here[0]
    here.append(bottom)
    return root

@tells
def application(query):
    data = deep(100_000, Item())
    report = brine.pickle.inspect(data, name="data")
    return {"dump": watch(pickle.dumps, data),
            "inspected": [report.objects, report.complete, report.to_dict()]}
""")
    assert went["dump"]["raised"] == "RecursionError"
    objects, complete, report = went["inspected"]
    assert objects > 100_000 and complete
    assert not went["dump"]["hazards"]  # pickle had not come so far
    for hazard in report["hazards"]:
        assert (hazard["id"], hazard["qualname"]) == ("naming-script", "Item")
        assert hazard["path"].startswith("data[0][0][0]") and "99,961 more steps" in hazard["path"]
    assert len(report["hazards"]) == 1


def test_an_iterator_without_an_end(httpd):
    went = run(httpd, "endless", """
class Endless:
    def __init__(self, items, pairs=None): self.parts = items, pairs
    def __reduce__(self): return list, (), None, *self.parts

def numbers():
    number = 0
    while True:
        yield number
        number += 1

def new_objects():
    while True: yield [Item()]

@tells
def application(query):
    told = [brine.pickle.inspect([item, Item()]) for item in
            (Endless(numbers()), Endless(iter(lambda: SAME, 0)), Endless(None, iter(lambda: (1, SAME), 0)),
             Endless(new_objects()))]
    return [[report.complete, sorted({hazard.path for hazard in report})] for report in told]

SAME = ["same"]
""")
    assert all(not complete for complete, _ in went)
    assert all(paths for _, paths in went[:3]), "what stands beside it is found all the same"


def test_more_objects_than_are_looked_at(httpd):
    complete, text = run(httpd, "many", """
@tells
def application(query):
    report = brine.pickle.inspect([[n] for n in range(1_100_000)])
    return [report.complete, str(report)]
""")
    assert not complete and text.startswith("no pickle hazard in 1000000 objects")


def test_a_program_that_makes_up_names_fills_neither_log_nor_memory(start_httpd):
    server = start_httpd(CONFIG)
    went = run(server, "names", """
@tells
def application(query):
    for number in range(1500):
        cls = type(f"Made{number}", (), {})
        globals()[cls.__name__] = cls
        pickle.dumps(cls())
    return [brine.pickle.counters()["naming-script"], attempt(pickle.dumps, {"a": Item()})]
""")
    server.allow_log(r"BRINE0501[:|] ")
    assert went[0] == 1500 and "value" in went[1]
    assert len(server.log.texts("pickle hazard naming-script")) == 1000


def test_names_cannot_forge_lines_of_the_log(httpd):
    run(httpd, "forge", r"""
@tells
def application(query):
    cls = type("Forged", (), {})
    cls.__qualname__ = "Forged\n[Mon Jan 01 00:00:00 2000] [core:error] [pid 1] forged \ud800\0"
    return [attempt(pickle.dumps, cls()), attempt(pickle.dumps, {"key\n[core:error] forged": Item()})]
""")
    httpd.expect_log("BRINE0501: pickle hazard ")
    assert not [record for record in httpd.log.records() if record.module == "core" or record.level == "raw"]


# --- exceptions of the application's own ----------------------------------------------------------------


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit", "GeneratorExit"])
def test_what_is_no_exception_leaves_as_it_is(httpd, error):
    went = run(httpd, f"no-exception-{error}", f"""
class Raises:
    def __reduce__(self): raise THE_ERROR

THE_ERROR = {error}("the very one")

def same(function, *args):
    try:
        function(*args)
    except BaseException as error:
        return error is THE_ERROR

@tells
def application(query):
    file = io.BytesIO()
    return [same(pickle.dumps, [Item(), Raises()]), same(pickle.dump, [Item(), Raises()], file),
            same(pickle.Pickler(file).dump, [Item(), Raises()])]
""")
    assert went == [True] * 3


def test_an_exception_in_flight_is_not_lost(httpd):
    went = run(httpd, "flight", """
@tells
def application(query):
    try:
        try:
            raise KeyError("outer")
        except KeyError:
            pickle.dumps([lambda: 0])
    except Exception as error:
        context = error.__context__
        return [type(error).__name__, repr(context), error.__suppress_context__, sys.exc_info()[1] is error]
""")
    assert went[0] in ("PicklingError", "AttributeError")
    assert went[1:] == ["KeyError('outer')", False, True]


def test_a_file_that_fails(httpd):
    went = run(httpd, "file", """
class Fails:
    def __init__(self, after): self.left, self.chunks = after, []
    def write(self, chunk):
        if self.left == 0: raise THE_ERROR
        self.left -= 1
        self.chunks.append(bytes(chunk))

THE_ERROR = OSError(28, "No space left on device")

def same(after, dump):
    file = Fails(after)
    try:
        dump(file)
    except OSError as error:
        return [error is THE_ERROR, len(file.chunks)]

@tells
def application(query):
    big = [b"x" * 200_000, Item(), b"y" * 200_000]
    return [[same(after, lambda file: pickle.dump(big, file)),
             same(after, lambda file: pickle.Pickler(file).dump(big))] for after in (0, 1, 2)]
""")
    assert went == [[[True, after]] * 2 for after in (0, 1, 2)]


def test_files_that_are_none(httpd):
    went = run(httpd, "no-file", """
class Odd:
    def __getattr__(self, name): raise ZeroDivisionError(name)
class Changes:
    write = 5

@tells
def application(query):
    import _pickle
    files = None, 5, Odd(), Changes(), object()
    calls = [(name, file) for file in files for name in ("dump", "Pickler", "load")]
    def call(module, name, file):
        if name == "load": return module.load(file)
        if name == "dump": return module.dump([Item()], file)
        return module.Pickler(file).dump([Item()])
    return [[attempt(call, module, *each) for module in (pickle, _pickle)] for each in calls]
""")
    for guarded, plain in went:
        assert (guarded["raised"], guarded["text"]) == (plain["raised"], plain["text"])


def test_a_pickler_that_was_not_initialised(httpd):
    went = run(httpd, "uninitialised", """
import _pickle

objects = []

def derived(base, members):
    return type("Derived", (base,), members)

def forgets(self, file): pass
def raises(self, name): raise ZeroDivisionError(name)
def sets(self, name, value): raise ZeroDivisionError(name)

CASES = [{"__init__": forgets}, {"__getattribute__": raises}, {"__getattr__": raises}, {"__setattr__": sets},
         {"__slots__": ("own",)},
         {"dispatch_table": 5}, {"dispatch_table": {}}, {"persistent_id": 5}, {"reducer_override": 5},
         {"persistent_id": raises}, {"write": raises}, {"dump": lambda self, obj: None}]

def use(base, members):
    file = io.BytesIO()
    pickler = derived(base, members)(file)
    pickler.dump(objects)
    pickler.clear_memo()
    return file.getvalue()

def reuse(base):
    pickler = base.__new__(base)
    return pickler.dump(1)

def again(base):
    first, second = io.BytesIO(), io.BytesIO()
    pickler = base(first)
    pickler.dump([1])
    pickler.__init__(second)
    pickler.dump([Item()])
    return first.getvalue() + b"|" + second.getvalue()

@tells
def application(query):
    objects[:] = [Item(), range(3)]
    bases = pickle.Pickler, _pickle.Pickler
    return [[attempt(use, base, members) for base in bases] for members in CASES] + [
        [attempt(case, base) for base in bases] for case in (reuse, again)]
""")
    for guarded, plain in went:
        if "text" in plain:  # the name of a class of C has its module in it
            plain["text"] = plain["text"].replace("_pickle.Pickler", "Pickler")
        assert guarded == plain


# --- memory and threads ---------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["dumps", "dump", "Pickler", "loads", "load"])
def test_memory_that_runs_out(httpd, function):
    httpd.allow_log(r"\[wsgi:error\]")  # Python says where it ignores a MemoryError
    went = run(httpd, f"memory-{function}", f"function = {function!r}" + """
import _pickle
import _testcapi

class Gone: pass
held = {"a": [Gone()], "b": lambda: 0}
del Gone

CALLS = {
    "dumps": lambda module: module.dumps(held),
    "dump": lambda module: module.dump(held, io.BytesIO()),
    "Pickler": lambda module: module.Pickler(io.BytesIO()).dump(held),
    "loads": lambda module: module.loads(b"cjson\\nNoSuch\\n."),
    "load": lambda module: module.load(io.BytesIO(b"cjson\\nNoSuch\\n.")),
}

def with_limit(start, module):
    # What is raised where the allocation number `start` fails, and only that one.
    try:
        _testcapi.set_nomemory(start, start + 1)
        try:
            CALLS[function](module)
        finally:
            _testcapi.remove_mem_hooks()
    except BaseException as error:
        return type(error).__name__

@tells
def application(query):
    for module in (pickle, _pickle):
        attempt(CALLS[function], module)
    guarded, plain = ([with_limit(start, module) for start in range(1, 2500)] for module in (pickle, _pickle))
    return [sorted(set(guarded)), sorted({*plain, "MemoryError"}), guarded[-1], plain[-1]]
""")
    guarded, plain, *last = went
    assert set(guarded) <= set(plain), "out of memory, it raises something of its own"
    assert last[0] == last[1] != "MemoryError"


@pytest.mark.parametrize("policy", ["enforce", "builtin"])
def test_memory_that_runs_out_lets_nothing_leave(httpd, policy):
    httpd.allow_log(r"\[wsgi:error\]")
    refused, others, left = run(httpd, f"{policy}/memory", """
import _testcapi

held = [Item()]
CALLS = [lambda file: file.write(pickle.dumps(held)), lambda file: pickle.dump(held, file),
         lambda file: pickle.Pickler(file).dump(held)]

def with_limit(start, call, file):
    try:
        _testcapi.set_nomemory(start, start + 1)
        try:
            call(file)
        finally:
            _testcapi.remove_mem_hooks()
    except brine.pickle.UnsafePickleError:
        return "refused"
    except BaseException as error:
        return type(error).__name__

@tells
def application(query):
    file = io.BytesIO()
    for call in CALLS:
        attempt(call, file)
    went = [with_limit(start, call, file) for call in CALLS for start in range(1, 2500)]
    others = sorted(set(went) - {"refused", "MemoryError"}, key=repr)
    return [went.count("refused"), others, len(file.getvalue())]
""")
    assert refused > 1000
    assert (None not in others, left) == (True, 0), others


@pytest.mark.modes("embedded")  # the process outlives the reload
def test_threads_that_pickle_while_scripts_reload(httpd):
    httpd.write("scripts/churn.wsgi", START + """
import time

SHARED = {"items": [Item() for _ in range(200)], "more": {n: [n] for n in range(200)}}

def churn(until, errors):
    while time.monotonic() < until:
        SHARED["more"][len(SHARED["more"]) % 977] = [Item()]
        for dumps in (pickle.dumps, lambda obj: pickle.dump(obj, io.BytesIO()), brine.pickle.inspect):
            try:
                dumps(SHARED)
            except RuntimeError as error:  # pickle's own: changed during iteration
                if "changed" not in str(error): errors.append(repr(error))
            except BaseException as error:
                errors.append(repr(error))

@tells
def application(query):
    errors = []
    threads = [threading.Thread(target=churn, args=(time.monotonic() + 1, errors)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return errors
""")
    code = "@tells\ndef application(query): return attempt(pickle.dumps, Item())\n"
    with ThreadPoolExecutor(1) as pool:
        errors = pool.submit(ask, httpd, "/s/churn.wsgi")
        edits = 0
        while not errors.done():
            assert run(httpd, "beside", f"# {edits}\n{code}")
            edits += 1
    assert errors.result() == [] and edits > 1


def test_frames_that_are_not_as_they_should_be(httpd):
    went = run(httpd, "frames", """
class Odd(dict):
    def items(self): raise ZeroDivisionError("items")
    def __iter__(self): raise ZeroDivisionError("iter")

@tells
def application(query):
    code = "went = watch(pickle.dumps, item)"
    names = {"watch": watch, "pickle": pickle, "item": Item(), "__name__": None}
    told = []
    for scope in ({}, {1: names["item"], "not a name": names["item"]}, Odd()):
        exec(code, names, scope)
        told.append([hazard["id"] for hazard in scope["went"]["hazards"]])
    return told
""")
    assert went == [["naming-script"]] * 3


# --- streams --------------------------------------------------------------------------------------------

STREAMS = {
    "empty": b"", "garbage": b"\xff\xfe garbage", "cut-off": b"\x80\x04\x95\x10\0\0\0\0\0\0\0]",
    "long-name": b"c" + b"m" * 1_000_000 + b"\nName\n.", "no-name": b"c\n\n.", "dots": b"c...\n...\n.",
    "not-utf8": b"c\xff\xfe\nName\n.", "nul": b"cjson\0\nName\n.",
    "many-missing": b"cno_such_0\nx\n0" * 10_000 + b".",
    "computed": b"\x80\x04\x8c\x04json(K\x01\x93.", "extension": b"\x80\x02\x82\xf0.",
    "deep": b"(" * 1_000_000 + b"cno_such_module\nx\n.", "memo": b"\x80\x04h\xff.",
    "hostile-setstate": b"cno_such_module\nx\n)Rb.", "relative": b"c.os\nsystem\n.",
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_that_does_not_load(httpd, stream):
    (httpd.folder / f"writable/{stream}").write_bytes(STREAMS[stream])
    went = run(httpd, f"stream-{stream}", f"""
import _pickle

@tells
def application(query):
    data = open({str(httpd.folder / f"writable/{stream}")!r}, "rb").read()
    def by(module): return [attempt(module.loads, data), attempt(module.load, io.BytesIO(data)),
                            attempt(module.Unpickler(io.BytesIO(data)).load)]
    return list(zip(by(pickle), by(_pickle)))
""")
    for guarded, plain in went:
        assert "raised" in plain
        assert guarded["raised"] == plain["raised"] and guarded["text"].startswith(plain["text"])
