"""What a pickle calls, and with what: followed over its opcodes with stand-ins for the values, nothing is executed.

Some names are harmless with the arguments that pickle writes and do harm with others: `bytes(2**40)`,
`getattr(Cart, "__init__")`, a dtype with a state that numpy believes. `_proofs` says which arguments are
known to make a value; here is found out which there are. What cannot be followed is not proven.
"""

import io
import pickletools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple

from brine.pickle import _restore
from brine.pickle._strings import unquoted

MOST_OPCODES = 2_000_000
_MOST_COPIED = 256 << 20
_HEAVY = 1 << 20
_POINTER, _NUMBER, _LARGEST = 8, 40, 1 << 20
"""Bytes of an item of a list, and with a number of its own."""


class Name(NamedTuple):
    """A class or function, by its name."""

    module: str
    name: str


class Data(NamedTuple):
    """Bytes, of which the number counts."""

    size: int


class Made(NamedTuple):
    """What a call returns."""

    callee: Any
    arguments: "tuple[Any, ...]"


class Items(list[Any]):
    """A list, set or frozenset that the pickle fills itself."""


class Pairs(list[Any]):
    """A dict: (KEY, VALUE) each."""


_OF_A_NUMBER = (Name("builtins", "bytes"), Name("builtins", "bytearray"))
_RANGE = Name("builtins", "range")


class Unknown(NamedTuple):
    """A value that says nothing: None, a number that is no whole one, an object of a persistent id."""


UNKNOWN = Unknown()
_MARK = object()


class Refused(Exception):
    """Why something is not proven: `exhausts`, `unknown` or `restore-no-attribute`, and a clause about it.

    `blamed`: the name that it is about, where that is not what is called.
    """

    def __init__(self, verdict: str, why: str, blamed: Name | None = None) -> None:
        super().__init__(why)
        self.verdict, self.why, self.blamed = verdict, why, blamed


def require(holds: Any, why: str, verdict: str = "unknown") -> None:
    """Refuses what does not hold."""
    if not holds:
        raise Refused(verdict, why)


def has_names(attributes: Pairs) -> bool:
    """Whether its keys are texts of the pickle itself: one that a call makes is none of those that are looked for."""
    return all(type(key) is str for key, _ in attributes)


class Unfollowed(Exception):
    """The stream does what no pickler writes, or is too long."""


FAULTS = (Unfollowed, ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError, MemoryError)
"""What is raised for a stream that cannot be followed."""


class Judge:
    """Raises Refused for what is not proven; this one never does."""

    def call(self, made: Made) -> None:
        """A call, as what it makes."""

    def state(self, target: Any, state: Any) -> None:
        """A state that an object is given, once."""

    def fill(self, target: Any) -> None:
        """Items that are appended or added to an object that a call has made."""

    def set_items(self, target: Any, items: list[Any]) -> None:
        """Keys and values that are set in a dict, or in an object that a call has made."""

    def fetched(self, made: Made) -> Name | None:
        """The class in a class that a call has fetched, as protocols before 4 store it: as if it had been named."""
        return None


