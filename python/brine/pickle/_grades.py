"""How bad it is to load what a pickle names: five grades, and which names run code for certain.

A name that runs code keeps that grade wherever it stands and whatever the caller allows. The list of
such names serves the words of a report and its order alone: what is on no list is `unknown`.
"""

from typing import NamedTuple

from brine.pickle._safe import is_exception


class Grade(NamedTuple):
    """A grade: the exit status of the command, and what it says of a name."""

    status: int
    words: str


GRADES = {
    "runs-code": Grade(1, "loading it runs what the pickle says, or takes all memory"),
    "unknown": Grade(3, "it is there, and is not known to be harmless"),
    "script": Grade(4, "it belongs to one script or program"),
    "missing": Grade(5, "it is not there"),
    "safe": Grade(0, "it is on the list of names that make a value"),
}
"""From the worst to the best."""

GRADE_OF = {
    "safe": "safe", "unknown": "unknown", "naming-script": "script", "naming-main": "script",
    "restore-no-module": "missing", "restore-no-attribute": "missing", "computed": "runs-code",
    "runs-code": "runs-code", "exhausts": "runs-code",
}
"""By the kind of a ScannedGlobal."""

_MODULES = frozenset(
    # The system, processes, files and the network.
    "os posix nt subprocess _posixsubprocess _winapi pty commands popen2 shutil tempfile "
    "_socket webbrowser ftplib smtplib poplib imaplib nntplib telnetlib xmlrpc socketserver antigravity this mmap "
    "fcntl resource ctypes _ctypes cffi _cffi_backend pwd winreg msvcrt glob fileinput _io _thread _signal "
    # Code, imports and the interpreter.
    "sys importlib imp _imp zipimport runpy code codeop pdb bdb cmd timeit profile cProfile trace doctest pkgutil "
    "pydoc gc atexit site ensurepip venv idlelib lib2to3 turtledemo test marshal dis symtable _frozen_importlib "
    "_frozen_importlib_external distutils setuptools pip pkg_resources _xxsubinterpreters _testcapi _testinternalcapi "
    # What loads pickles, or runs what it is given.
    "pickle _pickle cPickle pickletools dill shelve dbm nose pytest _pytest IPython ipykernel".split())
"""Of these nothing is a value that somebody pickles; a package stands for its modules too."""

_NAMES = {
    "builtins": "eval exec execfile compile __import__ open setattr delattr input breakpoint help globals "
                "locals vars dir exit quit print memoryview classmethod staticmethod property super type map filter "
                "apply reload",
    "asyncio": "run create_subprocess_exec create_subprocess_shell",
    "cloudpickle": "load loads", "cloudpickle.cloudpickle": "_make_function _builtin_type _make_skeleton_class "
                                                            "_fill_function subimport _class_setstate "
                                                            "_function_setstate",
    "codecs": "open lookup",
    "django.core.management": "call_command execute_from_command_line",
    "functools": "reduce", "_functools": "reduce",
    "http.client": "HTTPConnection HTTPSConnection", "urllib.request": "urlopen urlretrieve",
    "io": "open open_code FileIO OpenWrapper",
    "inspect": "getsource getattr_static", "joblib": "load", "joblib.numpy_pickle": "load",
    "logging": "FileHandler", "logging.config": "dictConfig fileConfig listen",
    "multiprocessing": "Process", "multiprocessing.util": "spawnv_passfds",
    "numpy": "load loads fromfile memmap save savez loadtxt genfromtxt", "numpy.f2py.crackfortran": "*",
    "numpy.testing._private.utils": "runstring rundocs", "numpy.distutils.exec_command": "*",
    "operator": "attrgetter methodcaller itemgetter call", "_operator": "attrgetter methodcaller itemgetter call",
    "pandas": "eval read_pickle", "pandas.core.computation.eval": "eval", "pandas.io.pickle": "read_pickle",
    "platform": "popen _syscmd_file _syscmd_ver", "requests": "*", "httpx": "*", "aiohttp": "*",
    "signal": "signal alarm raise_signal setitimer pthread_kill", "socket": "socket create_connection fromfd",
    "sqlite3": "connect", "_sqlite3": "connect",
    "threading": "Thread Timer", "torch": "load", "torch.serialization": "load", "torch.hub": "*",
    "torch.jit": "load", "torch.jit._script": "*", "torch.utils.cpp_extension": "*",
    "types": "FunctionType LambdaType CodeType MethodType BuiltinFunctionType", "unittest": "main",
    "weakref": "finalize", "tarfile": "open", "zipfile": "ZipFile",
}
_RUNS = {module: frozenset(names.split()) for module, names in _NAMES.items()}
_VALUES = frozenset((module, name) for module in ("os", "posix") for name in (
    "stat_result", "terminal_size", "statvfs_result", "times_result", "uname_result")) | {
        ("resource", "struct_rusage"), ("subprocess", "CompletedProcess"), ("_io", "BytesIO"), ("_io", "StringIO"),
        *(("xmlrpc.client", name) for name in ("Binary", "DateTime", "Fault", "ProtocolError"))}


def runs_code(module: str, name: str) -> bool:
    """Whether to load this global, and to call it, can run whatever a pickle says."""
    if (module, name) in _VALUES or is_exception(module, name):
        return False
    parts = name.split(".")
    if any(part.startswith("__") and part.endswith("__") for part in parts):
        return True  # Cart.__init__.__globals__, __builtins__: they lead everywhere
    if _is_listed(module, parts[0]) or module in _RUNS and name in _RUNS[module]:
        return True
    # A dotted name goes through whatever its module has imported: shop.models, os.system.
    return any(_is_listed(".".join(parts[:at]), parts[at]) for at in range(1, len(parts)))


def leads_anywhere(module: str, name: str) -> bool:
    """Whether it runs nothing itself, but reaches every attribute of what a pickle names besides.

    Pickle itself stores members of an Enum and time zones by it, so it is no sign of an attack.
    """
    return (module, name) == ("builtins", "getattr")


def _is_listed(module: str, name: str) -> bool:
    names = _RUNS.get(module, ())
    return (module.partition(".")[0] in _MODULES and module != "os.path") or name in names or "*" in names
