"""Which modules are WSGI scripts, as far as this interpreter knows. Without a server there are none."""

from typing import Any, Callable, NamedTuple


class Script(NamedTuple):
    """A WSGI script of this interpreter."""

    path: str
    module: Any
    """The module of the generation that serves now, or that is being loaded."""
    generation: int


def find(name: str) -> Script | None:
    """The script whose module is called so."""
    found = _find(name)
    return Script(*found) if found else None


def generation(name: Any) -> int | None:
    """The generation in which a class or function was defined, by its very __module__ object."""
    return _generation(name)


def provide(find: Callable[[str], Any], generation: Callable[[Any], int | None]) -> None:
    """The server tells how its scripts are found."""
    global _find, _generation
    _find, _generation = find, generation


def _find(name: str) -> Any:
    return None


def _generation(name: Any) -> int | None:
    return None
