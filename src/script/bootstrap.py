"""The part of Brine that is simplest in Python; run once in each interpreter, before any script.

It is compiled into the engine under the file name "<brine>", which the log leaves out of tracebacks.
Nothing here is on the path of an ordinary request.
"""

import builtins
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import io
import linecache
import os
import signal
import site
import sys
import tempfile
import threading
import types
import typing
import weakref

PREFIX = "_mod_wsgi_"

scripts = {}
"""Module name -> the module of the generation that serves now (or that is being executed)."""

retired = {}
"""(path, generation number) -> weak reference to the mark in that generation's dict."""


class ScriptLoader(importlib.abc.InspectLoader):
    """What `__loader__` of a WSGI script is: finds its file and source, refuses to import it."""

    def __init__(self, path):
        self.path = path

    def get_filename(self, name):
        return self.path

    def get_source(self, name):
        with open(self.path, "rb") as file:
            return importlib.util.decode_source(file.read())

    def is_package(self, name):
        return False

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        raise ImportError(
            f"{module.__name__} is the WSGI script {self.path}, which cannot be imported: it is "
            "loaded by the server and is not in sys.modules. Move what others need into a module "
            "on sys.path and import it from there.",
            name=module.__name__,
            path=self.path,
        )


class ScriptFinder(importlib.abc.MetaPathFinder):
    """Answers `find_spec` for the scripts of this interpreter, so that tools find their files."""

    def find_spec(self, fullname, path=None, target=None):
        module = scripts.get(fullname) if fullname.startswith(PREFIX) else None
        return module and module.__spec__


class Generation:
    """The mark in a script's globals: it lives exactly as long as that dict does."""

    __slots__ = ("number", "path", "__weakref__")

    def __init__(self, path, number):
        self.path = path
        self.number = number

    def __repr__(self):
        return f"<generation {self.number} of WSGI script {self.path}>"


def new_module(name, path):
    """A module object with the attributes that the import system gives to one."""
    spec = importlib.machinery.ModuleSpec(name, ScriptLoader(path), origin=path)
    spec.has_location = True
    return importlib.util.module_from_spec(spec)


def execute(name, path, source, number, registered, required):
    """Runs `source`, the bytes of the script at `path`, in a new module and returns (module, mark).

    The module is in sys.modules while it executes, as importlib does it, because dataclasses, enum
    and typing look there; afterwards only if `registered`. Raises whatever the script raises, or
    AttributeError where it does not define `required` (if not empty); then all is as it was before.
    """
    module = new_module(name, path)
    mark = module.__dict__["__brine_generation__"] = Generation(path, number)
    # Tracebacks and inspect show the lines that run, even if the file is edited while they do.
    previous_lines = linecache.cache.get(path)
    previous = sys.modules.get(name)
    serving = scripts.get(name)
    scripts[name] = sys.modules[name] = module
    try:
        text = importlib.util.decode_source(source)
        linecache.cache[path] = (len(source), None, text.splitlines(True), path)
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
        if required and not hasattr(module, required):
            raise AttributeError(f"WSGI script {path} does not define {required!r} any more")
        kept = module if registered else previous
    except BaseException:
        restore(scripts, name, serving)
        kept = previous
        raise
    finally:
        restore(sys.modules, name, kept)
    return module, mark


def restore(table, name, value):
    """Puts `value` back under `name`; None: there was none."""
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


# --- the standard library's own look-ups in sys.modules -------------------------------------------


class Visible:
    """Shows scripts in sys.modules for the time of a call that looks their classes up there."""

    lock = threading.RLock()
    shown = {}  # name -> calls that need it now; guarded by lock

    def __init__(self, obj):
        names = {getattr(c, "__module__", None) for c in getattr(obj, "__mro__", (obj,))}
        self.names = [n for n in names if n in scripts and sys.modules.get(n) is None or n in self.shown]

    def __enter__(self):
        with self.lock:
            for name in self.names:
                self.shown[name] = self.shown.get(name, 0) + 1
                sys.modules.setdefault(name, scripts[name])

    def __exit__(self, *exc_info):
        with self.lock:
            for name in self.names:
                self.shown[name] -= 1
                if not self.shown[name]:
                    del self.shown[name]
                    sys.modules.pop(name, None)


def show_scripts_to(module, name):
    """Wraps function `name` of a standard module, whose first argument may be a script's class."""
    function = getattr(module, name)

    def wrapper(obj, *args, **kwargs):
        with Visible(obj):
            return function(obj, *args, **kwargs)

    wrapper.__wrapped__ = function
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        setattr(wrapper, attribute, getattr(function, attribute))
    setattr(module, name, wrapper)


# --- old generations ------------------------------------------------------------------------------


def retire(path, number, mark):
    """Takes note of a generation that no request uses any more. It should die soon."""
    retired[path, number] = weakref.ref(mark)


def collect():
    """Runs the garbage collector and describes the retired generations that are still alive.

    Each is named once: what holds it does not change by being repeated in the log.
    """
    gc.collect()
    alive = []
    for key, reference in list(retired.items()):
        del retired[key]
        mark = reference()
        if mark is not None:
            alive.append(f"generation {mark.number} of WSGI script {mark.path} is not needed any "
                         f"more but still in memory: {holder_of(mark)}")
    return alive


