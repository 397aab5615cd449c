"""What is pickled from a WSGI script, in pytest's own process: the path to each hazard, hostile objects, what stays.

The scripts are those that tests/httpd/test_pickle_*.py have a server run; what is asked here depends on no server.
"""

import pickle

import pytest
from brine import _guard
from brine.pickle import _scripts
from brine.pickle._install import NAMES
from wsgi_scripts import APPS, Script

WAYS = (False, True)  # WSGIScriptModules Anonymous, and Registered
PATHS = {
    "root": "session",
    "spec": "session['cart'].items[3]",
    "value": "session['cart']",
    "tuple-key": "session[('a', 1)]",
    "object-key": "list(session.values())[0]",
    "key": "list(session)[1]",
    "inside-key": "list(session)[0][1]",
    "list": "session[1][0]",
    "tuple": "session[1][0]",
    "set": "list(session)[0]",
    "frozenset": "list(session)[0]",
    "attribute": "session.b",
    "odd-attribute": "session.__dict__['not a name']",
    "slots": "session.second",
    "slots-and-dict": "session.third[0]",
    "reduce": "session.__reduce__()[1][1][0]",
    "state-dict": "session.__getstate__()['kept']",
    "state-list": "session.state[1]",
    "list-subclass": "session[1]",
    "dict-subclass": "session['a']",
    "ordered-dict": "session['a']",
    "deque": "session[1]",
    "exception": "session.args[1]",
    "cycle": "session[2][0]",
    "cycle-of-objects": "session.next.item",
    "shared": "session[1]",
}
#: Where pickle fails it is the way by which pickle came there, else a shortest one.
BY_PICKLES_WAY = {"shared": "session[0][0][0]"}
OTHERS = {
    "setter": ("session.setter", "the function function"),
    "default-factory": ("session.default_factory", "the function function"),
    "partial": ("session.func", "the function function"),
    "method": ("session[0].__self__", "an instance of class Item"),
    "function": ("session[0]", "the function function"),
    "class": ("session[0]", "the class Item"),
    "nested-class": ("session[0]", "an instance of class Outer.Inner"),
    "enum": ("session[0]", "an instance of class Colour"),
    "namedtuple": ("session[0]", "an instance of class Point"),
    "single": ("session[0]", "the object SINGLE"),
    "own-exception": ("session[0]", "an instance of class Problem"),
    "dispatched": ("session[0].__reduce_ex__(4)[1][1]", "an instance of class Item"),
}
HOSTILE = [
    "reduce", "reduce_ex", "getattr", "getstate", "getnewargs", "class", "getattribute",
    "reduce-keyboard-interrupt", "reduce-system-exit", "reduce-recursion-error", "reduce-memory-error",
    "reduce-generator-exit", "repr", "hash", "dir", "answers-everything", "hostile-meta",
    "hostile-meta-instance", "lying-meta", "lying-meta-instance", "unhashable-class",
    "unhashable-class-instance", "odd-name", "odd-name-instance", "module-none", "module-number",
    "module-empty", "module-dots", "module-long", "module-nul", "module-surrogate", "module-raising",
    "module-answering", "module-no-module", "surrogate", "reduced-to-none", "reduced-to-name",
    "reduced-to-odd-name", "reduced-to-empty-name", "reduced-to-dots", "reduced-to-itself",
    "raising-iterator", "raising-pairs", "bad-pairs", "bad-state", "newobj-of-nothing", "newobj-of-number",
    "newobj-ex-of-nothing", "equal-keys", "mutates-list", "mutates-dict", "fresh", "deletes", "recursive",
    "key-with-repr", "long-key", "wide",
]
INTERRUPTS = ("reduce-keyboard-interrupt", "reduce-system-exit", "reduce-generator-exit")
SAME = ["values", "long", "ordinary", "item", "items", "class", "function", "method", "enum", "lambda",
           "nested", "nested-instance", "cycle", "generator", "lock-beside-an-item", "deep", "module",
           "raises", "raises-pickling-error", "raises-attribute-error", "raises-stop-iteration",
           "raises-keyboard-interrupt", "raises-system-exit", "returns-number", "returns-short",
           "returns-long", "returns-uncallable", "returns-no-tuple", "returns-no-iterator",
           "returns-bad-pairs", "returns-unknown-name"]