class Calls:
    """Follows the pickles of a stream."""

    def __init__(self, judge: Judge | None = None, most: int = MOST_OPCODES) -> None:
        self._judge = judge or Judge()
        self.refused: dict[Name, Refused] = {}
        """The names whose calls are not proven."""
        self.heavy: int | None = None
        """Where a key is used whose hash takes time without end."""
        self.complete = False
        """All pickles could be followed."""
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._weights: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        """Of what calls have made, by its id: what Python's library copies where it is given that."""
        self._kept: list[Any] = []
        self._copied = 0
        self._left = most
        self._unused: dict[Name, int] = {}
        """How often a name was put on the stack and not called."""
        self._stateful: dict[int, Any] = {}
        """The objects that have had a state, by their ids."""
        self._pushed: Counter[Name] = Counter()
        self._opened: Counter[Name] = Counter()
        """How often a class was put on the stack, and how often a class in it was fetched."""
        self._fetchers: dict[Name, Name] = {}
        """The classes that were fetched, and what has done that."""

    def is_only_opened(self, name: Name) -> bool:
        """Whether nothing is done with a class but to fetch one in it."""
        return name in self._opened and self._opened[name] == self._pushed[name]

    def follow(self, stream: bytes) -> None:
        """Follows all pickles of a stream."""
        file = io.BytesIO(stream)
        try:
            while file.tell() < len(stream):
                for _ in self.opcodes(file):
                    pass
        except FAULTS:
            return
        self.complete = True
        for name, count in self._unused.items():
            if count and name.name == "getattr":
                self._refuse(name, Refused("unknown", "it is stored, or handed to something else, and not called."))

    def opcodes(self, file: IO[bytes]) -> Iterator[tuple[str, Any, Any]]:
        """Follows one pickle; gives each opcode's name when that is done, and of BUILD the object and the state.

        Raises what goes wrong with a stream that is no pickle.
        """
        self._stack, self._memo = [], {}
        for opcode, argument, position in _opcodes(file):
            self._left -= 1
            if self._left < 0:
                raise Unfollowed
            state = self._stack[-1] if self._stack else None
            self._step(opcode.name, argument, position)
            yield (opcode.name, self._stack[-1], state) if opcode.name == "BUILD" else (opcode.name, None, None)

    def _step(self, name: str, argument: Any, position: int) -> None:
        stack = self._stack
        if name in _CONSTANTS:
            stack.append(_constant(name, argument))
        elif name in _MEMO_PUTS:
            self._memo[len(self._memo) if name == "MEMOIZE" else int(argument)] = stack[-1]
        elif name in _MEMO_GETS:
            self._push(self._memo[int(argument)])
        elif name in _IGNORED:
            pass
        else:
            _STEPS[name](self, argument, position)

    def _push(self, value: Any) -> None:
        if isinstance(value, Name):
            self._unused[value] = self._unused.get(value, 0) + 1
            self._pushed[value] += 1
        self._stack.append(value)

    def _pop_mark(self) -> list[Any]:
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            if at == 0:
                raise Unfollowed
            at -= 1
        items = self._stack[at + 1:]
        del self._stack[at:]
        return items

    def _tuple(self, items: list[Any]) -> None:
        made = tuple(items)
        self._weigh(made, made)
        self._stack.append(made)

    def _weigh(self, made: Any, parts: tuple[Any, ...]) -> None:
        """How often the hash of a tuple, or of what was made of one, asks for those of others."""
        weight = 1 + sum(self._weights.get(id(part), 0) for part in parts)
        self._weights[id(made)] = min(weight, _HEAVY + 1)
        self._kept.append(made)  # so that no other object has its id

    def _key(self, key: Any, position: int) -> None:
        if self._weights.get(id(key), 1) > _HEAVY and self.heavy is None:
            self.heavy = position

    def _append(self, items: list[Any]) -> None:
        """To a list or set; of another object the unpickler calls `append`, `extend` or `add`, whatever these are."""
        holder = self._stack[-1]
        if isinstance(holder, Items):
            holder += items
        else:
            self._judged(holder, lambda: self._judge.fill(holder))
            self._once(holder)
            self._unchanged(holder)

    def _set_items(self, items: list[Any], position: int) -> None:
        holder = self._stack[-1]
        for key in items[::2]:
            self._key(key, position)
        self._judged(holder, lambda: self._judge.set_items(holder, items))
        self._unchanged(holder)
        if isinstance(holder, Pairs):
            holder += zip(items[::2], items[1::2])

    def _unchanged(self, target: Any) -> None:
        """That it is no class which was fetched; one that was named is told anyway."""
        if isinstance(target, Name) and target in self._fetchers:
            self._refuse(target, Refused("unknown", "it is changed itself, as pickle never does."))

    def _once(self, target: Any) -> None:
        """That an object has had no state yet, which pickle writes last: what follows may call what is in it."""
        if id(target) in self._stateful:
            self._refuse(target, Refused("unknown", "it is filled after it has had its state, as pickle never does."))

    def _set(self, items: list[Any], position: int) -> None:
        for item in items:
            self._key(item, position)
        self._stack.append(Items(items))

    def _call(self, callee: Any, arguments: Any, position: int, keywords: Any = None) -> None:
        if type(arguments) is not tuple or keywords:
            self._refuse(callee, Refused("unknown", "it is called with arguments that cannot be followed."))
            arguments = ()
        made = Made(callee, arguments)
        if isinstance(callee, Name):
            self._unused[callee] = self._unused.get(callee, 0) - 1
        self._copy(made)
        self._weigh(made, arguments)
        self._hashed(arguments, position)
        self._judged(callee, lambda: self._judge.call(made))
        inner = self._judge.fetched(made)
        if inner is not None:
            self._opened[arguments[0]] += 1
            self._fetchers[inner] = callee
        self._stack.append(made if inner is None else inner)

    def _copy(self, made: Made) -> None:
        """Adds up what calls copy, or make of a number; libraries other than Python's keep what they are given."""
        callee, arguments = made
        size = sum(self._size(each) for each in arguments)
        if callee in _OF_A_NUMBER:
            size += _largest(arguments)
        self._charge(size, callee)
        if callee == _RANGE:
            size = _NUMBER * _largest(arguments)
        if isinstance(callee, Name) and callee.module.partition(".")[0] in sys.stdlib_module_names:
            self._sizes[id(made)] = size

    def _charge(self, size: int, blamed: Any) -> None:
        self._copied += size
        if self._copied > _MOST_COPIED:
            self._refuse(blamed, Refused("exhausts", "it copies the same large values over and over."))

    def _size(self, value: Any) -> int:
        return self._sizes.get(id(value), 0) if isinstance(value, Made) else _size(value)

    def _hashed(self, arguments: tuple[Any, ...], position: int) -> None:
        """What a call may use as keys: its arguments, and what is in them."""
        for each in arguments:
            self._key(each, position)
            if isinstance(each, (tuple, Items)):
                self._left -= len(each)
                for item in each:
                    self._key(item, position)

    def _state(self, state: Any) -> None:
        target = self._stack[-1]
        if type(state) is tuple:
            self._charge(sum(self._size(each) for each in state), target)
        self._judged(target, lambda: self._judge.state(target, state))
        self._once(target)
        self._unchanged(target)
        self._stateful[id(target)] = target

    def _judged(self, blamed: Any, judge: Callable[[], None]) -> None:
        try:
            judge()
        except Refused as refused:
            self._refuse(refused.blamed or blamed, refused)

    def _refuse(self, callee: Any, refused: Refused) -> None:
        while isinstance(callee, Made):
            callee = callee.callee
        name = callee if isinstance(callee, Name) else Name("", "")
        name = self._fetchers.get(name, name)  # the stream names that alone
        if name not in self.refused or refused.verdict == "exhausts":
            self.refused[name] = refused

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise Unfollowed
        self._push(Name(*_restore.modern_name(module, name)))

    def _new_with_keywords(self, position: int) -> None:
        keywords, arguments, callee = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._call(callee, arguments, position, keywords)

    def _called(self, position: int) -> None:
        arguments, callee = self._stack.pop(), self._stack.pop()
        self._call(callee, arguments, position)

    def _object(self, position: int) -> None:
        callee, *arguments = self._pop_mark()
        self._call(callee, tuple(arguments), position)

    def _instance(self, argument: str, position: int) -> None:
        arguments = self._pop_mark()
        self._push(_named(argument))
        self._call(self._stack.pop(), tuple(arguments), position)

    def _take(self, count: int) -> list[Any]:
        items = self._stack[len(self._stack) - count:]
        del self._stack[len(self._stack) - count:]
        return items


