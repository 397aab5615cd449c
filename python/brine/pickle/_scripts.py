"""Which modules are WSGI scripts, as far as this interpreter knows. Without a server: those that have a name."""

from typing import Any, Callable, NamedTuple

from brine import script_names


class Script(NamedTuple):
    """A WSGI script of this interpreter."""

    path: str
    module: Any
    """The module of the generation that serves now, or that is being loaded."""
    generation: int
    registered: bool
    """WSGIScriptModules Registered: its module stays in sys.modules."""


def find(name: str) -> Script | None:
    """The script whose module is called so."""
    found = _find(name)
    return Script(*found) if found else None


def generation(name: Any) -> int | None:
    """The generation in which a class or function was defined, by its very __module__ object."""
    return _generation(name)


def refusal(name: str) -> ImportError | None:
    """Why the script whose module is called so cannot be imported by its name, if it is one."""
    script = find(name)
    return _refusal(name, script.path) if script else None


def provide(find: Callable[[str], Any], generation: Callable[[Any], int | None],
            refusal: Callable[[str, str], ImportError]) -> None:
    """The server tells how its scripts are found, and how it refuses to import one."""
    global _find, _generation, _refusal
    _find, _generation, _refusal = find, generation, refusal


def _find(name: str, /) -> Any:
    own = script_names.script_name(name)
    module = script_names.present(own) if own else None
    return (script_names.table[own], module, 1, False) if own and module else None


def _generation(name: Any, /) -> int | None:
    return None


_refusal: Callable[[str, str], ImportError]