@pytest.fixture
def script(monkeypatch):
    """script(NAME, REGISTERED) loads tests/apps/NAME.wsgi in the way of the server, with the guard in pickle's place."""
    scripts = {}
    monkeypatch.syspath_prepend(str(APPS / "pickling"))
    for name in NAMES:
        monkeypatch.setattr(pickle, name, getattr(_guard, name))
    monkeypatch.setattr(_scripts, "_find", lambda name: scripts[name].found() if name in scripts else None)
    monkeypatch.setattr(_scripts, "_generation", lambda name: 1 if name in scripts else None)

    def load(name, registered=True):
        loaded = Script(name, registered, monkeypatch)
        scripts[loaded.module.__name__] = loaded
        return loaded

    return load


# --- the path to what is wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("registered", WAYS)  # pickle succeeds, or fails itself
@pytest.mark.parametrize("name", PATHS)
def test_the_path_to_an_instance(script, name, registered):
    went = script("pickle_paths", registered).ask(shape=name)
    hazard, = went["hazards"]
    assert ("value" in went) == registered
    path = PATHS[name] if registered else BY_PICKLES_WAY.get(name, PATHS[name])
    assert hazard["path"] == path
    what = "an instance of class Item, defined in the WSGI script "
    assert hazard["message"].startswith(f"{path} is {what}")


@pytest.mark.parametrize("registered", WAYS)
@pytest.mark.parametrize("name", OTHERS)
def test_the_path_to_something_else(script, name, registered):
    path, what = OTHERS[name]
    hazard, = script("pickle_paths", registered).ask(shape=name)["hazards"]
    assert hazard["path"] == path
    assert hazard["message"].startswith(f"{path} is {what}, defined in the WSGI script ")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["spec", "key", "set", "reduce", "deque", "exception"])
def test_the_path_is_the_same_in_every_protocol(script, name, protocol):
    hazard, = script("pickle_paths").ask(shape=name, protocol=protocol)["hazards"]
    assert (hazard["id"], hazard["path"]) == ("naming-script", PATHS[name])


def test_an_object_without_the_scripts_classes_has_no_hazard(script):
    for protocol in (2, 3, 4, 5):
        went = script("pickle_paths").ask(shape="clean", protocol=protocol)
        assert "value" in went and went["hazards"] == []


# --- hostile objects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("registered", WAYS)
@pytest.mark.parametrize("name", HOSTILE)
def test_report_lets_pickle_do_what_it_does(script, name, registered):
    hostile = script("pickle_hostile", registered)
    for options in ({}, {"beside": 1}):
        for plain, guarded in hostile.ask(object=name, **options):
            assert plain == guarded


@pytest.mark.parametrize("way", ["Enforce", "BuiltinOnly"])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_has_an_item_beside_it_does_not_leave(script, policy, name, way):
    policy(way)
    for plain, guarded in script("pickle_hostile").ask(object=name, beside=1):
        raised, bases, value = guarded
        assert not value
        assert raised == "UnsafePickleError" or guarded == plain, (raised, plain)


@pytest.mark.parametrize("name", HOSTILE)
def test_inspect_answers(script, name):
    raised = script("pickle_hostile").ask(inspect=name)
    if name in INTERRUPTS:
        assert raised in ("KeyboardInterrupt", "SystemExit", "GeneratorExit")
    else:
        assert raised is None


# --- what stays as it is -------------------------------------------------------------------------------


@pytest.mark.parametrize("registered", WAYS)
@pytest.mark.parametrize("name", SAME)
def test_report_changes_neither_bytes_nor_exceptions(script, name, registered):
    assert script("pickle_same", registered).ask(object=name) == []


def test_report_changes_no_exception_of_the_applications_own(script):
    went = script("pickle_same").ask(through=1)
    assert went and all(each == [True] * 5 for each in went.values()), went


def test_the_guard_refuses_what_pickle_refuses(script):
    assert script("pickle_same", registered=False).ask(calls=1) == []


def test_the_guards_functions_look_like_pickles(script):
    seen = script("pickle_same", registered=False).ask(signatures=1)
    assert seen["differ"] == []
    assert seen["home"] == ["pickle"] * 2 and seen["names"] == ["Pickler", "Unpickler"]
    assert seen["derived"] == [True, True] and seen["back"] == [True] * 6


def test_a_dict_that_another_thread_changes_has_no_place_to_tell(monkeypatch):
    """The application goes on while the path to a part of its object is written."""
    from brine.pickle import _paths
    live = {at: at for at in range(10)}

    def meanwhile(keys, most):
        for each in keys:
            live[len(live)] = 1
            yield each

    assert _paths._place(live, 3) is not None
    monkeypatch.setattr(_paths, "islice", meanwhile)
    assert _paths._place(live, object()) is None
