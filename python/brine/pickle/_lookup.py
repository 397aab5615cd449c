"""What a module's name and a name in it lead to, without importing or running anything.

A module that is loaded is looked into as it is, past its `__getattr__`. One that is not is found by its
file, and a Python file read as a syntax tree.
"""

import ast
import inspect
import sys
import types
from functools import lru_cache
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from typing import Any, NamedTuple

_LARGEST_SOURCE = 2 << 20
_MOST_PARTS = 32


class Found(NamedTuple):
    """What a name leads to: a phrase, and what of it is missing ("module", "name" or "")."""

    where: str
    missing: str = ""


def look_up(module: str, name: str) -> Found:
    """Where a global comes from now."""
    loaded = sys.modules.get(module)
    if isinstance(loaded, types.ModuleType):
        return _in_loaded(loaded, name)
    spec = _find(module)
    if spec is None:
        return Found("", "module")
    if not spec.origin or not spec.origin.endswith(".py"):
        return Found(f"{spec.origin or 'a namespace package'} (not loaded, so its names are not known)")
    return _in_source(spec.origin, name)


def _in_loaded(module: types.ModuleType, name: str) -> Found:
    home = getattr(module, "__file__", None) or f"module {module.__name__}"
    first, *rest = name.split(".")
    names = vars(module)
    if first not in names:
        if "__getattr__" in names:
            return Found(f"{home} (made on demand by its __getattr__)")
        return Found(home, "name")
    value = names[first]
    for part in rest[:_MOST_PARTS]:
        try:
            value = inspect.getattr_static(value, part)
        except AttributeError:
            return Found(home, "name")
    return Found(f"{_kind(value)} in {home}")


def _kind(value: Any) -> str:
    if isinstance(value, type):
        return "class"
    return "function" if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)) else type(value).__name__


def _find(module: str) -> ModuleSpec | None:
    """The spec of a module, found by Python's own finders alone: others may run code of their own."""
    parts = module.split(".")
    if len(parts) > _MOST_PARTS or not all(part.isidentifier() for part in parts):
        return None
    path = None
    spec = None
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        loaded = sys.modules.get(name)
        spec = getattr(loaded, "__spec__", None)
        if not isinstance(spec, ModuleSpec):
            spec = _spec(name, path)
        if spec is None:
            return None
        path = getattr(loaded, "__path__", None) or spec.submodule_search_locations
        if path is None and count < len(parts):
            return None
    return spec


def _spec(name: str, path: Any) -> ModuleSpec | None:
    for finder in (BuiltinImporter, FrozenImporter, PathFinder):
        try:
            found = finder.find_spec(name, path)
        except Exception:  # a broken entry of sys.path
            continue
        if found is not None:
            return found
    return None


def _in_source(file: str, name: str) -> Found:
    tree = _read(file)
    if tree is None:
        return Found(f"{file} (which cannot be read, so its names are not known)")
    first, *rest = name.split(".")
    bound = _names_of(file)
    if first in bound:
        kind, line = bound[first]
        return Found(f"{kind} in {file}:{line}")
    if "*" in bound or "__getattr__" in bound:
        return Found(f"{file} (which takes names from elsewhere)")
    return Found(file, "name")


@lru_cache(maxsize=64)
def _read(file: str) -> ast.Module | None:
    try:
        with open(file, "rb") as source:
            text = source.read(_LARGEST_SOURCE + 1)
        return ast.parse(text) if len(text) <= _LARGEST_SOURCE else None
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=64)
def _names_of(file: str) -> dict[str, tuple[str, int]]:
    """Name -> (what it is, line), of all that is bound at a module's top level."""
    names: dict[str, tuple[str, int]] = {}
    tree = _read(file)
    todo: list[ast.AST] = list(tree.body) if tree else []
    while todo:
        node = todo.pop()
        if isinstance(node, ast.ClassDef):
            names.setdefault(node.name, ("class", node.lineno))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.setdefault(node.name, ("function", node.lineno))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                names.setdefault(alias.asname or alias.name.split(".")[0], ("name", node.lineno))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id, ("name", node.lineno))
        else:
            todo += ast.iter_child_nodes(node)
    return names
