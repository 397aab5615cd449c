"""The round trip: an object is pickled, loaded in a fresh process, pickled there again, and compared."""

import importlib.util
import marshal
import os
import pickle
import re
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import _pickle
from brine import script_names
from brine.pickle import _failures, _fresh, _judge, _structure
from brine.pickle._calls import FAULTS
from brine.pickle._frames import find_root
from brine.pickle._hazards import SEVERITIES, Hazard, Report
from brine.pickle._react import inspect

if TYPE_CHECKING:  # who never checks does not load it
    import subprocess

SECONDS = 10.0
MEMORY = 4 << 30

_PROGRAM = """\
import base64, marshal, sys
names = {"__name__": "brine_fresh"}
exec(marshal.loads(base64.b64decode(sys.argv[1])), names)
names["main"]()
"""

#: Signals by which a process ends that does what it must not; others are sent by somebody else.
_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)

#: Under httpd the engine carries the package, so that it need not be installed.
_OWN_MODULE = re.compile(r"No module named 'brine(\.|')")

#: What a library raises that wants to be set up first.
_NOT_SET_UP = ("AppRegistryNotReady", "ImproperlyConfigured")


class CheckError(Exception):
    """The round trip could not be made, which says nothing about the object; the text says why."""


class Helper:
    """The process that is kept for round trips. It loads each pickle in a process of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: "subprocess.Popen[bytes] | None" = None
        self._owner = 0
        self._closed = False

    def ask(self, request: dict[str, Any]) -> tuple[Any, ...]:
        """The answer to a request, see _fresh. Raises CheckError."""
        with self._lock:
            if self._owner != os.getpid():  # the helper of the process that has forked this one is not this one's
                self._process, self._owner = None, os.getpid()
            if self._process is not None and self._process.poll() is not None:
                self.end()
            try:
                if self._process is None:
                    self._process = _start()
                if self._closed:
                    raise RuntimeError("the program ends")
                return _ask(self._process, request)
            except (OSError, EOFError, TimeoutError, ValueError, RuntimeError) as error:
                self.end()
                words = "it has ended" if isinstance(error, (EOFError, BrokenPipeError)) else str(error)
                words = words or type(error).__name__
                raise CheckError(f"the process that loads pickles has failed: {words}") from error

    def end(self) -> None:
        """Ends the process, and the one that loads; who waits for its answer gets a CheckError."""
        process = self._process
        if process is None or self._owner != os.getpid():
            return
        if process.returncode is None:  # it is not reaped, and has a session of its own
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Ends the process for good: the program ends."""
        self._closed = True
        self.end()


def _start() -> "subprocess.Popen[bytes]":
    import base64
    import subprocess

    if not sys.executable or not os.access(sys.executable, os.X_OK):
        raise OSError(f"there is no Python to run: sys.executable is {sys.executable!r}")
    spec = importlib.util.find_spec(_fresh.__name__)
    code = spec.loader.get_code(_fresh.__name__) if spec and spec.loader else None  # type: ignore[attr-defined]
    command = [sys.executable, "-c", _PROGRAM, base64.b64encode(marshal.dumps(code)).decode()]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            bufsize=0, start_new_session=True)


def _ask(process: "subprocess.Popen[bytes]", request: dict[str, Any]) -> tuple[Any, ...]:
    assert process.stdin is not None and process.stdout is not None
    _fresh.write(process.stdin.fileno(), request)
    # The helper sees to the time itself; that it answers at all is seen to here.
    deadline = time.monotonic() + 2 * request["seconds"] + 10
    answer: tuple[Any, ...] = _fresh.read(process.stdout.fileno(), deadline)
    return answer


helper = Helper()


def check(obj: Any, protocol: int | None = None, *, setup: str = "", seconds: float = SECONDS,
          memory: int = MEMORY) -> Report:
    """What becomes of an object that is pickled and loaded in a fresh process: the hazards, none if it comes back.

    First what `inspect(obj, protocol)` finds; if that is nothing, the object is pickled, loaded by a process with
    this one's sys.path and environment that has imported nothing, pickled there again, and both are compared: the
    types, and the state of each object as pickle writes it. Its code runs there: see docs/pickle.md.

    `setup`: "MODULE:FUNCTION", called there first. `seconds`: how long that may take. `memory`: the most bytes of
    address space. Raises CheckError where the round trip could not be made, and what pickle raises.
    """
    report = inspect(obj, protocol)
    if report:
        return report
    root = find_root(obj)
    found = check_pickle(_pickle.dumps(obj, protocol), root.name, setup=setup, seconds=seconds, memory=memory)
    return Report(found.hazards, report.objects, report.complete)


