"""The part of Brine that is simplest in Python; run once in each interpreter, before any script.

It is compiled into the engine under the file name "<brine>", which the log leaves out of tracebacks.
Nothing here is on the path of an ordinary request, and what is imported here every interpreter has to
find room for: modules that import much in their turn are left to the applications. The engine puts
among its globals before it runs: own_code(module name), compile_source(bytes, path), frame_of(thread), is_alone(),
make_guard(spec), execute_guard(module), call_unmasked(function, args, kwargs), PICKLE_POLICY, PICKLE_SAMPLE,
LOG_LEVEL (httpd's number), and the functions of script/service.hpp.
"""

import _posixsubprocess
import atexit
import codecs
import collections
import functools
import gc
import importlib.machinery
import importlib.util
import io
import os
import signal
import site
import stat
import sys
import threading
import time
import types
from _collections_abc import MutableMapping  # loaded already, other than collections.abc
from _weakref import ref as weak_reference  # the module weakref imports much more

PREFIX = "_mod_wsgi_"
OWN_FILE = "<brine>"
OWN_SYS_NAME = "__brine_sys__"
IMPORTLIB = importlib._bootstrap._find_and_load.__code__.co_filename
MOST_GENERATIONS = 1000
MOST_CALLS = 100

scripts = {}
"""Module name -> the module of the generation that serves now."""

executing = {}
"""Module name -> (the module whose script is being executed, the thread); one at a time for each name."""

generation_names = collections.OrderedDict()
"""id of a module's __name__ -> (that string, number of its generation), of the last so many generations.

Each generation's name is a string of its own. A class or function has it as its `__module__`, and is so
known by its generation.
"""

registered = {}
"""Module name -> the module that stays in sys.modules: WSGIScriptModules Registered."""

named = {}
"""Name that the configuration gives a script -> its path. What is in sys.modules is its view: brine.script_names."""

lowered = {}
"""Module name that mod_wsgi gives a script, where it is another one here -> its name here, of the first such script."""

sources = {}
"""Path -> source of the generation that serves now, as it was executed."""

shown_sources = {}
"""Path -> source that linecache shows now, or will once somebody imports it."""

retired = {}
"""(path, generation number) -> weak reference to the mark in that generation's dict."""


class Generation:
    """The mark in a script's globals: it lives exactly as long as that dict does."""

    __slots__ = ("name", "number", "path", "__weakref__")

    def __init__(self, name, path, number):
        self.name = name
        self.path = path
        self.number = number

    def __repr__(self):
        return f"<generation {self.number} of WSGI script {self.path}>"


def module_name(path):
    """The name of a script's module, a new string: unique and stable, that of mod_wsgi if nothing is a capital."""
    try:
        from _md5 import md5  # a small module
    except ImportError:  # left out of this Python
        from hashlib import md5
    return PREFIX + md5(os.fsencode(path), usedforsecurity=False).hexdigest()


def new_module(name, path):
    """A module object with the attributes that the import system gives to one."""
    spec = ScriptSpec(name, ScriptLoader(name, path), origin=path)
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    spec.module = weak_reference(module)
    return module


def execute(path, source, number, keep_registered, required):
    """Runs `source`, the bytes of the script at `path`, in a new module and returns (module, mark).

    The module is in sys.modules while it executes, as importlib does it; afterwards only if
    `keep_registered`. Raises whatever the script raises, or AttributeError where it does not define
    `required` (if not empty). Then all is as it was, but for the lines that a traceback shows: call
    `show_serving_source` when it has been formatted.
    """
    name = given_name(path) or module_name(path)
    lower = module_name(os.fsencode(path).lower())
    if lower != name:
        lowered.setdefault(lower, name)
    module = new_module(name, path)
    mark = module.__dict__["__brine_generation__"] = Generation(name, path, number)
    remember_name(name, number)
    if name in scripts:
        module.__class__ = Successor
    executing[name] = module, threading.get_ident()
    update_sys_modules(name, lower)
    try:
        show_source(path, source)
        code = compiled(source, path)
        module.__dict__[OWN_SYS_NAME] = OWN_SYS
        with script_lock(name):
            run(code, module.__dict__)
        if required and not hasattr(module, required):
            raise AttributeError(f"WSGI script {path} does not define {required!r} any more")
        # What runs is what tracebacks and inspect show, even if the file is edited later.
        sources[path] = source
        if mentions(code, "modules"):
            show_scripts_to(module, OWN_SYS)
        if type(module) is Successor:
            module.__class__ = types.ModuleType
        scripts[name] = module
        put(registered, name, module if keep_registered else None)
        forget_pickle_verdicts()
    finally:
        del executing[name]
        update_sys_modules(name, lower)
    return module, mark


def run(code, names):
    """Executes a script's code. That of a service may end itself, and is told to end by an exception."""
    if not is_service or names["__name__"] in named_by_others:
        exec(code, names)
        return
    try:
        try:
            if enter_service():
                exec(code, names)
        finally:
            leave_service()
    except (SystemExit, KeyboardInterrupt) as end:
        if not service_told() and (isinstance(end, KeyboardInterrupt) or end.code not in (None, 0)):
            raise


def show_serving_source(path):
    """After a failed load: tracebacks of the generation that goes on serving need its own lines."""
    show_source(path, sources.get(path))


def show_source(path, source):
    """What linecache is to show of a script from now on; None: what is in the file."""
    put(shown_sources, path, source)
    cache = getattr(sys.modules.get("linecache"), "cache", None)  # not yet, while it is being imported
    if cache is not None:
        put(cache, path, None if source is None else linecache_entry(path, source))


