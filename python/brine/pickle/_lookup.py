"""What a module's name and a name in it lead to, without importing or running anything.

A module that is loaded is looked into as it is, past its `__getattr__`. One that is not is found by its
file, and a Python file given to the compiler as far as its table of names.
"""

import ast
import os
import re
import symtable
import sys
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from typing import Any, NamedTuple

from brine import script_names
from brine.pickle import _bindings, _enumerations
from brine.pickle._enumerations import Enumeration

_LARGEST_SOURCE = 2 << 20
_MOST_SOURCE = 4 << 20
_LARGEST_TREE = 256 << 10
_MOST_TREES = 1 << 20
_MOST_PARTS = 32
_DICT_OF_MODULE: Any = vars(types.ModuleType)["__dict__"]
_DICT: Any = vars(type)["__dict__"]
_MRO: Any = vars(type)["__mro__"]
_ENUM_TYPES = (("enum", "EnumMeta"),
               ("django.db.models.enums", "ChoicesMeta"), ("django.db.models.enums", "ChoicesType"))
_IMPORT_OF_ALL = re.compile(rb"^[ \t]*from[ \t]+\S+[ \t]+import[ \t]*\(?[ \t]*\*", re.MULTILINE)


class Found(NamedTuple):
    """What a name leads to: a phrase, and what of it is missing ("module", "name" or "")."""

    where: str
    missing: str = ""
    what: str = ""
    """class or function, where it is known to be one."""
    own: bool | None = None
    """Whether that module defines it, under this name's last part or as a class in a class; None: it is not known."""
    enumeration: Enumeration | None = None
    """Its members, where it is known to be a class with such."""


class Lookup:
    """Where names lead to, for one scan: no more than so much source is read for it."""

    def __init__(self) -> None:
        self._source_left, self._trees_left = _MOST_SOURCE, _MOST_TREES
        self._is_read: dict[str, bool] = {}
        self._sources: dict[str, _enumerations.Source | None] = {}

    def __call__(self, module: str, name: str) -> Found:
        """Where a global comes from now."""
        if module in script_names.table:  # a WSGI script, of which the module of that name is a view
            return self._in_file(script_names.table[module], "", name)
        loaded = sys.modules.get(module)
        if loaded is not None:
            return _in_loaded(module, loaded, name)
        spec = _find(module)
        if spec is None:
            return Found("", "module")
        if not spec.origin or not spec.origin.endswith(".py"):
            return Found(f"{spec.origin or 'a namespace package'} (not loaded, so its names are not known)")
        return self._in_file(spec.origin, spec.parent or "", name)

    def _in_file(self, file: str, package: str, name: str) -> Found:
        if not self._may_read(file):
            return Found(f"{file} (not read, since the stream names so many modules)")
        found = _in_source(file, name)
        if found.missing or "." not in name and found.what == "function":
            return found
        return self._as_class(file, package, name, found)

    def _may_read(self, file: str) -> bool:
        if file not in self._is_read:
            self._source_left -= _size_of(file)
            self._is_read[file] = self._source_left >= 0
        return self._is_read[file]

    def _as_class(self, file: str, package: str, name: str, found: Found) -> Found:
        """What a syntax tree says beyond the names: of members, and of classes that a call has made."""
        if file not in self._sources:
            self._sources[file] = None  # for modules that import each other
            size = _size_of(file)
            self._trees_left -= size
            if size <= _LARGEST_TREE and self._trees_left >= 0:
                self._sources[file] = _read(file, package, lambda module, name: self(module, name).enumeration)
        source = self._sources[file]
        if source is None:
            return found
        if name in source.made:
            found = Found(f"class in {file}", "", "class", True)
        is_sure = found.what == "class" and found.own
        return found._replace(enumeration=source.enumerations.get(name)) if is_sure else found