def check_pickle(data: bytes, name: str = "obj", *, setup: str = "", seconds: float = SECONDS,
                 memory: int = MEMORY, by: Helper = helper) -> Report:
    """Likewise for what has been pickled. `name`: what paths begin with."""
    answer = by.ask({"path": [each for each in sys.path if isinstance(each, str)], "folder": _folder(),
                     "scripts": {name: path for name, path in script_names.table.items() if name.encode() in data},
                     "setup": setup, "data": bytes(data),
                     "django": "django" in sys.modules, "protocol": _protocol_of(data), "seconds": float(seconds),
                     "memory": int(memory)})
    hazard = _hazard_of(answer, data, name, seconds)
    return Report((hazard,) if hazard else ())


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it is gone, or this process may not look
        return "/"


def _protocol_of(data: bytes) -> int:
    return data[1] if data[:1] == b"\x80" and len(data) > 1 and data[1] <= pickle.HIGHEST_PROTOCOL else 0


def _hazard_of(answer: tuple[Any, ...], data: bytes, name: str, seconds: float) -> Hazard | None:
    kind = answer[0]
    if kind == "time":
        raise CheckError(f"it takes more than {seconds:g} s to load in a process of its own")
    if kind == "memory":
        raise CheckError("it takes more memory to load than is allowed")
    if kind == "ended":
        if not answer[1]:
            raise CheckError(f"the process that loaded it has ended itself, with exit status {answer[2]}")
        if answer[1] not in _CRASHES:
            raise CheckError(f"the process that loaded it was ended by signal {answer[1]}")
        return _failed(_failures.ID, name, "loaded", f"ended by {signal.Signals(answer[1]).name}", data)
    if kind == "unheard":
        raise CheckError(f"the process that loaded it is not understood: {answer[1]}")
    if kind == "fails":
        return _failure(answer, data, name)
    if answer[1] == data:
        return None
    try:
        changed = _structure.difference(data, answer[1], name)
    except FAULTS:  # it loads; more cannot be seen
        return None
    if changed is None:
        return None
    remedy = "Let the class's __reduce__ or __getstate__ return all that it takes to make the object again."
    message = (f"{changed.path} is {changed.before} when it is pickled, and {changed.after} when it has been loaded in "
               "a fresh process and is pickled again.")
    return Hazard("restore-differs", SEVERITIES["restore-differs"], changed.path, changed.owner.module,
                  changed.owner.name, message, remedy)


def _failure(answer: tuple[Any, ...], data: bytes, name: str) -> Hazard:
    _, stage, error, text, module, qualname, method, functions = answer
    if error == "ModuleNotFoundError" and _OWN_MODULE.search(text):
        raise CheckError(f"it needs the package brine, which {sys.executable} does not have: {text}")
    if stage == "setup" or error in _NOT_SET_UP:
        raise CheckError(f"the process that loads it could not be set up: {error}: {text}")
    words, what = f"{error}: {text}", "pickled again" if stage == "dump" else "loaded"
    if not module and error in ("ImportError", "ModuleNotFoundError"):
        return _failed("restore-no-module", name, what, words, data)
    if not module and error == "AttributeError" and text.startswith("Can't get attribute"):
        return _failed("restore-no-attribute", name, what, words, data)
    if not module:
        failure = _failures.by_functions(functions, data) or _failures.by_words(text, data)
        if failure is None:
            return _failed(_failures.ID, name, what, words, data)
        module, qualname, method = failure.module, failure.qualname, failure.method
    cls = _judge.found(module, qualname)
    is_class = _judge.is_class(cls)
    of = f"{method or 'a call'} of {'class' if is_class else 'function'} {module}.{qualname}"
    message = f"{name} cannot be {what} in a fresh process: {of} raises an exception."
    return Hazard(_failures.ID, SEVERITIES[_failures.ID], name, module, qualname, message,
                  _failures.remedy(module, qualname, cls if is_class else None, method), pickle_error=words)


def _failed(id_: str, name: str, what: str, words: str, data: bytes) -> Hazard:
    """Where it is not known whose code has failed, or none has."""
    module, qualname, _ = (_failures.globals_of(data) or [("builtins", "object", 0)])[0]
    remedy = ("Let what makes it again take what has been pickled." if id_ == _failures.ID else
              "Import what it needs in its own module, and let no module depend on others having been imported.")
    where = "in a fresh process, which has this one's sys.path and has imported nothing"
    return Hazard(id_, SEVERITIES[id_], name, module, qualname, f"{name} cannot be {what} {where}.", remedy,
                  pickle_error=words)
