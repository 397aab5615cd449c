"""Whether the keys of a pickle's dicts and sets take time without end (`_keys`): followed opcode by opcode.

What a pickle of plain data calls need not be known, so that a value is the place of its opcode alone, or what it
is made of. This takes a tenth of the time that `_calls` takes, and so goes through large pickles whole.
"""

import pickletools
from typing import Any, NamedTuple

from brine.pickle._keys import Costly, Keys

MOST_OPCODES = 10_000_000
_FAULTS = (ValueError, IndexError, KeyError, TypeError, RecursionError)
_SIZES = {ord(opcode.code): opcode.arg.n if opcode.arg else 0 for opcode in pickletools.opcodes}
"""Of the arguments in bytes; if negative, it is a line, or says itself how long it is."""
_LENGTHS = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4, pickletools.TAKEN_FROM_ARGUMENT8U: 8}
_NAMES = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}
_NOTHING = frozenset(code for code, name in _NAMES.items() if name in ("PROTO", "FRAME", "READONLY_BUFFER"))
_PUSHES = frozenset(ord(opcode.code) for opcode in pickletools.opcodes
                    if not opcode.stack_before and len(opcode.stack_after) == 1
                    and "GET" not in opcode.name and opcode.name != "MARK")


class Weighed(NamedTuple):
    """What was found out about a stream's keys."""

    position: int | None
    """Where those that are too costly are used."""
    costly: Costly | None
    complete: bool
    """The stream could be followed to its end."""


def weigh(stream: bytes, most: int = MOST_OPCODES) -> Weighed:
    """Follows a stream, or so many opcodes of it."""
    weights = _Weights(stream)
    try:
        weights.follow(most)
    except Costly as costly:
        return Weighed(weights.at, costly, False)
    except _FAULTS:
        return Weighed(None, None, False)
    return Weighed(None, None, weights.complete)


class _Weights:
    """A stack and a memo of the places of values, and of what is made of them."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[bytes, Any] = {}
        """By the numbers as texts: a dict of numbers that a stream chooses may take long to fill."""
        self._keys = Keys(stream)
        self.at = 0
        """The opcode that is followed."""
        self.complete = False

    def follow(self, most: int) -> None:
        """Goes through the stream, or so many opcodes of it."""
        stream, stack, at = self._stream, self._stack, 0
        for _ in range(most):
            if at >= len(stream):
                self.complete = True
                return
            code = stream[at]
            size = _SIZES[code]
            start, end = (at + 1, at + 1 + size) if size >= 0 else self._extent(code, size, at + 1)
            if code in _PUSHES:
                stack.append(at)
            elif code not in _NOTHING:
                self.at = at
                self._step(_NAMES[code], stream[start:end])
            at = end

    def _extent(self, code: int, size: int, at: int) -> tuple[int, int]:
        """Where an argument of no fixed size begins and ends."""
        if size != pickletools.UP_TO_NEWLINE:
            start = at + _LENGTHS[size]
            return start, start + int.from_bytes(self._stream[at:start], "little")
        end = self._stream.index(b"\n", at) + 1
        return at, self._stream.index(b"\n", end) + 1 if _NAMES[code] in ("GLOBAL", "INST") else end

    def _step(self, name: str, argument: bytes) -> None:
        """Does what an opcode does."""
        stack = self._stack
        if name == "MARK":
            self._marks.append(len(stack))
        elif name == "MEMOIZE":
            self._memo[b"%d" % len(self._memo)] = stack[-1]
        elif "PUT" in name:
            self._memo[_number(name, argument)] = stack[-1]
        elif "GET" in name:
            stack.append(self._memo[_number(name, argument)])
        elif name in ("POP", "DUP", "POP_MARK", "STOP"):
            self._rearrange(name)
        elif name in _TAKEN:
            self._take(name, self._last(_TAKEN[name]))
        elif name in _OF_MARK:
            self._take(name, self._last(len(stack) - self._marks.pop()))
        else:
            raise ValueError(name)

    def _rearrange(self, name: str) -> None:
        if name == "STOP":
            self._stack.clear()
            self._marks.clear()
            self._memo.clear()
            self._keys.forget()
        elif name == "POP_MARK":
            del self._stack[self._marks.pop():]
        elif name == "DUP":
            self._stack.append(self._stack[-1])
        elif self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def _last(self, count: int) -> list[Any]:
        if count > len(self._stack):
            raise IndexError(count)
        at = len(self._stack) - count
        taken = self._stack[at:]
        del self._stack[at:]
        return taken

    def _take(self, name: str, taken: list[Any]) -> None:
        """What an opcode makes of the values that it takes from the stack, or does with them."""
        stack, keys = self._stack, self._keys
        if name in _TUPLES:
            stack.append(keys.composed("tuple", taken))
        elif name in ("SETITEM", "SETITEMS"):
            keys.use(stack[-1], taken[::2])
            keys.note_items(stack[-1], taken)
        elif name in ("APPEND", "APPENDS"):
            keys.extend(stack[-1], taken)
        elif name in _CALLS:
            keys.weigh(taken)
            if name not in _OF_ONE:
                callee, *given = [self.at, *taken] if name == "INST" else taken
                taken = [callee, keys.composed("tuple", given)]
            made = keys.composed("call", taken[:2])
            stack.append(made)
            keys.called(made, name == "NEWOBJ_EX")
        elif name == "ADDITEMS":
            keys.use(stack[-1], taken)
        elif name == "BUILD":
            keys.stated(stack[-1], taken[0])
        else:
            self._make(name, taken)

    def _make(self, name: str, taken: list[Any]) -> None:
        """What is made of values at once, and of a persistent id."""
        made = self._keys.composed(_OF_PARTS[name], taken) if name in _OF_PARTS else self.at
        self._stack.append(made)
        if name == "FROZENSET":
            self._keys.use(made, taken)
        elif name == "DICT":
            self._keys.use(made, taken[::2])
            self._keys.note_items(made, taken)
        elif name == "LIST":
            self._keys.extend(made, taken)


_TAKEN = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "APPEND": 1, "SETITEM": 2, "REDUCE": 2, "NEWOBJ": 2, "NEWOBJ_EX": 3,
          "BUILD": 1, "STACK_GLOBAL": 2, "BINPERSID": 1}
"""How many values are taken from the stack, the holder of an item not among them."""
_OF_MARK = frozenset("TUPLE LIST DICT FROZENSET APPENDS SETITEMS ADDITEMS OBJ INST".split())
_TUPLES = frozenset("TUPLE TUPLE1 TUPLE2 TUPLE3".split())
_CALLS = frozenset("REDUCE NEWOBJ NEWOBJ_EX OBJ INST".split())
_OF_ONE = frozenset("REDUCE NEWOBJ NEWOBJ_EX".split())
"""These have their arguments in one tuple, behind which may be others by their names."""
_OF_PARTS = {"STACK_GLOBAL": "name", "FROZENSET": "frozenset"}


def _number(name: str, argument: bytes) -> bytes:
    return b"%d" % (int.from_bytes(argument, "little") if "BIN" in name else int(argument))
