"""Objects that refuse to be pickled: a lock, a socket, a generator; what they are, who holds them, what to do."""

import functools
import re
import sys
import types
from pickle import PicklingError
from typing import Any, NamedTuple, Sequence

from brine.pickle._describe import words_of_pickle
from brine.pickle._causes import is_made_dataclass
from brine.pickle._frames import Root
from brine.pickle._hazards import SEVERITIES, Hazard, key_of as key_of_hazard
from brine.pickle._judge import Judgement, import_as_pickle_does, is_class, resolve
from brine.pickle._owners import PYTHON, owner_of
from brine.pickle._paths import Steps, attribute_of, render_path

ID = "refuses-pickle"

#: By these an object refuses; by others its own code says that something else went wrong.
_REFUSALS = (TypeError, ValueError, AttributeError, RuntimeError, PicklingError)


class Trace(NamedTuple):
    """What is wrong with an object, and how pickle comes to it."""

    how: str
    """named (its name does not lead back to it), refused, or malformed (`__reduce__` returned what is of no use)."""
    steps: Steps
    way: Sequence[Any]
    """The objects that the steps lead from."""
    culprit: Any
    written: str | None
    """The name that its `__reduce__` has returned, if it has."""


class Refusal(NamedTuple):
    """An object that inspect() has found to refuse."""

    how: str
    """refused or malformed, see Trace."""
    words: str | None
    """Those of its exception."""


class Holder(NamedTuple):
    """The application's own object that the culprit is a part of."""

    name: str
    """Of its class, with the module."""
    part: str | None
    """Its attribute in which the culprit is; None: it has it in another way."""
    owner: str | None
    """Who provides the class, in words, if that is not the application."""
    unwanted: Any
    """What is to be left out: the part of an own object, or that object of Python's library itself."""


class _Kind(NamedTuple):
    """Why objects of a kind refuse, as a clause about "it", and what to store instead."""

    why: str
    instead: str


_PROCESS = "it belongs to this process"
_LOCK = _Kind("it guards threads of this process", "make a new one when the object is loaded")
_RUNNING = _Kind("it is code in the middle of its work", "store what it yields, as a list")
_OPEN = _Kind("it is open in this process alone", "store what is needed to open it again")
_VIEW = _Kind("it is a view into the memory of another object", "store a copy of what it shows")

#: What the name of a type says, in the order in which it is asked.
_BY_NAME: Sequence[tuple[tuple[str, ...], _Kind]] = (
    (("Lock", "lock", "Condition", "Semaphore", "Event", "Barrier"), _LOCK),
    (("async_generator", "coroutine", "Future", "Task"),
     _Kind(_RUNNING.why, "store what it was called with, or its result")),
    (("generator",), _RUNNING),
    (("socket", "SSL", "Connection", "connection", "Cursor", "cursor", "Session", "Client"), _OPEN),
    (("StringIO", "BytesIO"), _Kind("it is a file in memory", "store its content: .getvalue()")),
    (("TextIO", "Buffered", "FileIO", "TemporaryFile", "mmap", "DirEntry", "ScandirIterator"), _OPEN),
    (("ThreadHandle", "Thread", "local", "Process", "Popen"), _Kind(_PROCESS, "start a new one where it is needed")),
    (("weakref", "ReferenceType", "weakproxy", "weakcallableproxy", "WeakMethod"),
     _Kind("it refers to an object without holding it", "store the object itself, or its key")),
    (("mappingproxy",), _Kind(_VIEW.why, "store a copy of it: dict(...)")),
    (("memoryview",), _Kind(_VIEW.why, "store a copy of it: bytes(...)")),
    (("dict_keys", "dict_values", "dict_items"), _Kind(_VIEW.why, "store a copy of it: list(...)")),
    (("PickleBuffer",), _Kind(_VIEW.why, "pickle with protocol 5, or store bytes(...)")),
    (("frame", "traceback"), _Kind("it is a part of running code", "store its text: traceback.format_exception(...)")),
    (("module",), _Kind("it is code that each process imports for itself", "store its name, and import it anew")),
    (("code",), _Kind("it is compiled code of this Python", "store the source, or the name of the function")),
    (("Match",), _Kind("it is a view into the text that was searched", "store its groups: .groups() or .groupdict()")),
    (("ContextVar", "Context", "Token"), _Kind(_PROCESS, "store the value that it stands for")),
    (("HASH", "HMAC"), _Kind("it is in the middle of its work", "store what it is the digest of, or its digest")),
    (("poll",), _OPEN),
    (("Queue",), _Kind(_PROCESS, "store what is in it, as a list")),
)

