"""Loads a WSGI script as a group's process would, and tells how that went. Run by the group's Python as the group's
user, by `python -c`: it imports nothing of Brine, which that user may not be able to read.

Its arguments are a descriptor and JSON (`loading.question`); the answer is written to the descriptor as JSON.
"""

import faulthandler
import glob
import importlib.machinery
import importlib.util
import json
import os
import re
import resource
import site
import sys
import traceback
import types

MOST_WORDS = 2000
MOST_ERRORS = 10
MOST_EXTENSIONS = 300
SUPPORT_SLOT = 3  # Py_mod_multiple_interpreters
MULTIPHASE, SINGLE_PHASE, UNKNOWN = "multi-phase", "single-phase", "unknown"


def add_paths(paths):
    """In front of the others, as the engine adds them; .pth files count."""
    before = list(sys.path)
    for path in paths:
        site.addsitedir(path)
        if path in before:
            before.remove(path)
            if path not in sys.path:
                sys.path.append(path)
    sys.path[:] = [path for path in sys.path if path not in before] + before


class Part(types.ModuleType):
    """Stands for a part of `mod_wsgi`, which only a server's Python has: its functions do nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **named: None


def subscribed(function):
    """What is given is given back, so that it can be a decorator."""
    return function


def add_server_modules(about):
    """`import mod_wsgi`, its parts that are there, and `import apache`: with what they have, and nothing else."""
    import logging
    module = sys.modules["mod_wsgi"] = types.ModuleType("mod_wsgi")
    module.__path__, module.__all__ = [], about["names"]
    values = {
        "version": (6, 0, 5), "process_group": about["process_group"], "application_group": about["application_group"],
        "maximum_processes": 1, "threads_per_process": about["threads"], "active_requests": {},
        "FileWrapper": type("FileWrapper", (), {"__init__": lambda self, filelike, blksize=8192: None}),
        "RequestTimeout": type("RequestTimeout", (BaseException,), {}),
        "LogHandler": type("LogHandler", (logging.NullHandler,), {})}
    for name in about["names"]:
        made = subscribed if name.startswith("subscribe_") else [] if name.endswith("_callbacks") else None
        setattr(module, name, values.get(name, made if made is not None else lambda: None))
    for part in about["parts"]:
        sys.modules["mod_wsgi." + part] = module.__dict__[part] = Part("mod_wsgi." + part)
    apache = sys.modules["apache"] = types.ModuleType("apache")
    apache.version, apache.description, apache.build_date, apache.mpm_name = (2, 4, 0), "Apache/2.4", "", "event"
    apache.maximum_processes, apache.threads_per_process = 1, 1


def keep_streams():
    """What a script does to them ends nothing in a server. Gives those that this program goes on with."""
    for stream in (sys.stdout, sys.stderr):
        stream.close = lambda: None
    return sys.stdout, sys.stderr


def load(path):
    """Runs the script; gives its module."""
    with open(path, "rb") as file:
        source = file.read()
    name = "_mod_wsgi_" + "0" * 32
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader, origin=path))
    module.__file__ = path
    sys.modules[name] = module
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return module


def restore(name, value):
    """A variable that this program alone needed: the script is to see the server's."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def cut(text):
    return text if len(text) <= MOST_WORDS else text[:MOST_WORDS] + "..."


def words(error):
    try:
        return cut(str(error))
    except BaseException as another:
        return "<its text raises %s>" % type(another).__name__