def linecache_entry(path, source):
    """The source as an entry of linecache.cache; None if it is in no encoding that Python knows."""
    try:
        lines = importlib.util.decode_source(source).splitlines(True)
    except (SyntaxError, UnicodeDecodeError):
        return None
    return len(source), None, lines, path


def put(table, name, value):
    """Puts `value` under `name`; None: there is to be none."""
    if value is None:
        table.pop(name, None)
    else:
        table[name] = value


# --- scripts by their names -----------------------------------------------------------------------


def current(name):
    """The module that a script's name stands for, for the thread that asks; None if it is no script's.

    While a script is executed, its own thread means that module, and others the generation that serves.
    """
    found = executing.get(name)
    if found is not None and (found[1] == threading.get_ident() or name not in scripts):
        return found[0]
    return scripts.get(name)


def own_name(name):
    """The name of the script that a name means: another, where mod_wsgi calls it so and no script here is."""
    return name if name in scripts or name in executing else lowered.get(name, name)


def update_sys_modules(*names):
    """Puts scripts' modules into sys.modules where they belong there by now, or takes them out.

    Under importlib's own lock of that name: an import of it finds one state or the other.
    """
    for name in names:
        if own_name(name) in named:
            continue  # its view is there
        with importlib._bootstrap._ModuleLockManager(name):
            own = own_name(name)
            module, _ = executing.get(own, (None, None))
            put(sys.modules, name, module or registered.get(own))


# --- scripts that have a name of their own ------------------------------------------------------------------


named_by_others = set()
"""Scripts that are being loaded because a pickle names them: in a service they run as what is imported does."""


def name_scripts(table, load, log_error):
    """WSGIScriptName. `table`: (name, path) of each script; `load(name)` returns false where one does not load."""
    global load_script, log_name_clash
    load_script, log_name_clash = load, log_error
    names = importlib.import_module("brine.script_names")
    for name, path in table:
        named[name] = path
        names.add(name, path)
        lowered[module_name(path)] = name


def given_name(path):
    """The name that the configuration gives a script, a new string each time; None: none, or that of a module."""
    name = next((each for each, script in named.items() if script == path), None)
    if name is None:
        return None
    names = sys.modules["brine.script_names"]
    if names.view_of(name) is None:
        where = names.other_module(name) or "in sys.modules"
        log_name_clash(f"BRINE0311: WSGI script '{path}' cannot be called {name}, as a module is ({where}): it is loaded "
                       "without a name; give it another by WSGIScriptName, or take the module away")
        return None
    return name[:1] + name[1:]


def script_lock(name):
    """importlib's lock for the execution of a script: it knows who waits for whom, modules and scripts alike."""
    return importlib._bootstrap._ModuleLockManager(f"{name} (script)")


def script_module(name):
    """The module of a named script for the thread that asks, if it is loaded; None for any other name."""
    if name not in named:
        return None
    found = executing.get(name)
    return found[0] if found is not None and found[1] == threading.get_ident() else scripts.get(name)


def serving(name):
    """The module of a named script for the thread that asks, which loads it as a request would where there is none.

    Of scripts that load each other, what there is of one is all that the other gets, as with `import`.
    """
    module = script_module(name)
    if module is not None:
        return module
    try:
        with script_lock(name):
            pass
    except importlib._bootstrap._DeadlockError:
        return current(name)
    named_by_others.add(name)
    try:
        loaded = load_script(name)
    finally:
        named_by_others.discard(name)
    names = sys.modules["brine.script_names"]
    if not loaded or name not in scripts:
        raise names.ScriptLoadError(f"the WSGI script {names.table[name]}, called {name}, does not load here: the server's "
                                    "error log says why", name=name, path=names.table[name])
    return scripts[name]


def look_again(name):
    """Loads a named script anew where its file has changed, unless a new process is to do that, or this is it."""
    if name in scripts and name not in executing:
        load_script(name)


class Successor(types.ModuleType):
    """A script's module while it is executed anew, and for ever if that fails.

    It stands in sys.modules meanwhile, for the script's own sake. Threads that serve requests, and come
    across it there, see the names of the generation that serves.
    """

    def __getattribute__(self, attribute):
        # Not by super(): the class may be another by now, in the thread that has loaded the script.
        names = types.ModuleType.__getattribute__(self, "__dict__")
        mark = names.get("__brine_generation__")
        module = mark and current(mark.name)
        if module is None or module is self:
            return types.ModuleType.__getattribute__(self, attribute)
        return getattr(module, attribute)


class ScriptSpec(importlib.machinery.ModuleSpec):
    """The spec of one generation, by which importlib hands out the module that there is."""

    def module(self):
        """The generation's module, or None."""

    @property
    def _initializing(self):
        """importlib sets it when it puts a module into sys.modules, and unsets it when that is loaded."""
        return self.__dict__.get("_initializing", False)

    @_initializing.setter
    def _initializing(self, value):
        self.__dict__["_initializing"] = value
        if not value:  # a script does not stay there, nor is it put in another's place
            update_sys_modules(self.name)


class ScriptLoader(importlib.machinery.SourceFileLoader):
    """What `__loader__` of a WSGI script is: finds its file, source and data, and runs nothing."""

    def get_code(self, name):
        return compile(self.get_source(name), self.path, "exec", dont_inherit=True)

    def is_package(self, name):
        return False

    def create_module(self, spec):
        return spec.module()

    def exec_module(self, module):
        if "__brine_generation__" not in module.__dict__:
            raise refusal(module.__name__, self.path)


def refusal(name, path):
    """What is raised where something would import a script as its own."""
    return ImportError(
        f"{name} is the WSGI script {path}, which cannot be imported: it is loaded by the server and is "
        "not in sys.modules. Move what others need into a module on sys.path and import it from there.",
        name=name, path=path)


