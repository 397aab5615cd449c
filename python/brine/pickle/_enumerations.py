"""Which classes of a module are enumerations, read from its source or from the class as it is; nothing is imported.

A member of an enumeration is stored as `getattr(Color, "RED")` or as `Color(1)`, by the version of Python. Both only
look the member up, where the class is as `enum` makes it. To load it imports the class's module, so the source has to
be that of a module that defines, and not that of a program.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from brine.pickle import _bindings


class Enumeration(NamedTuple):
    """A class whose members can be looked up."""

    members: frozenset[str]
    plain: bool
    """To look one up runs no code but that of `enum`, and the module is one that defines things, and no program."""


_ENUMS = frozenset(
    {f"enum.{name}" for name in "Enum IntEnum StrEnum Flag IntFlag ReprEnum".split()}
    | {f"django.db.models.{part}{name}" for part in ("", "enums.")
       for name in "Choices TextChoices IntegerChoices".split()})
_MIXINS = frozenset({"builtins.str", "builtins.int", "builtins.float", "builtins.bytes"})
_DECORATORS = frozenset({"enum.unique", "enum.verify"})
_OWN_MODULES = frozenset({"enum", "builtins", "django.db.models.enums"})
_HOOKS = frozenset({"_missing_", "__getattribute__", "__get__", "__hash__", "__eq__", "__setstate__", "__setitem__",
                    "__init_subclass__", "append", "extend", "add"})
"""What of a class the unpickler may call when it looks up a member, puts it into a set, or fills it."""
_DEFINING = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Assign, ast.AnnAssign,
             ast.AugAssign, ast.Pass, ast.Delete, ast.Raise)
_MAKERS = _ENUMS | {"collections.namedtuple", "typing.NamedTuple", "dataclasses.make_dataclass", "typing.NewType"}
MARKS = (b"Enum", b"Flag", b"Choices", b"namedtuple", b"NamedTuple", b"make_dataclass")
"""A module without one of these words defines nothing that is of interest here."""


def of_class(value: type, enum_types: Iterable[type]) -> Enumeration | None:
    """The same of a class that is there; `enum_types`: metaclasses of enumerations that are known."""
    if not any(type(value) is each for each in enum_types):
        return None
    names: Any = vars(type)["__dict__"]
    members = names.__get__(value).get("_member_map_")
    if type(members) is not dict:
        return None
    classes = [each for each in vars(type)["__mro__"].__get__(value)  # type: ignore[attr-defined]
               if vars(type)["__module__"].__get__(each) not in _OWN_MODULES]
    plain = not any(_HOOKS & set(names.__get__(each)) for each in classes)
    return Enumeration(frozenset(members), plain)


class Source:
    """What the source of a module says of the classes in it.

    `package`: that of the module, for relative imports. `elsewhere`: says what a class of another module is.
    """

    def __init__(self, tree: ast.Module, package: str, elsewhere: Callable[[str, str], Enumeration | None]) -> None:
        self._imported = dict(_imported(tree.body, package))
        self._elsewhere = elsewhere
        self._quiet = all(_is_quiet(statement) for statement in tree.body)
        self._bound = _bindings.of(compile(tree, "<module>", "exec", dont_inherit=True))
        self.enumerations: dict[str, Enumeration] = {}
        """By their qualified names."""
        self.made: set[str] = set()
        """Names of classes that a call makes: `Point = namedtuple("Point", "x y")`."""
        self._read(tree.body, "")

    def _read(self, body: list[ast.stmt], prefix: str) -> None:
        for statement in body:
            self._read(_blocks(statement), prefix)
            if isinstance(statement, ast.ClassDef):
                self._class(statement, prefix + statement.name)
                self._read(statement.body, f"{prefix}{statement.name}.")
            elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call) and not prefix:
                self._called(statement.targets, statement.value)

    def _path(self, node: ast.expr) -> str:
        """The full name of what an expression names; empty if it is no name."""
        if isinstance(node, ast.Name):
            return self._imported.get(node.id, node.id if node.id in self.enumerations else f"builtins.{node.id}")
        if isinstance(node, ast.Attribute) and (owner := self._path(node.value)):
            return f"{owner}.{node.attr}"
        return self._path(node.func) if isinstance(node, ast.Call) else ""

    def _class(self, node: ast.ClassDef, name: str) -> None:
        bases = [self._path(base) for base in node.bases]
        inherited = [self._inherited(base) for base in bases if base not in _ENUMS | _MIXINS]
        if not any(base in _ENUMS for base in bases) and not any(inherited):
            return
        plain = (self._quiet and self._bound[name] <= 1 and all(each and each.plain for each in inherited)
                 and all(keyword.arg == "boundary" for keyword in node.keywords)
                 and all(self._path(decorator) in _DECORATORS for decorator in node.decorator_list)
                 and all(_is_member_of_a_plain_body(statement) for statement in node.body))
        members = {each for statement in node.body for each in _assigned(statement)}
        members |= {each.name for each in node.body if isinstance(each, ast.ClassDef)}  # they are before Python 3.13
        self.enumerations[name] = Enumeration(frozenset(members), plain)

    def _inherited(self, base: str) -> Enumeration | None:
        """What a base class is: one of this module, or of another one."""
        if base in self.enumerations:
            return self.enumerations[base]
        module, _, name = base.rpartition(".")
        return self._elsewhere(module, name) if module and module != "builtins" else None

    def _called(self, targets: list[ast.expr], call: ast.Call) -> None:
        """Its name in the module has to be that under which its objects are stored."""
        path = self._path(call.func)
        text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        named = any(isinstance(each, ast.Name) and each.id == text for each in targets)
        if path not in _MAKERS or not named or self._bound[str(text)] > 1:
            return
        self.made.add(str(text))
        if path in _ENUMS:
            members = _members_of_call(call)
            self.enumerations[str(text)] = Enumeration(frozenset(members), bool(members) and self._quiet)


def _imported(body: list[ast.stmt], package: str) -> Iterator[tuple[str, str]]:
    """Names that the module's imports bind, and what they lead to."""
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or name, name
        elif isinstance(statement, ast.ImportFrom):
            above = package.split(".")[:len(package.split(".")) + 1 - statement.level] if statement.level else []
            home = ".".join([*above, *([statement.module] if statement.module else [])])
            yield from ((alias.asname or alias.name, f"{home}.{alias.name}") for alias in statement.names)
        else:
            yield from _imported(_blocks(statement), package)