def frames(error):
    """[(file, line)], the innermost last."""
    return [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def place(error):
    """The file and line in which it was raised, import machinery left out."""
    if isinstance(error, SyntaxError) and error.filename:
        return str(error.filename), error.lineno or 0
    return ([each for each in frames(error) if not each[0].startswith("<")] or [("", 0)])[-1]


def chain(error):
    """The exception and those that it came from, the first of all first."""
    found, seen = [], set()
    while error is not None and id(error) not in seen and len(found) < MOST_ERRORS:
        seen.add(id(error))
        found.append(error)
        inner = getattr(error, "exceptions", None)
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        error = cause or (inner[0] if isinstance(inner, tuple) and inner else None)
    return found[::-1]


def told(error):
    file, line = place(error)
    name = getattr(error, "name", None) if isinstance(error, ImportError) else None
    filename = getattr(error, "filename", None) if isinstance(error, OSError) else None
    return {"type": type(error).__name__, "message": words(error), "file": file, "line": line,
            "module": name if isinstance(name, str) else "",
            "errno": (error.errno or 0) if isinstance(error, OSError) else 0,
            "filename": os.fsdecode(filename) if isinstance(filename, (str, bytes)) else "",
            "lookup": any(frame[0].endswith(("/os.py", "<frozen os>")) for frame in frames(error)[-1:])}


def missing_module(errors):
    """The module that was not found; "" if that is not what happened."""
    return next((error.name for error in errors if isinstance(error, ModuleNotFoundError) and error.name), "")


def missing_part(errors):
    """Likewise, what was to be imported from a package, and may have been a module of it."""
    for error in errors:
        name = re.match(r"cannot import name '(\w+)'", str(error)) if isinstance(error, ImportError) else None
        if name and isinstance(error.name, str):
            return error.name + "." + name.group(1)
    return ""


def search(module, about):
    """Where a module that was not found lies, of the places where it might be meant to be."""
    top, found = module.partition(".")[0], []
    if not top.isidentifier():
        return found
    for root in about["environments"]:
        for folder in sorted(glob.glob(glob.escape(root) + "/lib/python3*/site-packages")):
            if folder not in sys.path and has(folder, top):
                found.append(["environment", root, folder.rsplit("/", 2)[1][6:]])
    for folder in about["folders"]:
        if folder not in sys.path and has(folder, top):
            found.append(["folder", folder, ""])
    return found[:20]


def built_for(module):
    """Where a part of a package is there for another Python alone."""
    found = []
    for folder in sys.path:
        built = glob.glob(glob.escape(os.path.join(folder, *module.split("."))) + ".*cpython-3*.so")
        tags = {name.split("cpython-3", 1)[1].split("-")[0] for name in built}
        found += [["built-for", folder, "3." + tag] for tag in sorted(tags)]
    return found[:20]


def has(folder, name):
    path = os.path.join(folder, name)
    return os.path.isdir(path) or os.path.isfile(path + ".py") or bool(glob.glob(glob.escape(path) + ".*.so"))


def definition_of(module, ctypes):
    """(whether it is initialised in phases, the value of its slot for interpreters or None)."""
    get = ctypes.pythonapi.PyModule_GetDef
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object]
    address = get(module)
    if not address:
        return None
    pointer = ctypes.sizeof(ctypes.c_void_p)
    # PyModuleDef: an object's head, m_init, m_index, m_copy; m_name, m_doc, m_size, m_methods, m_slots
    slots = ctypes.c_void_p.from_address(address + object.__basicsize__ + 7 * pointer).value
    if not slots:
        return False, None
    for index in range(100):
        identifier = ctypes.c_int.from_address(slots + 2 * index * pointer).value
        if identifier == 0:
            return True, None
        if identifier == SUPPORT_SLOT and sys.version_info >= (3, 12):
            return True, ctypes.c_void_p.from_address(slots + (2 * index + 1) * pointer).value or 0
    return True, None


def extensions(modules):
    """[name, file, how it is initialised, its value of Py_mod_multiple_interpreters or None]"""
    try:
        import ctypes
    except ImportError:
        return []
    found = []
    for name, module in modules:
        loader = getattr(getattr(module, "__spec__", None), "loader", None)
        if not isinstance(loader, importlib.machinery.ExtensionFileLoader) or not isinstance(module, types.ModuleType):
            continue
        definition = definition_of(module, ctypes)
        phase = UNKNOWN if definition is None else MULTIPHASE if definition[0] else SINGLE_PHASE
        found.append([name, str(getattr(module, "__file__", "")), phase, definition[1] if definition else None])
    return sorted(found)[:MOST_EXTENSIONS]


def used_data():
    """Bytes that count for RLIMIT_DATA and RLIMIT_AS."""
    try:
        with open("/proc/self/status") as file:
            values = dict(line.split(":", 1) for line in file)
        return [int(values[name].split()[0]) * 1024 for name in ("VmData", "VmPeak")]
    except (OSError, KeyError, ValueError):
        return [0, 0]


def context():
    """Who and where this is."""
    return {"uid": os.getuid(), "gid": os.getgid(), "cwd": os.getcwd(), "prefix": sys.prefix,
            "path": list(sys.path), "version": "%d.%d" % sys.version_info[:2] + "t" * ("t" in sys.abiflags),
            "program": sys.executable or "", "encoding": sys.getfilesystemencoding(),
            "stdlib": os.path.dirname(os.__file__)}


def main(descriptor, about):
    if sys.path[:1] == [""]:
        del sys.path[0]
    sys.argv = ["mod_wsgi"]
    answer = {"raised": [], "missing": "", "found": [], "defined": [], "callable": ""}
    module = None
    restore("LD_LIBRARY_PATH", about["library_path"])
    streams = keep_streams()
    faulthandler.enable()  # for a crash, and for the SIGABRT of whoever waits too long
    try:
        add_paths(about["paths"])
        add_server_modules(about["module"])
        module = load(about["script"])
    except BaseException as error:
        errors = chain(error)
        answer["raised"] = [told(each) for each in errors]
        module_name, part = missing_module(errors), missing_part(errors)
        answer["found"] = [*(built_for(part) if part else []), *(built_for(module_name) if module_name else []),
                           *(search(module_name, about) if module_name else [])]
        answer["missing"] = module_name or (part if answer["found"] else "")
    modules = list(sys.modules.items())
    if module is not None and about["callable"]:
        wanted = module.__dict__.get(about["callable"], module)
        answer["callable"] = "missing" if wanted is module else "yes" if callable(wanted) else "no"
        answer["defined"] = sorted(name for name, value in list(module.__dict__.items()) if callable(value)
                                   and not name.startswith("_"))[:20]
    answer["data"], answer["space"] = used_data()
    answer["resident"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer["context"] = context()
    answer["extensions"] = extensions(modules)
    for stream in streams:
        stream.flush()
    with open(descriptor, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
    os._exit(0)  # whatever threads it has started: nobody waits for them


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