class ScriptFinder:
    """Finds the scripts of this interpreter: who asks the import system for one gets what serves."""

    def find_spec(self, fullname, path=None, target=None):
        module = current(fullname) if fullname.startswith(PREFIX) else None
        if module is None:
            return None
        wanted = wanted_submodule(fullname)
        if wanted is not None:  # importlib would look for the parent in sys.modules, once it is not there any more
            raise ModuleNotFoundError(f"No module named {wanted!r}; {fullname!r} is not a package", name=wanted)
        return module.__spec__


def wanted_submodule(name):
    """The submodule for whose sake importlib imports `name` now, or None."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == IMPORTLIB:
        wanted = frame.f_locals.get("name")
        if isinstance(wanted, str) and wanted.startswith(f"{name}."):
            return wanted
        frame = frame.f_back
    return None


MODULES = sys.modules
"""The dict that is sys.modules to the import system, whatever an application puts in its place."""


class Modules(MutableMapping):
    """sys.modules, in which the scripts are found by their names too.

    `listed`: they are also among its keys.
    """

    __class__ = property(lambda self: dict)  # what isinstance() goes by

    def __init__(self, listed):
        self.listed = listed

    def __getitem__(self, name):
        try:
            return script_module(name) or MODULES[name]
        except KeyError:
            module = current(name)
            if module is None:
                raise
            return module

    def __contains__(self, name):
        return name in MODULES or (self.listed and current(name) is not None)

    def __setitem__(self, name, module):
        MODULES[name] = module

    def __delitem__(self, name):
        try:
            del MODULES[name]
        except KeyError:
            if current(name) is None:  # a script is found, and is not there
                raise

    def __iter__(self):
        return iter(self.copy())

    def __reversed__(self):
        return reversed(self.copy())

    def __len__(self):
        return len(self.copy())

    def __repr__(self):
        return repr(self.copy())

    def __or__(self, other):
        return self.copy() | other

    def __ror__(self, other):
        return other | self.copy()

    def __ior__(self, other):
        MODULES.update(other)
        return self

    def __reduce__(self):
        return dict, (self.copy(),)

    def copy(self):
        shown = {name: module for name in named if (module := script_module(name))}
        return {**(scripts if self.listed else {}), **MODULES, **shown}

    __copy__ = copy

    def clear(self):
        MODULES.clear()

    def popitem(self):
        return MODULES.popitem()


class TypeOfSys(type):
    """The class of the class of `sys`. Whatever is done with type(sys) is done with the class of all modules."""

    def __new__(cls, name, bases, names, **more):
        if not any(type(base) is cls for base in bases):
            return super().__new__(cls, name, bases, names, **more)
        bases = tuple(types.ModuleType if type(base) is cls else base for base in bases)
        return types.new_class(name, bases, more, lambda namespace: namespace.update(names))

    def __call__(cls, *args, **kwargs):
        return types.ModuleType(*args, **kwargs)

    def __instancecheck__(cls, instance):
        return isinstance(instance, types.ModuleType)

    def __subclasscheck__(cls, other):
        return issubclass(other, types.ModuleType)

    def __eq__(cls, other):
        return other is cls or other is types.ModuleType

    def __hash__(cls):
        return hash(types.ModuleType)


class Sys(types.ModuleType, metaclass=TypeOfSys):
    """What `sys` is to a module to which scripts are shown: sys itself, but for sys.modules."""

    __delattr__ = sys.__delattr__
    __dir__ = sys.__dir__

    def __getattribute__(self, name):
        value = getattr(sys, name)
        return types.ModuleType.__getattribute__(self, "modules") if value is MODULES else value

    def __setattr__(self, name, value):
        setattr(sys, name, MODULES if type(value) is Modules else value)

    def __eq__(self, other):
        return other is sys or type(other) is Sys

    def __hash__(self):
        return hash(sys)


Sys.__module__, Sys.__name__, Sys.__qualname__ = "builtins", "module", "module"  # as those of the class of sys


def new_sys(modules):
    found = types.ModuleType.__new__(Sys)
    types.ModuleType.__setattr__(found, "modules", modules)
    return found


LIBRARY_SYS = new_sys(Modules(listed=True))
"""For what looks for the module of a class or function, and takes it as any other."""

OWN_SYS = new_sys(Modules(listed=False))
"""For a script, which is found under its name as with mod_wsgi."""


def find_what_is_reloaded():
    """importlib.reload(sys) takes no other object than that which is in sys.modules."""
    original = importlib.reload

    @functools.wraps(original)
    def reload(module):
        if type(module) is not Sys:
            return original(module)
        original(sys)
        return module

    importlib.reload = reload


def show_scripts_to(module, shown=LIBRARY_SYS):
    """Gives a module, instead of `sys` and `sys.modules`, what finds the scripts too.

    Nobody else sees them, pickle least of all, and nothing is in the way of the module's own code.
    """
    names = vars(module)
    instead = {id(sys): shown, id(MODULES): shown.modules}
    for name, value in list(names.items()):
        if id(value) in instead:
            names[name] = instead[id(value)]
        elif type(value) is types.FunctionType and value.__defaults__:
            value.__defaults__ = tuple([instead.get(id(default), default) for default in value.__defaults__])


def compiled(source, path):
    """The code of a script. Where it may look into sys.modules, what its functions import finds scripts there."""
    if b"modules" not in source and b"\0" not in source:
        return compile_source(source, path)
    import _ast as ast  # makes a class of each kind of node
    tree = compile(source, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    parts = [(tree, False)]
    for part, inside in parts:
        inside = inside or isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for field in part._fields:
            value = getattr(part, field, None)
            if inside and isinstance(value, list):
                setattr(part, field, [each for one in value for each in (one, *own_names(ast, one))])
            parts += [(each, inside) for each in (value if isinstance(value, list) else [value])
                      if isinstance(each, ast.AST)]
    return compile(tree, path, "exec", dont_inherit=True)


def own_names(ast, statement):
    """Assignments that follow an import of sys, or of modules from it, within a function."""
    place = {name: getattr(statement, name) for name in getattr(statement, "_attributes", ())}
    for alias in getattr(statement, "names", ()):
        value = ast.Name(OWN_SYS_NAME, ast.Load(), **place)
        if isinstance(statement, ast.ImportFrom):
            if (statement.module, statement.level, alias.name) != ("sys", 0, "modules"):
                continue
            value = ast.Attribute(value, alias.name, ast.Load(), **place)
        elif not isinstance(statement, ast.Import) or alias.name != "sys":
            continue
        yield ast.Assign([ast.Name(alias.asname or alias.name, ast.Store(), **place)], value, **place)


def mentions(code, name):
    """Whether a code object, or one within it, has a variable or attribute of that name."""
    return name in code.co_names or any(mentions(part, name) for part in code.co_consts
                                        if isinstance(part, types.CodeType))


def amend_linecache(linecache):
    for path, source in list(shown_sources.items()):  # another thread may load a script
        put(linecache.cache, path, linecache_entry(path, source))


# --- what to say where a script was not found by its name, or an extension module refused to load --


def advise(error):
    """What is to be logged of an exception of which the configuration can be the cause, or None."""
    parts = related(error)
    for part in parts:
        if isinstance(part, ImportError) and NO_SUB_INTERPRETER in str(part):
            where, more = "an interpreter with a GIL of its own", (
                ", or have interpreters share a GIL, by WSGIPerInterpreterGIL Off and without interpreters= of "
                "WSGIDaemonProcess")
            if "t" in sys.abiflags:
                where, more = "a sub-interpreter of a free-threaded Python", ""
            return (f"BRINE0207: {str(part).partition(NO_SUB_INTERPRETER)[0]}cannot be used in {where}: run the script in "
                    f"the main interpreter, by 'WSGIApplicationGroup %{{GLOBAL}}'{more}")
    if any(type(part).__name__ == "UnsafePickleError" for part in parts):  # refused wherever the script is
        return None
    for part in parts:
        place = origin(part)
        name = script_not_found(part, place)
        if name is not None:
            code = place and place.tb_frame.f_code
            place = f"{code.co_filename}:{place.tb_lineno} in {code.co_name}" if code else "something"
            return (f"BRINE0309: {place} looked for the module {name} in sys.modules, where that of WSGI script "
                    f"'{script_of(name)[0]}' does not stay: set WSGIScriptModules Registered for this script, or "
                    "move what is looked for into a module of your own on sys.path and import it from the script")
    return None


NO_SUB_INTERPRETER = "does not support loading in subinterpreters"
"""What CPython's ImportError says of an extension module that needs a GIL which all interpreters share, or, in a
free-threaded Python, that supports one interpreter alone."""


def related(error):
    """The exception and those of which it comes, each once."""
    found = [error]
    for part in found:
        for other in (part.__cause__, part.__context__, *getattr(part, "exceptions", ())):
            if isinstance(other, BaseException) and not any(other is known for known in found):
                found.append(other)
        if len(found) > MOST_CALLS:
            break
    return found


def origin(error):
    """The entry of the traceback in which an exception was raised; None if that was in no Python code."""
    place = None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename not in (OWN_FILE, IMPORTLIB):
            place = traceback
        traceback = traceback.tb_next
    return place


def script_not_found(error, place):
    """The name of the script's module for whose absence an exception was raised, or None."""
    name = None
    if isinstance(error, KeyError):
        name = error.args and sees_sys_modules(place) and error.args[0]
    elif isinstance(error, ImportError):
        name = not str(error).startswith("cannot import name") and error.name
    elif isinstance(error, AttributeError):
        if error.obj is None:  # None.__dict__, or raised by Python code
            name = name_in(str(error)) or (
                error.name and sees_sys_modules(place) and name_among(place))
    elif isinstance(error, TypeError) and any(words in str(error) for words in ("NoneType", "__dict__")):
        name = looks_into_sys_modules(place) and name_among(place)  # None(), vars(None)
    elif type(error).__name__ == "PicklingError" or "sys.modules" in str(error):
        name = name_in(str(error))
    return not_there(name or name_told(error, place))


