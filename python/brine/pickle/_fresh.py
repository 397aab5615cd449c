"""The helper process of the round trip: loads pickles, each in a process of its own that has loaded nothing else.

It is run as a program by its code alone, without the package, and uses only Python's library. It reads requests from
its standard input and answers on its standard output: 8 bytes of length, little-endian, and a value of `marshal`.

Request: {"path": sys.path, "folder": the current one, "scripts": {name: path}, "setup": "MODULE:NAME" or "",
"data": a pickle, "protocol": with which to pickle it again, "seconds": ..., "memory": bytes, "django": whether it is
there}. Answer: ("back", the pickle of what was loaded), ("fails", stage, type, text, module, qualname, method,
[(module, function), ...]), ("ended", signal, exit status), ("time",) or ("memory",).
"""

import marshal
import os
import resource
import select
import signal
import sys
import time
from typing import Any

_HEAD = 8
_CALLED = ("__init__", "__new__", "__call__", "__setstate__", "__setattr__", "__getattr__", "__getattribute__",
           "__setitem__", "append", "extend", "add", "update", "__hash__", "__eq__", "__getstate__", "__reduce__",
           "__reduce_ex__")


def write(file: int, value: Any) -> None:
    """Writes a value with its length."""
    data = marshal.dumps(value)
    view = memoryview(len(data).to_bytes(_HEAD, "little") + data)
    while view:
        view = view[os.write(file, view):]


def read(file: int, deadline: float | None = None) -> Any:
    """Reads a value. Raises EOFError, or TimeoutError at the deadline (time.monotonic())."""
    size = int.from_bytes(_read_bytes(file, _HEAD, deadline), "little")
    return marshal.loads(_read_bytes(file, size, deadline))


def _read_bytes(file: int, size: int, deadline: float | None) -> bytes:
    parts = []
    while size:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([file], [], [], left)[0]:
            raise TimeoutError
        part = os.read(file, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def serve(requests: int, answers: int) -> None:
    """Answers until nobody asks any more."""
    while True:
        try:
            request = read(requests)
        except EOFError:
            return
        write(answers, _in_child(request, (requests, answers)))


def _in_child(request: dict[str, Any], private: tuple[int, ...]) -> tuple[Any, ...]:
    answer, given = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for file in (*private, answer):
                os.close(file)
            os.nice(10)
            try:
                write(given, _round_trip(request))
            except MemoryError:
                write(given, ("memory",))
        finally:
            os._exit(0)
    os.close(given)
    try:
        return read(answer, time.monotonic() + request["seconds"])
    except TimeoutError:
        return ("time",)
    except EOFError:
        status = os.waitpid(child, 0)[1]
        child = 0
        return ("ended", *((os.WTERMSIG(status), 0) if os.WIFSIGNALED(status) else (0, os.WEXITSTATUS(status))))
    finally:
        os.close(answer)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _round_trip(request: dict[str, Any]) -> tuple[Any, ...]:
    stage = "setup"
    try:
        signal.setitimer(signal.ITIMER_REAL, request["seconds"] + 5)  # where nobody is left who ends it
        resource.setrlimit(resource.RLIMIT_AS, (request["memory"], request["memory"]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.path[:] = request["path"]
        os.chdir(request["folder"])
        _set_up(request)
        import pickle
        stage = "load"
        loaded = pickle.loads(request["data"])
        stage = "dump"
        return ("back", pickle.dumps(loaded, request["protocol"]))
    except MemoryError:
        return ("memory",)
    except BaseException as error:
        return ("fails", stage, type(error).__name__, _text_of(error), *_owner_of(error), _functions_of(error))


def _set_up(request: dict[str, Any]) -> None:
    if request["scripts"]:
        import brine.scripts
        for name, path in request["scripts"].items():
            brine.scripts.register(name, path)
    if os.environ.get("DJANGO_SETTINGS_MODULE") and request["django"]:
        import django
        django.setup()
    module, _, name = request["setup"].partition(":")
    if module:
        import importlib
        getattr(importlib.import_module(module), name)()


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:2000]
    except Exception:
        return ""


def _owner_of(error: BaseException) -> tuple[str, str, str]:
    """(module, qualified name, method) of the class whose code pickle has called; empty where that is not known."""
    place = error.__traceback__ and error.__traceback__.tb_next  # behind _round_trip
    while place is not None and place.tb_frame.f_globals.get("__name__") == "copyreg":
        cls: Any = place.tb_frame.f_locals.get("cls")
        if issubclass(type(cls), type):
            return str(cls.__module__), str(cls.__qualname__), "__new__"
        place = place.tb_next
    code = place.tb_frame.f_code if place is not None else None
    if place is None or code is None or code.co_name not in _CALLED or not code.co_argcount:
        return "", "", ""
    owner: Any = place.tb_frame.f_locals.get(code.co_varnames[0])
    cls = owner if issubclass(type(owner), type) else type(owner)
    return str(cls.__module__), str(cls.__qualname__), "__init__" if code.co_name == "__call__" else code.co_name


def _functions_of(error: BaseException) -> list[tuple[str, str]]:
    """From what pickle has called inwards."""
    found: list[tuple[str, str]] = []
    place = error.__traceback__ and error.__traceback__.tb_next
    while place is not None and len(found) < 20:
        found.append((str(place.tb_frame.f_globals.get("__name__")), place.tb_frame.f_code.co_name))
        place = place.tb_next
    return found


def main() -> None:
    """Keeps the two descriptors to itself: what is loaded may write to its standard output."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for file in range(3):
        os.dup2(nothing, file)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(requests, answers)
