"""The helper process of the round trip: loads pickles, each in a process of its own that has loaded nothing else.

It is run as a program by its code alone, without the package, and uses only Python's library. It reads requests from
its standard input and answers on its standard output: 8 bytes of length, little-endian, and a value of `marshal`.

Request: {"path": sys.path, "folder": the current one, "scripts": {name: path}, "setup": "MODULE:NAME" or "",
"data": a pickle, "protocol": with which to pickle it again, "seconds": ..., "memory": bytes, "django": whether it is
there}. Answer: ("back", the pickle of what was loaded), ("fails", stage, type, text, module, qualname, method,
[(module, function), ...]), ("ended", signal, exit status), ("time",), ("memory",) or ("unheard", why).
"""

import marshal
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

_HEAD = 8
_LOOK = 0.05  # seconds between two looks whether a child has ended
_FOREIGN = ("unheard", "its code has written to the pipe that the answer comes through")
_CALLED = ("__init__", "__new__", "__call__", "__setstate__", "__setattr__", "__getattr__", "__getattribute__",
           "__setitem__", "append", "extend", "add", "update", "__hash__", "__eq__", "__getstate__", "__reduce__",
           "__reduce_ex__")


def write(file: int, value: Any) -> None:
    """Writes a value with its length."""
    data = marshal.dumps(_exact(value))
    view = memoryview(len(data).to_bytes(_HEAD, "little") + data)
    while view:
        view = view[os.write(file, view):]


def _exact(value: Any) -> Any:
    """The value with texts of str's own: marshal writes no subclass's, as the text of an exception may be."""
    if issubclass(type(value), str):
        return str.__str__(value)
    if type(value) in (tuple, list):
        return type(value)(_exact(item) for item in value)
    if type(value) is dict:
        return {_exact(key): _exact(item) for key, item in value.items()}
    return value


def read(file: int, deadline: float | None = None, writer: int = 0) -> Any:
    """Reads a value. Raises EOFError, TimeoutError at the deadline (time.monotonic()), or ValueError or TypeError.

    `writer`: the child that writes it. When that has ended no more comes, although a process of its own may have the
    pipe open.
    """
    size = int.from_bytes(_read_bytes(file, _HEAD, deadline, writer), "little")
    data = _read_bytes(file, size, deadline, writer)
    try:
        return marshal.loads(data)
    except EOFError:  # all is there that was to come
        raise ValueError("bad marshal data (too short)") from None


def _read_bytes(file: int, size: int, deadline: float | None, writer: int) -> bytes:
    parts = []
    while size:
        ended = bool(writer) and _has_ended(writer)
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        wait = 0.0 if ended else left if not writer else _LOOK if left is None else min(left, _LOOK)
        if not select.select([file], [], [], wait)[0]:
            if ended:
                raise EOFError
            if left == 0.0:
                raise TimeoutError
            continue
        part = os.read(file, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _has_ended(child: int) -> bool:
    """Leaves it to be waited for."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def serve(requests: int, answers: int) -> None:
    """Answers until nobody asks any more."""
    while True:
        try:
            request = read(requests)
        except EOFError:
            return
        write(answers, in_child(lambda: _round_trip(request), request["seconds"], (requests, answers)))


def in_child(function: Callable[[], tuple[Any, ...]], seconds: float, private: tuple[int, ...] = ()) -> tuple[Any, ...]:
    """What a function returns in a process of its own, which does not get the `private` descriptors.

    Or ("time",), ("memory",), ("ended", signal, exit status), or ("unheard", a clause that says what is wrong with
    what it has written).
    """
    answer, given = os.pipe()
    child = os.fork()
    if child == 0:
        _give(function, given, (*private, answer))
    os.close(given)
    deadline = time.monotonic() + seconds
    try:
        value = read(answer, deadline, child)
        return value if type(value) is tuple and value else _FOREIGN
    except TimeoutError:
        return ("time",)
    except EOFError:
        while not _has_ended(child):  # it has closed its end, and goes on
            if time.monotonic() >= deadline:
                return ("time",)
            time.sleep(_LOOK)
        status = os.waitpid(child, 0)[1]
        child = 0
        return ("ended", *((os.WTERMSIG(status), 0) if os.WIFSIGNALED(status) else (0, os.WEXITSTATUS(status))))
    except (ValueError, TypeError):
        return _FOREIGN
    finally:
        os.close(answer)
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _give(function: Callable[[], tuple[Any, ...]], given: int, private: tuple[int, ...]) -> NoReturn:
    """Ends the process, with exit status 1 if what the function returns cannot be written."""
    try:
        for file in private:
            os.close(file)
        pipe = os.fstat(given)
        try:
            answer = function()
            if not os.path.samestat(pipe, os.fstat(given)):  # it was closed, and another file has its number
                os._exit(1)
            write(given, answer)
        except MemoryError:
            write(given, ("memory",))
        except ValueError as error:
            write(given, ("unheard", f"what is to be told of it cannot be written: {_text_of(error)}"))
        os._exit(0)
    finally:
        os._exit(1)


def _round_trip(request: dict[str, Any]) -> tuple[Any, ...]:
    stage = "setup"
    try:
        os.nice(10)
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