def not_there(name):
    """The name of a script's module that does not stay in sys.modules, or None for any other value."""
    name = own_name(name) if isinstance(name, str) else None
    return name if name in scripts and name not in registered and name not in named else None


def name_told(error, place):
    """The name of a script's module in the words of an exception that may be about its absence, or None."""
    words = str(error)
    if isinstance(error, KeyError) and " " not in words:  # a key of some other table
        return None
    if getattr(error, "name" if isinstance(error, ImportError) else "obj", None) is not None:
        return None  # a submodule, or an attribute of what was found
    if "cannot import name" in words or "has no attribute" in words or not sees_sys_modules(place):
        return None
    first, *others = words.split("<")
    return name_in(first + "".join(other.partition(">")[2] for other in others))  # not in an object's repr()


def name_in(text):
    """The first name of a script's module in a text, or None."""
    found = [name for name in (*scripts, *lowered) if name in text]
    return found[0] if found else None


def name_among(place):
    """The name of a script's module among a function's variables, or that of a class or function of it."""
    for value in list(place.tb_frame.f_locals.values() if place else ()):
        name = value if isinstance(value, str) else getattr(
            value if isinstance(value, (type, types.FunctionType)) else type(value), "__module__", None)
        if not_there(name):
            return name
    return None


def sees_sys_modules(place):
    """Whether code has to do with sys.modules, or calls C code; else it may look into a table of its own."""
    if place is None:
        return True
    import opcode
    code = place.tb_frame.f_code
    return ("modules" in code.co_names or "CALL" in opcode.opname[code.co_code[place.tb_lasti]]
            or any(value is MODULES or type(value) is Modules for value in used(place)))