def holder_of(mark):
    """One clause on what keeps a retired generation's globals alive, as near to a name as it gets.

    Walks from the objects of the generation outward to what refers to them, one level at a time
    (each level costs a pass over all objects), until something that a module names is met.
    """
    namespace = next((d for d in gc.get_referrers(mark)
                      if type(d) is dict and d.get("__brine_generation__") is mark), None)
    if namespace is None:
        return "its globals are gone, and only the mark in them is held"
    inside = level = members(namespace)
    # Numbers only: these tables must not be referrers themselves.
    known = {id(obj) for obj in inside} | {id(inside)}
    origin = {id(obj): number for number, obj in enumerate(inside)}
    nearest = None
    for _ in range(5):
        outer = [obj for obj in gc.get_referrers(*level)
                 if id(obj) not in known and not of_this_search(obj)]
        for obj in outer:
            inner = next(part for part in gc.get_referents(obj) if id(part) in origin)
            origin[id(obj)] = origin[id(inner)]
            member = describe(inside[origin[id(obj)]])
            name = name_in_a_module(obj, inner)
            if name is not None:
                return f"{member} is held by {name}"
            nearest = nearest or f"{member} is held by {describe(obj)}"
        known.update(map(id, outer), (id(outer), id(level)))
        level = outer
    return nearest or "no holder was found; a thread that the script started may still run in it"


def members(namespace):
    """The functions and classes that refer to a generation's globals, and those globals."""
    functions = [obj for obj in gc.get_referrers(namespace) if isinstance(obj, types.FunctionType)]
    classes = [obj for obj in namespace.values()
               if isinstance(obj, type) and obj.__module__ == namespace.get("__name__")]
    inside = [*functions, *classes, namespace]
    for cls in classes:
        inside += [part for part in gc.get_referents(cls)
                   if not isinstance(part, (type, types.ModuleType))]
    return inside


def of_this_search(obj):
    """Whether an object refers to a generation only because bootstrap.py examines it now."""
    if isinstance(obj, types.FrameType):
        return True
    return type(obj).__name__ in ("list_iterator", "ReferenceType", "weakref")


def name_in_a_module(obj, member):
    """'module.attribute' where `obj` is that attribute's value, or the globals in which `member` is."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if type(names) is not dict or "__brine_generation__" in names:
            continue
        if names is obj:
            found = [name for name, value in list(names.items()) if value is member]
            return f"{module.__name__}.{found[0]}" if found else f"module {module.__name__}"
        for name, value in list(names.items()):
            if value is obj:
                return f"{module.__name__}.{name}"
    return None


def describe(obj):
    """A short name for an object."""
    if isinstance(obj, (type, types.FunctionType)):
        return f"{'class' if isinstance(obj, type) else 'function'} {obj.__qualname__}"
    return f"an object of type {type(obj).__module__}.{type(obj).__qualname__}"


# --- wsgi.file_wrapper ----------------------------------------------------------------------------


class FileWrapper:
    """`wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling")."""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.blksize)
        if not block:
            raise StopIteration
        return block

    def close(self):
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


FileWrapper.__module__ = "mod_wsgi"


def plain_file(filelike):
    """(descriptor, offset) if reading `filelike` is reading its descriptor, else None.

    Judged by its exact class: a GzipFile has a descriptor too, but other bytes.
    """
    if type(filelike) is tempfile._TemporaryFileWrapper:
        filelike = filelike.file
    if type(filelike) is io.BufferedReader or type(filelike) is io.BufferedRandom:
        if type(filelike.raw) is not io.FileIO:
            return None
        if type(filelike) is io.BufferedRandom:
            filelike.flush()
    elif type(filelike) is not io.FileIO:
        return None
    return filelike.fileno(), filelike.tell()


# --- the interpreter's surroundings ---------------------------------------------------------------


class Restricted:
    """Stands for a standard stream that WSGIRestrictStdin or WSGIRestrictStdout takes away."""

    def __init__(self, name):
        self.__dict__["_name"] = name

    def __getattr__(self, attribute):
        raise OSError(f"{self._name} access restricted by mod_wsgi")


def ignore_signals(log_info):
    """WSGIRestrictSignal: signals belong to httpd, so `signal.signal` is answered and ignored."""
    original = signal.signal
    server = os.getpid()

    def wrapper(signalnum, handler):
        if os.getpid() != server:  # a process that the application forked is its own
            return original(signalnum, handler)
        caller = sys._getframe(1)
        log_info(f"BRINE0204: signal.signal({signalnum!r}) ignored at {caller.f_code.co_filename}:"
                 f"{caller.f_lineno}: signals belong to the server (WSGIRestrictSignal Off allows it)")
        return handler

    wrapper.__wrapped__ = original
    wrapper.__name__ = wrapper.__qualname__ = "signal"
    wrapper.__doc__ = original.__doc__
    signal.signal = wrapper


def add_paths(paths):
    """WSGIPythonPath: as `site` adds directories (.pth files work), but before what was there."""
    missing = [path for path in paths if not os.path.isdir(path)]
    before = list(sys.path)
    for path in paths:
        site.addsitedir(path)
        if path in before:  # named again by the operator: it comes first
            before.remove(path)
            if path not in sys.path:
                sys.path.append(path)
    added = [path for path in sys.path if path not in before]
    for path in (p for p in paths if p in sys.path and p not in added):
        added.append(path)
    sys.path[:] = added + before
    return missing


def run_exit_callbacks():
    """Runs what the application left for the interpreter's end, as Py_Finalize would."""
    import atexit

    threading._shutdown()
    atexit._run_exitfuncs()


def install():
    sys.meta_path.insert(0, ScriptFinder())
    sys.argv = ["mod_wsgi"]
    show_scripts_to(typing, "get_type_hints")
    show_scripts_to(inspect, "getfile")
    show_scripts_to(inspect, "getmodule")
    if hasattr(inspect, "get_annotations"):
        show_scripts_to(inspect, "get_annotations")


install()
