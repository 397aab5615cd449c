"""How often a module's code binds a name, by whatever statement: a class, an assignment, a loop, `global`.

Nothing of it runs. The compiler knows all of them: each is an instruction that stores a name.
"""

import opcode
from collections import Counter
from collections.abc import Iterator
from types import CodeType

_STORES = {opcode.opmap["STORE_NAME"]: False, opcode.opmap["STORE_GLOBAL"]: True}
"""The instructions, and whether they store a name of the module wherever they stand."""
_MORE = opcode.opmap["EXTENDED_ARG"]
_PARAMETERS = "<generic parameters of "
"""So begins the name of the code around a class or function that has such."""
_OPTIMIZED = 1  # inspect.CO_OPTIMIZED: a function, and what is none of a class or module
_DEEPEST = 32


def of(code: CodeType) -> Counter[str]:
    """By the names; one of a class in a class is dotted."""
    return Counter(_bound(code, "", 0))


def _bound(code: CodeType, prefix: str | None, depth: int) -> Iterator[str]:
    """`prefix`: what names of its own are called in the module; None: it is a function's, and has none there."""
    for name, is_global in _stored(code):
        if is_global:
            yield name
        elif prefix is not None:
            yield prefix + name
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and depth < _DEEPEST:
            yield from _bound(inner, _prefix(inner, prefix), depth + 1)


def _prefix(inner: CodeType, around: str | None) -> str | None:
    if around is None or inner.co_name.startswith(_PARAMETERS):
        return around
    return None if inner.co_flags & _OPTIMIZED else f"{around}{inner.co_name}."


def _stored(code: CodeType) -> Iterator[tuple[str, bool]]:
    """Names that instructions store, and whether in the module."""
    instructions, argument = code.co_code, 0
    for at in range(0, len(instructions), 2):
        argument = argument << 8 | instructions[at + 1]
        if instructions[at] in _STORES:
            yield code.co_names[argument], _STORES[instructions[at]]
        if instructions[at] != _MORE:
            argument = 0