def _read(file: str, package: str,
          elsewhere: Callable[[str, str], Enumeration | None]) -> _enumerations.Source | None:
    """What a module's syntax tree says of its classes; None where that is nothing, or it cannot be read."""
    try:
        with open(file, "rb") as source:
            text = source.read(_LARGEST_TREE + 1)
        if len(text) > _LARGEST_TREE or not any(mark in text for mark in _enumerations.MARKS):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _enumerations.Source(ast.parse(text, file), package, elsewhere)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _size_of(file: str) -> int:
    try:
        return min(os.stat(file).st_size, _LARGEST_SOURCE)
    except OSError:
        return 0


def _names_in(module: Any) -> dict[str, Any] | None:
    """The `__dict__` of a loaded module, past code of its own; None where that is no module at all."""
    return _DICT_OF_MODULE.__get__(module) if issubclass(type(module), types.ModuleType) else None


def _in_loaded(module: str, loaded: Any, name: str) -> Found:
    names = _names_in(loaded)
    if names is None:
        return Found(f"module {module} (it is no ordinary module, so its names are not known)")
    file = names.get("__file__")
    home = file if type(file) is str else f"module {module}"
    first, *rest = name.split(".")
    if first not in names:
        if "__getattr__" in names or type(loaded) is not types.ModuleType:
            return Found(f"{home} (made on demand by its __getattr__)")
        return Found(home, "name")
    value = names[first]
    inside = len(rest) < _MOST_PARTS
    for part in rest[:_MOST_PARTS]:
        inside = inside and issubclass(type(value), type) and part in _DICT.__get__(value)
        found = _stored(value, part)
        if found is None:
            by_code = any(_stored_in(type(value), hook, tops=False) for hook in ("__getattr__", "__getattribute__"))
            return Found(f"made by the code of a {type(value).__name__} in {home}") if by_code else Found(home, "name")
        value = found[0]
    kind = _kind(value)
    own = kind in ("class", "function") and inside and _module_of(value) == module
    members = _enumerations.of_class(value, _enum_types()) if kind == "class" and own else None
    return Found(f"{kind} in {home}", "", kind if kind in ("class", "function") else "", own, members)


def _enum_types() -> list[type]:
    """The metaclasses of enumerations, of those modules that are loaded."""
    types_: list[type] = []
    for module, name in _ENUM_TYPES:
        found: Any = (_names_in(sys.modules.get(module)) or {}).get(name)
        if issubclass(type(found), type):
            types_.append(found)
    return types_


def _module_of(value: Any) -> Any:
    """Where a class or function says that it is defined; no code of its own gets to run."""
    if issubclass(type(value), type):
        module = vars(type)["__module__"].__get__(value)
        return module if type(module) is str else None
    return value.__module__  # of exactly these types: see _kind()


def _stored(value: Any, name: str) -> tuple[Any] | None:
    """The attribute of an object as it is stored: no property, `__getattr__` or metaclass gets to run."""
    if issubclass(type(value), type):
        return _stored_in(value, name) or _stored_in(type(value), name)
    own = _stored_in(type(value), "__dict__")
    if own is not None and type(own[0]) is types.GetSetDescriptorType:
        names = own[0].__get__(value)
        if name in names:
            return (names[name],)
    return _stored_in(type(value), name)


def _stored_in(cls: type, name: str, tops: bool = True) -> tuple[Any] | None:
    """What a class or one of its bases has by that name; `tops`: also what `object` and `type` have."""
    for part in _MRO.__get__(cls):
        if (part is object or part is type) and not tops:
            continue
        if name in _DICT.__get__(part):
            return (_DICT.__get__(part)[name],)
    return None


def _kind(value: Any) -> str:
    if issubclass(type(value), type):
        return "class"
    return "function" if type(value) in (types.FunctionType, types.BuiltinFunctionType) else type(value).__name__