def looks_into_sys_modules(place):
    """Whether code uses sys.modules itself, in which no script is found."""
    values = used(place) if place else []
    names = place.tb_frame.f_code.co_names if place else ()
    return any(value is MODULES or (value is sys and "modules" in names) for value in values)


def used(place):
    """The values of a function's variables, and of the globals that it names."""
    frame = place.tb_frame
    return [*(frame.f_globals.get(name) for name in frame.f_code.co_names), *frame.f_locals.values()]


# --- the pickle guard -----------------------------------------------------------------------------


OWN_PACKAGES = "brine", "brine.django", "brine.pickle", "mod_wsgi.express", "mod_wsgi.server"


class OwnModules:
    """Finds `brine.pickle`, the parts of `mod_wsgi`, and what else the engine carries, whatever is installed."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "brine":
            # An application's own package of this name is let be: it becomes the parent of ours.
            spec = importlib.machinery.PathFinder.find_spec(fullname)
            return spec or importlib.util.spec_from_loader(fullname, self, origin=OWN_FILE, is_package=True)
        if not fullname.startswith(("brine.", "mod_wsgi.")):
            return None
        if fullname != "brine._guard" and own_code(fullname) is None:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, origin=OWN_FILE)
        if self.is_package(fullname):  # Django asks each of its applications for one folder
            spec.submodule_search_locations = [f"{OWN_FILE}/{fullname}"]
        return spec

    def is_package(self, name):
        return name in OWN_PACKAGES

    def get_code(self, name):
        return own_code(name)

    def create_module(self, spec):
        return make_guard(spec) if spec.name == "brine._guard" else None

    def exec_module(self, module):
        name = module.__name__
        if name == "brine._guard":
            execute_guard(module)
            module.set_policy(PICKLE_POLICY)
            module.set_sampling(PICKLE_SAMPLE)
            return
        code = own_code(name)
        if code is not None:  # brine itself is empty
            exec(code, module.__dict__)
        if name == "brine.request_id":
            module.provide(server_functions["current_id"])
        if name == "brine.pickle._scripts":
            module.provide(script_of, generation_of, refusal)
        if name == "brine.script_names":
            module.provide(module.Home(serving, script_module, registered.__contains__, look_again))


SERVER_API = ("active_requests", "event_callbacks", "process_metrics", "request_data", "request_metrics",
              "server_metrics", "shutdown_callbacks", "signal_callbacks", "start_recording_metrics", "subscribe_events",
              "subscribe_shutdown", "subscribe_signals")
"""Names of mod_wsgi that script/server_api.py makes."""

STARTED = time.time()

server_functions = {}
"""What wsgi/events.cpp does for Python: name -> function."""


def complete_module(module, functions):
    """Has mod_wsgi make the rest of its names when somebody asks for one. `functions`: of wsgi/events.cpp."""
    names = vars(module)
    server_functions.update(functions)

    def run(name, **more):
        made = {"__name__": "mod_wsgi", **functions, **more}
        exec(own_code(name), made)
        return made

    def attribute(name):
        if name == "LogHandler":
            return names.setdefault(name, run("script.log_handler")[name])
        if name not in SERVER_API:
            raise AttributeError(f"module 'mod_wsgi' has no attribute {name!r}")
        # Of two threads that come at once, both get what the first one puts there.
        api = names.setdefault("__brine_api__", names.get("__brine_api__") or run(
            "script.server_api", RequestTimeout=names["RequestTimeout"], STARTED=STARTED))
        if name == "active_requests":
            return names.setdefault(name, functions["active"]())
        if name == "event_callbacks":
            functions["observe"](api["publish"])  # somebody may append to it
        return names.setdefault(name, api[name])

    names["__getattr__"] = attribute
    names["__dir__"] = lambda: sorted({*names, *SERVER_API, "LogHandler"})


def server_api():
    """What script/server_api.py has made; None: nobody has asked for any of it."""
    return vars(sys.modules["mod_wsgi"]).get("__brine_api__") if "mod_wsgi" in sys.modules else None


def tell_signal(number):
    if api := server_api():
        api["publish_signal"](number)


def tell_forked():
    if api := server_api():
        api["publish_forked"]()


def log_by_levels():
    """WSGILogging: the root logger gets a handler, as soon as there is one, unless the application has given it one."""
    if "logging" not in sys.modules:
        AMENDMENTS["logging"] = give_root_a_handler
        return
    import logging  # another thread may be about to do so

    give_root_a_handler(logging)


def give_root_a_handler(logging):
    """Its level, if still Python's own, becomes the least that httpd's log takes, so that LogLevel alone decides."""
    root = logging.getLogger()
    if root.handlers:
        return
    root.addHandler(sys.modules["mod_wsgi"].LogHandler())
    if root.level == logging.WARNING:
        root.setLevel({6: logging.INFO, 7: logging.DEBUG}.get(LOG_LEVEL, logging.WARNING))


def guard(pickle):
    core = importlib.import_module("brine._guard")
    for name in ("dumps", "dump", "loads", "load", "Pickler", "Unpickler"):
        setattr(pickle, name, getattr(core, name))


def script_of(name):
    """(path, module, number of its generation, is it registered) of the script whose module is called so."""
    name = own_name(name)
    module = script_module(name) or current(name)
    mark = module and module.__dict__.get("__brine_generation__")
    return mark and (mark.path, module, mark.number, name in registered)


def remember_name(name, number):
    generation_names[id(name)] = name, number
    while len(generation_names) > MOST_GENERATIONS:
        generation_names.popitem(last=False)


def generation_of(name):
    """The generation whose module has this very string as its name, or None."""
    found = generation_names.get(id(name))
    return found[1] if found and found[0] is name else None


def forget_pickle_verdicts():
    """What the guard knows of names may have changed."""
    reactions = sys.modules.get("brine.pickle._react")
    if reactions is not None:
        reactions.forget()


# --- old generations ------------------------------------------------------------------------------


def retire(path, number, mark):
    """Takes note of a generation that no request uses any more. It should die soon."""
    retired[path, number] = weak_reference(mark)


KEEPS_CODE = "t" in sys.abiflags and sys.version_info < (3, 14)
"""Free-threaded CPython 3.13 frees no module, class or function any more once there is a second thread."""


def collect():
    """Runs the garbage collector and describes the retired generations that are still alive.

    Each is named once: what holds it does not change by being repeated in the log.
    """
    if KEEPS_CODE:  # that of all generations, which is nobody's fault
        retired.clear()
        return []
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
        return encode(self, block) if isinstance(block, str) else block

    def close(self):
        close = getattr(self.filelike, "close", None)
        if close is not None:
            close()


FileWrapper.__module__ = "mod_wsgi"


def encode(wrapper, text):
    """A block of a file that is open as text, in the file's own encoding."""
    file = wrapper.filelike
    encoder = wrapper.__dict__.get("_encoder")
    if encoder is None:
        name, errors = getattr(file, "encoding", None), getattr(file, "errors", None)
        encoder = codecs.getincrementalencoder(name or "utf-8")(errors or "strict")
        wrapper.__dict__["_encoder"] = encoder
        tell_of_text_file(file)
    return encoder.encode(text)