def _blocks(statement: ast.stmt) -> list[ast.stmt]:
    """What stands in an `if` or a `try`."""
    if isinstance(statement, ast.If):
        return statement.body + statement.orelse
    if isinstance(statement, ast.Try):
        handlers = [each for handler in statement.handlers for each in handler.body]
        return statement.body + handlers + statement.orelse + statement.finalbody
    return []


def _is_quiet(statement: ast.stmt) -> bool:
    """Whether a module with it defines, as one that is made to be imported does."""
    if isinstance(statement, (ast.If, ast.Try)):
        return all(_is_quiet(each) for each in _blocks(statement))
    return isinstance(statement, _DEFINING) or _is_text(statement)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_member_of_a_plain_body(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return statement.name not in _HOOKS
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return not _HOOKS & set(_targets(statement))
    return isinstance(statement, ast.Pass) or _is_text(statement)


def _targets(statement: ast.stmt) -> list[str]:
    """The names that an assignment binds."""
    targets = statement.targets if isinstance(statement, ast.Assign) else (
        [statement.target] if isinstance(statement, ast.AnnAssign) and statement.value else [])
    parts = [each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [each.id for each in parts if isinstance(each, ast.Name)]


def _assigned(statement: ast.stmt) -> list[str]:
    """The members that a statement of an enumeration's body makes."""
    return [name for name in _targets(statement) if not name.startswith("_")]


def _members_of_call(call: ast.Call) -> list[str]:
    """Of `Enum("Color", "RED GREEN")`, where they are written out."""
    try:
        names = ast.literal_eval(call.args[1])
    except (IndexError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return []
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if not isinstance(names, (list, tuple, dict)):
        return []
    members = [each[0] if isinstance(each, (list, tuple)) and each else each for each in names]
    return [each for each in members if isinstance(each, str) and each.isidentifier() and not each.startswith("_")]