def _find(module: str) -> ModuleSpec | None:
    """The spec of a module, found by Python's own finders alone: others may run code of their own."""
    parts = module.split(".")
    if len(parts) > _MOST_PARTS or not all(part.isidentifier() for part in parts):
        return None
    path = None
    spec = None
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        names = _names_in(sys.modules.get(name)) or {}
        spec = names.get("__spec__")
        if type(spec) is not ModuleSpec:
            spec = _spec(name, path)
        if spec is None:
            return None
        path = names.get("__path__") or spec.submodule_search_locations
        if path is None and count < len(parts):
            return None
    return spec


def _spec(name: str, path: Any) -> ModuleSpec | None:
    finders: tuple[Any, ...] = (BuiltinImporter, FrozenImporter, PathFinder)
    for finder in finders:
        try:
            found = finder.find_spec(name, path)
        except Exception:  # a broken entry of sys.path
            continue
        if found is not None:
            return found
    return None


def _in_source(file: str, name: str) -> Found:
    bound = _names_of(file)
    if bound is None:
        return Found(f"{file} (which cannot be read, so its names are not known)")
    if name in bound:
        return bound[name]
    first = name.split(".")[0]
    if first in bound:  # an attribute of what is bound
        return Found(bound[first].where, own=False)
    if "*" in bound or "__getattr__" in bound:
        return Found(f"{file} (which takes names from elsewhere)")
    return Found(file, "name")


@lru_cache(maxsize=256)
def _names_of(file: str) -> dict[str, Found] | None:
    """What a module binds at its top level, and classes in its classes, by their names; None: it cannot be read.

    From the compiler's symbol table, which is made many times faster than a syntax tree.
    """
    try:
        with open(file, "rb") as source:
            text = source.read(_LARGEST_SOURCE + 1)
        if len(text) > _LARGEST_SOURCE:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(text, file, "exec")  # type: ignore[arg-type]  # it takes bytes too
            bound = _bindings.of(compile(text, file, "exec", dont_inherit=True))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {symbol.get_name(): Found(f"name in {file}", own=False) for symbol in table.get_symbols()
             if symbol.is_assigned() or symbol.is_imported()}
    imported = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}
    _note_definitions(table, "", file, imported, names)
    _doubt(names, bound, table)
    if _IMPORT_OF_ALL.search(text):
        names["*"] = Found("")
    return names


def _note_definitions(table: symtable.SymbolTable, prefix: str, file: str, imported: set[str],
                      names: dict[str, Found]) -> None:
    """Classes and functions of a table, and classes in classes."""
    for inner in _inner_tables(table):
        name, kind = prefix + inner.get_name(), inner.get_type()
        if kind == "class" or (kind == "function" and not prefix and name in names):
            own = name not in imported  # one that is also imported may be either
            names[name] = Found(f"{kind} in {file}:{inner.get_lineno()}", "", kind, own)
            if kind == "class" and name.count(".") < _MOST_PARTS:
                _note_definitions(inner, f"{name}.", file, set(), names)


def _inner_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Those of classes and functions; those with parameters of their own (`class Page[Item]`) are in one of these."""
    for inner in table.get_children():
        if inner.get_type().startswith("type parameter"):
            yield from _inner_tables(inner)
        else:
            yield inner


def _doubt(names: dict[str, Found], bound: Counter[str], table: symtable.SymbolTable) -> None:
    """What is bound more often than it is defined may be something else by now: `X = os.system` behind a class X."""
    defined = Counter(_defined(table, ""))
    for name, times in bound.items():
        found = names.get(name)
        if found is not None and found.own and times > defined[name]:
            names[name] = found._replace(own=None)


def _defined(table: symtable.SymbolTable, prefix: str) -> Iterator[str]:
    """Each definition of a class or function, as often as there is one of that name."""
    for inner in _inner_tables(table):
        name = prefix + inner.get_name()
        yield name
        if inner.get_type() == "class" and name.count(".") < _MOST_PARTS:
            yield from _defined(inner, f"{name}.")
