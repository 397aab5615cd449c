"""What pickle can pickle, from modules that others can import, is no hazard; and its pickle is pickle's own.

All classes and functions of the standard library: test_other_pythons.py, in Pythons of their own.
"""

import copyreg
import functools
import importlib
import importlib.util
import io
import os
import pickle
import sys
import types
import zipfile

import _pickle
import brine.pickle
import pytest
from checking import PROTOCOLS, Record, differences, loads_differences, outcome
from corpus import shapes, standard, third_party

pytestmark = pytest.mark.filterwarnings("ignore")


def check(obj):
    """Pickles the object in every way, and reads the pickle again."""
    wrong = []
    for protocol in PROTOCOLS:
        wrong += [f"protocol {protocol}: {what}" for what in differences(obj, protocol)]
        pickled, data = outcome(_pickle.dumps, obj, protocol)
        if pickled:
            wrong += [f"protocol {protocol}: {what}" for what in loads_differences(data)]
            wrong += [f"protocol {protocol}: scan: {found}" for found in missing(data)]
    assert not wrong


def missing(data):
    """What scan() does not find, of a pickle whose globals are all there."""
    if b"\x82" in data[:2] or not outcome(_pickle.loads, data)[0]:
        return []
    report = brine.pickle.scan(data)
    kinds = ("naming-main", "naming-script", "restore-no-module", "restore-no-attribute", "computed")
    return [found for found in report.findings if found.kind in kinds] + [report.error] * bool(report.error)


@pytest.mark.parametrize("source", [shapes, standard], ids=["shapes", "standard"])
def test_objects_of_the_standard_library_and_of_a_package(source):
    wrong = {}
    for name, obj in source.instances().items():
        try:
            check(obj)
        except AssertionError as error:
            wrong[name] = str(error)
    assert not wrong


@pytest.mark.parametrize("library", third_party.LIBRARIES)
def test_objects_of_a_library(library):
    try:
        objects = third_party.LIBRARIES[library]()
    except ImportError as error:
        pytest.skip(str(error))
    assert len(objects) > 5
    for obj in objects:
        check(obj)


# --- Picklers with hooks --------------------------------------------------------------------------------

def local_function():
    return lambda: None


class PersistentPickler(shapes.PersistentPickler, brine.pickle.Pickler):
    pass


class PlainPersistentPickler(shapes.PersistentPickler, _pickle.Pickler):
    pass


class OverridingPickler(shapes.OverridingPickler, brine.pickle.Pickler):
    pass


class PlainOverridingPickler(shapes.OverridingPickler, _pickle.Pickler):
    pass


class TablePickler(brine.pickle.Pickler):
    dispatch_table = copyreg.dispatch_table | {types.ModuleType: lambda module: (len, ("x",))}


class PlainTablePickler(_pickle.Pickler):
    dispatch_table = TablePickler.dispatch_table


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("ours, plain, obj", [
    (PersistentPickler, PlainPersistentPickler, [shapes.Data(1), shapes.Plain(), shapes.Data(1)]),
    (OverridingPickler, PlainOverridingPickler, [local_function(), shapes.Plain, local_function()]),
    (TablePickler, PlainTablePickler, {"m": sys, "p": shapes.Plain()}),
], ids=["persistent_id", "reducer_override", "dispatch_table"])
def test_hooks(ours, plain, obj, protocol):
    with brine.pickle.collect() as reports:
        written = []
        for pickler in (ours, plain):
            file = Record()
            made = pickler(file, protocol)
            made.dump(obj)
            made.dump(obj)
            written.append(file.chunks)
    assert written[0] == written[1]
    assert not reports


def test_what_a_hook_keeps_out_is_no_hazard_after_a_dump_that_failed():
    pickler = OverridingPickler(io.BytesIO())
    with pytest.raises(TypeError):
        pickler.dump([local_function(), shapes.Plain(), open(os.devnull)])
    with brine.pickle.collect() as reports:
        pickler.dump([local_function(), shapes.Plain()])
    assert not reports


@pytest.mark.parametrize("policy_name", ["Report", "Enforce"])
def test_buffers_out_of_band(policy, policy_name):
    policy(policy_name)
    buffers, expected = [], []
    obj = [shapes.Buffered(bytearray(b"data")), pickle.PickleBuffer(b"x")]
    with brine.pickle.collect() as reports:
        data = brine.pickle.dumps(obj, 5, buffer_callback=buffers.append)
    assert data == _pickle.dumps(obj, 5, buffer_callback=expected.append)
    assert [bytes(buffer) for buffer in buffers] == [bytes(buffer) for buffer in expected]
    assert not reports
    loaded = brine.pickle.loads(data, buffers=buffers)
    assert bytes(loaded[0].data) == b"data"