_BY_CODE = {opcode.code: opcode for opcode in pickletools.opcodes}


def _opcodes(file: IO[bytes]) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int]]:
    """As pickletools.genops, but for texts of Python 2: those need not be ASCII, and nothing warns of them."""
    while True:
        position = file.tell()
        code = file.read(1)
        opcode = _BY_CODE[code.decode("latin-1")]
        if opcode.name == "STRING":
            yield opcode, unquoted(file.readline()[:-1]).decode("latin-1"), position
        else:
            yield opcode, opcode.arg.reader(file) if opcode.arg else None, position
        if opcode.name == "STOP":
            return


def _named(argument: str) -> Name:
    return Name(*_restore.modern_name(*argument.split(" ", 1)))


def _size(value: Any) -> int:
    if type(value) is int:
        return value.bit_length() >> 3
    if isinstance(value, (str, Data)):
        return value.size if isinstance(value, Data) else len(value)
    return _POINTER * len(value) if isinstance(value, (tuple, list)) else 0


def _largest(arguments: "tuple[Any, ...]") -> int:
    """Of numbers; one that is larger than a pickler's is refused for itself."""
    return min(max((abs(each) for each in arguments if type(each) is int), default=0), _LARGEST)


def _constant(name: str, argument: Any) -> Any:
    if name == "EMPTY_LIST" or name == "EMPTY_SET":
        return Items()
    if name == "EMPTY_DICT":
        return Pairs()
    if isinstance(argument, (bytes, bytearray)):
        return Data(len(argument))
    if isinstance(argument, (str, int)) and "PERS" not in name:
        return argument
    return {"NEWTRUE": True, "NEWFALSE": False, "NONE": None, "EMPTY_TUPLE": ()}.get(name, UNKNOWN)