def binary_file(file):
    """What a file that is open as text reads from, if it has all of it still to read; else the file itself."""
    if type(file) is not io.TextIOWrapper:
        return file
    tell_of_text_file(file)
    try:
        unread = file.buffer.seekable() and file.tell() == 0
    except (OSError, ValueError):  # closed, or being iterated
        unread = False
    return file.buffer if unread else file


log_warning = None
"""Logs a warning; None once it has told of a file that is open as text."""


def warn_of_text_files(function):
    global log_warning
    log_warning = function


def tell_of_text_file(file):
    global log_warning
    warn, log_warning = log_warning, None
    if warn is not None:
        warn(f"BRINE0414: the application gave wsgi.file_wrapper a file that is open as text, "
             f"{getattr(file, 'name', None) or type(file).__qualname__!r}; it is sent, but PEP 3333 asks for bytes: "
             'open it with "rb" (told once)')


def plain_file(wrapper):
    """(descriptor, offset) if iterating the FileWrapper is reading a regular file, else None.

    Judged by exact classes: a GzipFile has a descriptor too, but other bytes.
    """
    if (type(wrapper).__iter__, type(wrapper).__next__) != (FileWrapper.__iter__,
                                                            FileWrapper.__next__):
        return None
    file = wrapper.filelike
    temporary = getattr(sys.modules.get("tempfile"), "_TemporaryFileWrapper", None)
    if temporary and type(file) is temporary:
        file = file.file
    file = binary_file(file)
    if type(file) not in (io.FileIO, io.BufferedReader, io.BufferedRandom):
        return None
    if type(getattr(file, "raw", file)) is not io.FileIO:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        if type(file) is io.BufferedRandom:
            file.flush()
        return file.fileno(), file.tell()
    except (OSError, ValueError):  # closed, or not seekable: reading it will say so
        return None


# --- streams into the log -------------------------------------------------------------------------


class RawLog(io.RawIOBase):
    """The raw stream below a Log. It belongs to the server: an application cannot close it."""

    closed = False
    mode = "wb"

    def __init__(self, name, write, flush):
        self.name = name
        self.write = write  # functions of wsgi/log_streams.cpp: they put lines together, for each thread
        self.flush = flush

    def writable(self):
        return True

    def readinto(self, buffer):
        raise io.UnsupportedOperation("not readable")

    def fileno(self):
        raise io.UnsupportedOperation("the server's error log has no file descriptor for applications")

    def close(self):
        self.flush()


class Log(io.TextIOWrapper):
    """sys.stderr, sys.stdout, wsgi.errors: a text stream, each line of which is a record of the log.

    All threads of the interpreter share it. So it holds no text itself, which would go to the log of
    whichever request's thread comes next, and neither close() nor detach() is its end.
    """

    mode = "w"
    line_buffering = True

    def __init__(self, name, write, flush):
        super().__init__(RawLog(name, write, flush), "utf-8", "backslashreplace", newline="\n",
                         write_through=True)

    def reconfigure(self, *, line_buffering=None, write_through=None, **changes):
        super().reconfigure(**changes)
        if line_buffering is not None:  # a line is written when it is complete, at the latest
            self.line_buffering = bool(line_buffering)

    def close(self):
        self.flush()

    def detach(self):
        self.flush()
        return self.buffer


RawLog.__module__ = Log.__module__ = "mod_wsgi"


# --- the interpreter's surroundings ---------------------------------------------------------------


class Restricted:
    """Stands for a standard stream that WSGIRestrictStdin or WSGIRestrictStdout takes away."""

    def __init__(self, name):
        self.__dict__["_name"] = name

    def __getattr__(self, attribute):
        raise OSError(f"{self._name} access restricted by mod_wsgi")


is_service = False
"""Whether the scripts of this process are services; see `become_service`."""

handles_signals = False
"""Whether they may handle signals: in the main interpreter."""

ENDING = (signal.SIGTERM, signal.SIGINT)
"""Signals that end a service, unless it has a handler of its own."""