@pytest.fixture
def extension():
    copyreg.add_extension("corpus.shapes", "Plain", 240)
    yield
    copyreg.remove_extension("corpus.shapes", "Plain", 240)


def test_extension_codes(extension):
    check([shapes.Plain(), shapes.Slots, {"x": shapes.Plain}])


def test_memo_that_the_program_cleared():
    file = io.BytesIO()
    pickler = brine.pickle.Pickler(file)
    with brine.pickle.collect() as reports:
        pickler.dump(["x", "y", shapes.Plain(), "z"])
        pickler.memo.clear()
        pickler.dump([shapes.Slots(), shapes.Plain(), shapes.Color.RED, "y"])
        pickler.memo = {}
        pickler.dump([shapes.Color.RED, shapes.WithState()])
        pickler.__init__(file)
        pickler.dump([shapes.WithState(), shapes.Color.GREEN])
    assert not reports


# --- modules that are imported in other ways ------------------------------------------------------------


def test_module_in_a_zip_file(tmp_path, monkeypatch):
    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in_zip.py", "class Item: pass\n")
        file.writestr("zip_package/__init__.py", "")
        file.writestr("zip_package/inner.py", "class Item: pass\n")
    monkeypatch.syspath_prepend(str(archive))
    for name in ("in_zip", "zip_package.inner"):
        check(importlib.import_module(name).Item())


def test_namespace_package(module):
    module("namespace_without_init.inner.leaf", "class Item: pass\n")
    check(importlib.import_module("namespace_without_init.inner.leaf").Item())


def test_module_that_loads_lazily(module):
    module("lazily_loaded", "class Item: pass\n")
    spec = importlib.util.find_spec("lazily_loaded")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    sys.modules["lazily_loaded"] = lazy
    spec.loader.exec_module(lazy)
    check(lazy.Item())


def test_module_that_replaces_itself(module):
    module("replaces_itself", "import sys, types\n"
           "class Lazy(types.ModuleType):\n"
           "    def __getattr__(self, name):\n"
           "        if name == 'Item': return Item\n"
           "        raise AttributeError(name)\n"
           "class Item: pass\n"
           "sys.modules[__name__] = Lazy(__name__)\n")
    check(importlib.import_module("replaces_itself").Item())


def test_module_with_getattr(module):
    module("with_getattr", "class _Item: pass\n"
           "_Item.__name__ = _Item.__qualname__ = 'Item'\n"
           "def __getattr__(name):\n"
           "    if name == 'Item': return _Item\n"
           "    raise AttributeError(name)\n")
    check(importlib.import_module("with_getattr").Item())


def test_class_whose_module_is_a_public_alias(module):
    module("alias_package.__init__", "from alias_package._core import Item\n")
    module("alias_package._core", "class Item: pass\nItem.__module__ = 'alias_package'\n")
    check(importlib.import_module("alias_package").Item())


def test_submodule_that_the_package_makes(module):
    module("making_package.__init__", "import sys, types\n"
           "made = sys.modules[__name__ + '.made'] = types.ModuleType(__name__ + '.made')\n"
           "exec('class Item: pass', made.__dict__)\n")
    importlib.import_module("making_package")
    check(sys.modules["making_package.made"].Item())


class Finder:
    """What an editable installation puts on sys.meta_path."""

    def __init__(self, path):
        self.path = path

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, self.path) if name == "editable_module" else None


class OldFinder:
    """Of the kind that Python knew before 3.12."""

    def find_module(self, name, path=None):
        return self if name == "old_finders_module" else None

    def load_module(self, name):
        made = sys.modules[name] = types.ModuleType(name)
        exec("class Item: pass", made.__dict__)
        return made


def test_finders_of_other_kinds(tmp_path, monkeypatch):
    tmp_path.joinpath("elsewhere.py").write_text("class Item: pass\n")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder(tmp_path / "elsewhere.py"), OldFinder()])
    check(importlib.import_module("editable_module").Item())
    if sys.version_info < (3, 12):
        check(importlib.import_module("old_finders_module").Item())


def test_module_that_comes_into_the_path_later(tmp_path, monkeypatch):
    tmp_path.joinpath("comes_later.py").write_text("class Item: pass\n")
    with monkeypatch.context() as path:
        path.syspath_prepend(str(tmp_path))
        item = importlib.import_module("comes_later").Item()
    assert brine.pickle.inspect(item).ids == ("naming-unimportable",)
    monkeypatch.syspath_prepend(str(tmp_path))
    check(item)


def test_extension_module_that_is_not_in_a_package():
    import _datetime
    check([_datetime.datetime(2020, 1, 1), _pickle.PickleBuffer, functools.partial(_datetime.datetime, 1)])