_CONSTANTS = frozenset(
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 NEXT_BUFFER PERSID "
    "EMPTY_LIST EMPTY_DICT EMPTY_SET EMPTY_TUPLE".split())
_MEMO_PUTS = frozenset("PUT BINPUT LONG_BINPUT MEMOIZE".split())
_MEMO_GETS = frozenset("GET BINGET LONG_BINGET".split())
_IGNORED = frozenset("PROTO FRAME STOP READONLY_BUFFER".split())
_STEPS: dict[str, Callable[[Calls, Any, int], Any]] = {
    "MARK": lambda calls, argument, at: calls._stack.append(_MARK),
    "POP": lambda calls, argument, at: calls._stack.pop(),
    "POP_MARK": lambda calls, argument, at: calls._pop_mark(),
    "DUP": lambda calls, argument, at: calls._push(calls._stack[-1]),
    "TUPLE": lambda calls, argument, at: calls._tuple(calls._pop_mark()),
    "TUPLE1": lambda calls, argument, at: calls._tuple(calls._take(1)),
    "TUPLE2": lambda calls, argument, at: calls._tuple(calls._take(2)),
    "TUPLE3": lambda calls, argument, at: calls._tuple(calls._take(3)),
    "LIST": lambda calls, argument, at: calls._stack.append(Items(calls._pop_mark())),
    "DICT": lambda calls, argument, at: _dict(calls, at),
    "FROZENSET": lambda calls, argument, at: calls._set(calls._pop_mark(), at),
    "APPEND": lambda calls, argument, at: calls._append(calls._take(1)),
    "APPENDS": lambda calls, argument, at: calls._append(calls._pop_mark()),
    "ADDITEMS": lambda calls, argument, at: _add_items(calls, at),
    "SETITEM": lambda calls, argument, at: calls._set_items(calls._take(2), at),
    "SETITEMS": lambda calls, argument, at: calls._set_items(calls._pop_mark(), at),
    "GLOBAL": lambda calls, argument, at: calls._push(_named(argument)),
    "STACK_GLOBAL": lambda calls, argument, at: calls._stack_global(),
    "REDUCE": lambda calls, argument, at: calls._called(at),
    "NEWOBJ": lambda calls, argument, at: calls._called(at),
    "NEWOBJ_EX": lambda calls, argument, at: calls._new_with_keywords(at),
    "OBJ": lambda calls, argument, at: calls._object(at),
    "INST": lambda calls, argument, at: calls._instance(argument, at),
    "BUILD": lambda calls, argument, at: calls._state(calls._stack.pop()),
    "BINPERSID": lambda calls, argument, at: calls._stack.__setitem__(-1, UNKNOWN),
}
"""What the other opcodes do; those of copyreg's extensions are not followed."""


def _dict(calls: Calls, position: int) -> None:
    items = calls._pop_mark()
    calls._stack.append(Pairs())
    calls._set_items(items, position)


def _add_items(calls: Calls, position: int) -> None:
    items = calls._pop_mark()
    for item in items:
        calls._key(item, position)
    calls._append(items)