SERVERS_OWN = (signal.SIGUSR1, signal.SIGXCPU)
"""Signals that have another meaning for daemon processes."""


def become_service(is_main):
    """Scripts run until they end or are told to. Those of the main interpreter may handle signals."""
    global is_service, handles_signals
    is_service = True
    handles_signals = is_main
    if handles_signals:
        pass_signals_on()


def pass_signals_on():
    """The process tells the supervisor of a signal of ENDING, and only then calls Python's handler."""
    original = signal.signal
    server = os.getpid()

    def wrapper(signalnum, handler):
        if signalnum not in ENDING or os.getpid() != server:
            return original(signalnum, handler)
        return set_handler(original, signalnum, end_service if handler == signal.SIG_DFL else handler)

    replace_signal_function(wrapper, original)
    for number in ENDING:
        wrapper(number, end_service)


def ignore_signals(log_info):
    """WSGIRestrictSignal: signals belong to httpd, so `signal.signal` is answered and ignored.

    A service (of the main interpreter, where Python has handlers) is free but for SERVERS_OWN.
    """
    original = signal.signal

    def wrapper(signalnum, handler):
        if os.getpid() != server_process:  # a process that the application forked is its own
            return original(signalnum, handler)
        if handles_signals and signalnum not in SERVERS_OWN:
            return original(signalnum, handler)
        caller = sys._getframe(1)
        log_info(f"BRINE0204: signal.signal({signalnum!r}) ignored at {caller.f_code.co_filename}:"
                 f"{caller.f_lineno}: signals belong to the server (WSGIRestrictSignal Off allows it)")
        return handler

    replace_signal_function(wrapper, original)


def keep_abort_open():
    """A script blocks all signals but SIGABRT, which asks a process that hangs for its stacks.

    In others another thread takes the signal. A process with preload=On has one thread while it imports.
    """
    original = signal.pthread_sigmask

    def wrapper(how, mask):
        if how == signal.SIG_UNBLOCK:
            return original(how, mask)
        return original(how, [number for number in mask if number != signal.SIGABRT])

    replace_signal_function(wrapper, original)


def replace_signal_function(wrapper, original):
    wrapper.__wrapped__ = original
    wrapper.__name__ = wrapper.__qualname__ = original.__name__
    wrapper.__doc__ = original.__doc__
    setattr(signal, original.__name__, wrapper)


# --- processes that applications start ------------------------------------------------------------


REMEDY = "with 'WSGIApplicationGroup %{GLOBAL}' the application runs in the main interpreter, which can"
"""Of what a sub-interpreter cannot do."""


def replace_in_os(name, function):
    """Puts a function in the place of one of module os, which has it from module posix."""
    original = getattr(os, name)
    function = functools.wraps(original)(function)
    for module in (os, sys.modules["posix"]):
        setattr(module, name, function)


def replace_fork_exec(function):
    """Puts a function in the place of that by which multiprocessing and subprocess start programs."""
    original = _posixsubprocess.fork_exec
    _posixsubprocess.fork_exec = function = functools.wraps(original)(function)
    if getattr(sys.modules.get("subprocess"), "_fork_exec", None) is original:
        sys.modules["subprocess"]._fork_exec = function  # which has been imported already


def start_programs_unmasked():
    """Programs start with no signal blocked. httpd's threads block all: the main thread takes them.

    One that is forked without another program is seen to by apache/process/forks.cpp.
    """
    spawn, spawnp, fork_exec = os.posix_spawn, os.posix_spawnp, _posixsubprocess.fork_exec

    def posix_spawn(*args, **kwargs):
        return spawn(*args, **{"setsigmask": (), **kwargs})

    def posix_spawnp(*args, **kwargs):
        return spawnp(*args, **{"setsigmask": (), **kwargs})

    def system(command):
        sys.audit("os.system", command)
        pid = posix_spawn("/bin/sh", ["sh", "-c", os.fsencode(command)], os.environ)
        return os.waitpid(pid, 0)[1]

    for function in (posix_spawn, posix_spawnp, system):
        replace_in_os(function.__name__, function)
    replace_fork_exec(lambda *args, **kwargs: call_unmasked(fork_exec, args, kwargs))


BESIDE_OWN_GILS = ("beside interpreters that have a GIL of their own: set WSGIPerInterpreterGIL Off, and write processes= "
                   "for interpreters= of WSGIDaemonProcess")
"""When the main interpreter cannot fork."""


def refuse_forks(is_main):
    """In a sub-interpreter: in most releases of CPython every child of one dies at once.

    And in the main interpreter, where others with GILs of their own have been made: the child dies of these.
    """
    def check(what, remark=""):
        if not is_main:
            raise RuntimeError(f"a sub-interpreter of Python cannot {what}; {REMEDY}{remark}")
        if not is_alone():
            raise RuntimeError(f"the main interpreter of Python cannot {what} {BESIDE_OWN_GILS}{remark}")

    def checked(function):
        def call(*args):
            check("fork", " (subprocess works in both)")
            return function(*args)

        return call

    for name in ("fork", "forkpty"):
        replace_in_os(name, checked(getattr(os, name)))

    fork_exec = _posixsubprocess.fork_exec

    def without_preexec_fn(*args, **kwargs):
        if any(map(callable, args)):
            check("run a preexec_fn")
        return fork_exec(*args, **kwargs)

    replace_fork_exec(without_preexec_fn)

    def amend_popen_fork(popen_fork):
        # It opens pipes before it forks, and would leave them open each time.
        popen_fork.Popen._launch = checked(popen_fork.Popen._launch)

    AMENDMENTS["multiprocessing.popen_fork"] = amend_popen_fork
    if "multiprocessing.popen_fork" in sys.modules:
        amend_popen_fork(sys.modules["multiprocessing.popen_fork"])