#: What others call their classes too, which have nothing to do with it.
_PYTHONS_ALONE = frozenset("Event Condition Barrier Future Task Match ContextVar Context Token local Process Thread "
                           "frame code module poll Queue HASH HMAC".split())
#: What Python says of a class of which protocols 0 and 1 know no way to store the attributes.
_OF_SLOTS = "a class that defines __slots__ without defining __getstate__"
_SLOTS_REASON = "its class has __slots__, which protocols 0 and 1 do not store"
_SLOTS_REMEDY = "Pickle it with protocol 2 or later, or give class {} a __getstate__ and a __setstate__."
_OTHER = _Kind("its class does not let it be stored", "store the data from which it can be made again")


def judge(exception: BaseException | None) -> Refusal | None:
    """What inspect() makes of an exception that an object has raised; None: of what is of no use to pickle."""
    if exception is None:
        return Refusal("malformed", None)
    return Refusal("refused", words_of(exception)) if isinstance(exception, _REFUSALS) else None


def describe(verdict: Refusal | Judgement, steps: Steps, way: Sequence[Any], culprit: Any, root: Root) -> Hazard | None:
    """The Hazard of a verdict, if it is that of an object which refuses."""
    if isinstance(verdict, Judgement):
        if not is_unnamed(culprit, verdict):
            return None
        verdict = Refusal("refused", words_of_pickle(culprit))
    return explain(Trace(verdict.how, steps, way, culprit, None), verdict.words, root)


def explain(trace: Trace, words: str | None, root: Root) -> Hazard:
    """The Hazard of an object whose class, or whose own code, has refused to be pickled.

    `words`: those of pickle's exception, or of the application's.
    """
    trace = _without_class(trace)
    culprit, holder = trace.culprit, find_holder(trace)
    path = render_path(root.name, trace.steps, [*trace.way, culprit])
    kind = _kind_of_culprit(culprit)
    called = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    held = f", in an instance of class {holder.name}" if holder else ""
    of_protocol = words is not None and _OF_SLOTS in words
    reason = _SLOTS_REASON if of_protocol else _reason(trace.how, culprit)
    message = f"{path} is {_article(culprit, called)}{held}: {reason}."
    remedy = _SLOTS_REMEDY.format(called) if of_protocol else _remedy(trace.how, kind, holder)
    return Hazard(ID, SEVERITIES[ID], path, str(kind.__module__), kind.__qualname__, message, remedy,
                  pickle_error=words, where=root.where, holder=_key(holder, root.where or ""))


def key_of(trace: Trace) -> str | None:
    """The key of the Hazard that explain() would make; None: to know it takes as long as that."""
    trace = _without_class(trace)
    holder = find_holder(trace) if trace.how != "named" else None
    kind = _kind_of_culprit(trace.culprit)
    return key_of_hazard(ID, str(kind.__module__), kind.__qualname__, _key(holder, "")) if holder else None


def _kind_of_culprit(culprit: Any) -> type:
    return culprit if is_class(culprit) else type(culprit)


def is_unnamed(culprit: Any, judgement: Judgement) -> bool:
    """Whether it is a class of Python's own that has no name by which pickle could find it, such as generators'.

    Protocols 0 and 1 fail at the class of an object that the others refuse. A class that has been
    reloaded has a name, which leads to another class.
    """
    if judgement.id not in ("reload-missing", "reload-stale") or not is_class(culprit) or not _is_of_python(culprit):
        return False
    if is_made_dataclass(culprit):
        return False
    try:
        return not is_class(resolve(import_as_pickle_does(judgement.module), judgement.qualname))
    except AttributeError:
        return True


