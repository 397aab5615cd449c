"""Whether a pickle uses a key whose hash takes time without end: a tuple that holds others many times over.

What a pickle of plain data calls need not be known, so that each value is its weight alone: how many tuples
its hash asks. This takes a tenth of the time that `_calls` takes, and so goes through large pickles whole.
"""

import pickletools

HEAVY = 1 << 20
MOST_OPCODES = 10_000_000
_FAULTS = (ValueError, IndexError, KeyError)
_SIZES = {ord(opcode.code): opcode.arg.n if opcode.arg else 0 for opcode in pickletools.opcodes}
"""Of the arguments in bytes; if negative, it is a line, or says itself how long it is."""
_LENGTHS = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4, pickletools.TAKEN_FROM_ARGUMENT8U: 8}
_NAMES = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}
_NOTHING = frozenset(code for code, name in _NAMES.items() if name in ("PROTO", "FRAME", "READONLY_BUFFER"))
_PUSHES = frozenset(ord(opcode.code) for opcode in pickletools.opcodes
                    if not opcode.stack_before and len(opcode.stack_after) == 1
                    and "GET" not in opcode.name and opcode.name != "MARK")


def heavy_key(stream: bytes, most: int = MOST_OPCODES) -> tuple[int | None, bool]:
    """Where such a key is used first, and whether the stream could be followed to its end."""
    weights = _Weights(stream)
    try:
        return weights.follow(most), weights.complete
    except _FAULTS:
        return None, False


class _Weights:
    """A stack and a memo of weights."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._stack: list[int] = []
        self._marks: list[int] = []
        self._memo: dict[int, int] = {}
        self.complete = False

    def follow(self, most: int) -> int | None:
        """Goes through the stream, or so many opcodes of it."""
        stream, stack, at = self._stream, self._stack, 0
        for _ in range(most):
            if at >= len(stream):
                self.complete = True
                return None
            code = stream[at]
            size = _SIZES[code]
            start, end = (at + 1, at + 1 + size) if size >= 0 else self._extent(code, size, at + 1)
            if code in _PUSHES:
                stack.append(0)
            elif code not in _NOTHING and self._step(_NAMES[code], stream[start:end]) > HEAVY:
                return at
            at = end
        return None

    def _extent(self, code: int, size: int, at: int) -> tuple[int, int]:
        """Where an argument of no fixed size begins and ends."""
        if size != pickletools.UP_TO_NEWLINE:
            start = at + _LENGTHS[size]
            return start, start + int.from_bytes(self._stream[at:start], "little")
        end = self._stream.index(b"\n", at) + 1
        return at, self._stream.index(b"\n", end) + 1 if _NAMES[code] in ("GLOBAL", "INST") else end

    def _step(self, name: str, argument: bytes) -> int:
        """Does what an opcode does; returns the largest weight of a key that it uses."""
        stack = self._stack
        if name == "MARK":
            self._marks.append(len(stack))
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif "PUT" in name:
            self._memo[_number(name, argument)] = stack[-1]
        elif "GET" in name:
            stack.append(self._memo[_number(name, argument)])
        elif name in ("POP", "DUP", "POP_MARK", "STOP"):
            self._rearrange(name)
        elif name in _TAKEN:
            return self._take(name, self._last(_TAKEN[name]))
        elif name in _OF_MARK:
            return self._take(name, self._last(len(stack) - self._marks.pop()))
        else:
            raise ValueError(name)
        return 0

    def _rearrange(self, name: str) -> None:
        if name == "STOP":
            self._stack.clear()
            self._marks.clear()
            self._memo.clear()
        elif name == "POP_MARK":
            del self._stack[self._marks.pop():]
        elif name == "DUP":
            self._stack.append(self._stack[-1])
        elif self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def _last(self, count: int) -> list[int]:
        if count > len(self._stack):
            raise IndexError(count)
        at = len(self._stack) - count
        taken = self._stack[at:]
        del self._stack[at:]
        return taken

    def _take(self, name: str, taken: list[int]) -> int:
        """What an opcode makes of the values that it takes from the stack, or does with them."""
        if name in _MAKING:
            self._stack.append(min(1 + sum(taken), HEAVY + 1))
        elif name in _PLAIN:
            self._stack.append(0)
        if name in _KEYS:
            return max(taken[::2], default=0)
        return max(taken, default=0) if name in _ALL_KEYS else 0


_TAKEN = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "APPEND": 1, "SETITEM": 2, "REDUCE": 2, "NEWOBJ": 2, "NEWOBJ_EX": 3,
          "BUILD": 1, "STACK_GLOBAL": 2, "BINPERSID": 1}
"""How many values are taken from the stack, the holder of an item not among them."""
_OF_MARK = frozenset("TUPLE LIST DICT FROZENSET APPENDS SETITEMS ADDITEMS OBJ INST".split())
_MAKING = frozenset("TUPLE TUPLE1 TUPLE2 TUPLE3 REDUCE NEWOBJ NEWOBJ_EX OBJ INST".split())
"""What they make has a hash that may ask for those of what they take."""
_PLAIN = frozenset("LIST DICT FROZENSET STACK_GLOBAL BINPERSID".split())
_KEYS = frozenset("DICT SETITEM SETITEMS".split())
_ALL_KEYS = frozenset("FROZENSET ADDITEMS REDUCE NEWOBJ NEWOBJ_EX OBJ INST".split())
"""A call may use what it is given as keys."""


def _number(name: str, argument: bytes) -> int:
    return int.from_bytes(argument, "little") if "BIN" in name else int(argument)
