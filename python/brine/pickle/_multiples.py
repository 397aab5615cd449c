"""Rules for what Django and Werkzeug keep of a request: dicts with several values under a key, headers; and texts that
are translated when they are shown.
"""

from collections.abc import Callable
from typing import Any

from brine.pickle._calls import Items, Name, Pairs, has_names, require

_NO_STATE = "its state is none that pickle writes."
_OF_DJANGO = (Name("django.utils.datastructures", "MultiValueDict"), Name("django.http.request", "QueryDict"))
_OF_WERKZEUG = tuple(Name(module, name) for module in ("werkzeug.datastructures", "werkzeug.datastructures.structures")
                     for name in ("MultiDict", "ImmutableMultiDict"))
_HEADERS = tuple(Name(f"werkzeug.datastructures{module}", "Headers") for module in ("", ".headers"))
_TRANSLATORS = {Name("django.utils.translation", "gettext"): 1, Name("django.utils.translation", "pgettext"): 2}
"""And how many texts they are given."""
_TEXT = Name("builtins", "str")


def _has_lists(values: Any) -> bool:
    return isinstance(values, Pairs) and all(isinstance(value, Items) for _, value in values)


def _is_of_a_query(name: str, value: Any) -> bool:
    if name == "_data":
        return _has_lists(value)
    return (name == "_mutable" and type(value) is bool
            or name == "_encoding" and (value is None or value in ("utf-8", "iso-8859-1", "ascii")))


def _state_of_django(state: Any) -> None:
    """Lists of values by their keys, and of a QueryDict how it reads texts. An attribute might be a method else."""
    require(isinstance(state, Pairs) and has_names(state) and all(_is_of_a_query(*pair) for pair in state), _NO_STATE)


def _state_of_werkzeug(state: Any) -> None:
    require(_has_lists(state), _NO_STATE)


def _state_of_headers(state: Any) -> None:
    lines = state[0][1] if isinstance(state, Pairs) and len(state) == 1 and state[0][0] == "_list" else None
    require(isinstance(lines, Items) and all(type(each) is tuple and len(each) == 2
                                             and type(each[0]) is type(each[1]) is str for each in lines), _NO_STATE)


STATES: dict[Name, Callable[[Any], None]] = {
    **{name: _state_of_django for name in _OF_DJANGO},
    **{name: _state_of_werkzeug for name in _OF_WERKZEUG if name.name == "MultiDict"},
    **{name: _state_of_headers for name in _HEADERS},
}
"""What is made without arguments, and which states it may be given."""
FILLED_BY_KEYS = frozenset(STATES) - frozenset(_HEADERS)
"""Of these items are set, before they have their state."""
OF_PAIRS = frozenset(name for name in _OF_WERKZEUG if name.name == "ImmutableMultiDict")
"""What is made of a list of keys and values."""


def is_pairs(arguments: tuple[Any, ...]) -> None:
    """Refuses other arguments than a list of pairs."""
    require(len(arguments) == 1 and isinstance(arguments[0], Items) and all(
        type(each) is tuple and len(each) == 2 for each in arguments[0]), "it is not made of keys and values.")


def is_lazy_text(arguments: tuple[Any, ...]) -> None:
    """Refuses a text that is made later by another function than those that translate, or of other than texts."""
    function, given, named, *kinds = (*arguments, *(None,) * 4)[:max(4, len(arguments))]
    require(isinstance(function, Name) and function in _TRANSLATORS
            and type(given) is tuple and len(given) == _TRANSLATORS[function]
            and all(type(each) is str for each in given)
            and isinstance(named, Pairs) and not named and kinds == [_TEXT],
            "it makes a text by a function that does something else than to translate one.")