def _without_class(trace: Trace) -> Trace:
    """The same for the object instead of its class."""
    if trace.steps and trace.steps[-1][0] == "of_class":
        return trace._replace(steps=trace.steps[:-1], way=trace.way[:-1], culprit=trace.way[-1])
    return trace


def find_holder(trace: Trace) -> Holder | None:
    """Who is to leave the culprit out: the last object on the way to it whose class the application can change.

    Where there is none, it is the outermost object of a package, or else of Python's library: a thread, and not the
    lock in it.
    """
    found = None
    for at in reversed(range(len(trace.way))):
        kind = type(trace.way[at])
        if kind.__module__ == "builtins":
            continue
        owner, of_python = owner_of(kind.__module__), _is_of_python(kind)
        if of_python and found is not None and found.owner != PYTHON:
            continue
        behind = trace.way[at + 1] if at + 1 < len(trace.way) else trace.culprit
        found = Holder(f"{kind.__module__}.{kind.__qualname__}", attribute_of(trace.steps[at]), owner,
                       trace.way[at] if of_python else behind)
        if owner is None:
            break
    return found


def goes_with(trace: Trace, culprit: Trace) -> bool:
    """Whether a hazard is no matter any more once the culprit, which refuses, has been left out."""
    culprit = _without_class(culprit)
    holder = find_holder(culprit)
    return holder is not None and any(each is holder.unwanted for each in trace.way)


def _key(holder: Holder | None, where: str) -> str:
    return f"{holder.name}.{holder.part or ''}" if holder else where


def words_of(error: BaseException) -> str:
    """Its class and text, without running code of its own."""
    text = error.args[0] if error.args and type(error.args[0]) is str else ""
    return f"{type(error).__name__}: {text}"


def _article(culprit: Any, called: str) -> str:
    if type(culprit) is types.ModuleType:
        return f"the module {culprit.__dict__.get('__name__')}"
    return f"the class {called}" if is_class(culprit) else f"an instance of class {called}"


def _is_of_python(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in sys.stdlib_module_names


def _kind_of(kind: type) -> _Kind:
    for base in kind.__mro__[:-1]:
        found = _kind_named(base.__name__, _is_of_python(base))
        if found is not None:
            return found
    return _Kind("it is data of a C library", "store its value") if _is_ctypes(kind) else _OTHER


@functools.lru_cache(100)
def _kind_named(name: str, is_of_python: bool) -> _Kind | None:
    for parts, kind in _BY_NAME:
        if any(_is_called(name, part) for part in parts if part not in _PYTHONS_ALONE or is_of_python):
            return kind
    return None


def _is_called(name: str, part: str) -> bool:
    """Whether a part is one of a name's words: a FileLock is a Lock, and a Clock or what is Locked is none."""
    start = "(?<![A-Za-z])" if part[0].islower() else ""
    return re.search(f"{start}{part}(?![a-z])", name) is not None


def _is_ctypes(kind: type) -> bool:
    return any(base.__module__ in ("_ctypes", "ctypes") for base in kind.__mro__)


def _reason(how: str, culprit: Any) -> str:
    if how == "malformed":
        return "its __reduce__ returns what pickle cannot use"
    return f"{_kind_of(type(culprit)).why}, and it refuses to be pickled"


def _remedy(how: str, kind: type, holder: Holder | None) -> str:
    if how == "malformed":
        return (f"Let {kind.__qualname__}.__reduce__ return a text, or a tuple (callable, arguments) with at most four "
                "more items.")
    instead = _kind_of(kind).instead
    if holder and holder.owner != PYTHON:
        part = f"the attribute {holder.part}" if holder.part else "it"
        state = f"class {holder.name} a __getstate__ that leaves {part} out"
        if holder.owner is None:
            return f"Give {state}, and {instead}."
        name = holder.name.rpartition(".")[2]
        return (f"The class is one of {holder.owner}: leave the {name} out of what is pickled, or give {state} if it "
                f"is yours; and {instead}.")
    what = f"the {holder.name.rpartition('.')[2]}" if holder else "it"
    return f"Leave {what} out of what is pickled, and {instead}."