def add_paths(paths):
    """WSGIPythonPath: as `site` adds directories (.pth files work), but before what was there.

    Returns the indices of those that are no directories.
    """
    missing = [index for index, path in enumerate(paths) if not os.path.isdir(path)]
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


def stack_of(thread):
    """The Python stack of a thread as a traceback shows it; empty if the thread runs no Python.

    Imports nothing: the process may be one in which imports hang. Lines are shown where somebody else
    needed linecache before.
    """
    frame = frame_of(thread)
    line_of = getattr(sys.modules.get("linecache"), "getline", lambda *_: "")
    calls = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename != OWN_FILE:
            calls.append(f'  File "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}')
            text = line_of(code.co_filename, frame.f_lineno or 0, frame.f_globals).strip()
            calls[-1] += text and f"\n    {text}"
        frame = frame.f_back
    if len(calls) > MOST_CALLS:
        calls[MOST_CALLS:] = [f"  ({len(calls) - MOST_CALLS} outer calls are left out)"]
    return "\n".join(reversed(calls))


server_process = os.getpid()
"""The process of the server's own that runs this interpreter; others have been forked by the application."""

is_template = False
"""True in a process from which the server forks others, and nobody else."""


def become_forked_process():
    """Runs in each forked process, before the functions that the application has registered."""
    global server_process, is_template
    if is_template:
        server_process, is_template = os.getpid(), False
        seed_numpy()


def seed_numpy():
    """numpy's global generator is seeded anew, as Python's own is after each fork: all would draw the same numbers."""
    if numpy_random := sys.modules.get("numpy.random"):
        try:
            numpy_random.seed()
        except Exception:
            pass  # the application has put another generator in its place, which is its own to seed


os.register_at_fork(after_in_child=become_forked_process)


def prepare_to_fork():
    """Why no process is to be forked from this one: the application's threads, and where they are; or "".

    A forked process has none of these threads, and what they held locked stays locked there. Otherwise what there
    is now is left alone by the garbage collector from here on: what it marks, it writes to, and memory that is written
    to is no longer shared.
    """
    global is_template
    is_template = True
    own = threading.get_ident()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    others = [f"thread {names.get(ident, ident)!r} is at\n{stack_of(ident)}"
              for ident in sys._current_frames() if ident != own]
    if not others:
        gc.collect()
        gc.freeze()
    return "\n".join(others)


def run_exit_callbacks(seconds, reason):
    """Tells mod_wsgi's subscribers why, runs what the application left for the interpreter's end, and waits for its threads.

    As Py_Finalize would, but not for ever: httpd kills a child that does not leave in time, and
    then nothing is run. Daemon threads are not waited for, as ever.
    """
    deadline = time.monotonic() + seconds
    if api := server_api():
        run_within(seconds, api["publish_stopping"], reason)
    # concurrent.futures ends its threads here, and waits for them without a limit.
    run_within(max(0, deadline - time.monotonic()), run_threading_callbacks)
    main = threading.main_thread()
    for thread in threading.enumerate():
        if not thread.daemon and thread is not main and thread is not threading.current_thread():
            thread.join(max(0, deadline - time.monotonic()))
    try:
        atexit._run_exitfuncs()
    finally:
        flush_streams()


def run_within(seconds, function, *args):
    """Calls the function, and goes on without it when the time is over."""
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    thread.join(seconds)


def flush_streams():
    """The streams that an application has put in the place of its own, and Python's."""
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        try:
            getattr(sys, name).flush()
        except (AttributeError, OSError, ValueError):  # none; what it leads to has gone; it is closed
            pass


def run_threading_callbacks():
    for callback in reversed(getattr(threading, "_threading_atexits", ())):
        callback()


# --- modules that are amended ---------------------------------------------------------------------

AMENDMENTS = dict.fromkeys((
    # They look for the globals or the file of a class or function by sys.modules[...__module__],
    # or import a module by its name and then take it from there.
    "attr._make", "bottle", "cherrypy.lib.reprconf", "dataclasses", "doctest", "enum", "flask.helpers", "inspect",
    "django.utils.module_loading", "msgspec._utils", "optparse", "oslo_utils.importutils", "paste.urlparser",
    "pkg_resources", "pkgutil", "playhouse.flask_utils", "ply.lex", "ply.yacc", "pydantic._internal._generics",
    "pydantic._internal._namespace_utils", "pydantic._internal._typing_extra", "pydantic.generics", "pydantic.typing",
    "pydantic.v1.generics", "pydantic.v1.typing", "pydoc", "pyramid.config.assets", "pyramid.path",
    "sqlalchemy.util.langhelpers", "sqlalchemy.util.typing", "strawberry.annotation",
    "strawberry.types.type_resolver", "typing", "typing_extensions", "unittest.case", "unittest.suite", "venusian",
    "venusian.advice", "watchdog.utils", "werkzeug.utils", "wrapt.patches", "zope.interface.advice",
), show_scripts_to) | {"linecache": amend_linecache, "pickle": guard}
"""Name of a module -> what is to be done to it when it has been imported."""


class AmendingFinder:
    """Finds the modules of AMENDMENTS, which are amended only where somebody imports them."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in AMENDMENTS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = AmendingLoader(spec.loader)
        return spec


class AmendingLoader:
    """Loads a module by its own loader, and then amends it."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        AMENDMENTS[module.__name__](module)


def install():
    find_what_is_reloaded()
    sys.meta_path[:0] = [ScriptFinder(), OwnModules(), AmendingFinder()]
    for name in AMENDMENTS.keys() & sys.modules.keys():  # a .pth file of site-packages needed it
        AMENDMENTS[name](sys.modules[name])
    sys.argv = ["mod_wsgi"]


install()
