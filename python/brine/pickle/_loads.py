"""`loads` of the API: pickle's, guarded, with a value for what was stored by code that does not run here."""

from typing import Any

from brine import _guard
from brine.pickle import _restore
from brine.pickle._react import misses
from brine.pickle._stable import SchemaError
from brine.script_names import ScriptLoadError

_NONE: Any = object()


def loads(data: Any, /, *, default: Any = _NONE, **options: Any) -> Any:
    """Reads an object from a pickle, as `pickle.loads` does with the same `options`.

    `default` is returned where the pickle holds an object of another schema than its class has here (SchemaError), or
    names a module, class or function that is not there: so a cache takes what other code has stored for a miss. All
    other exceptions are raised.
    """
    if default is _NONE:
        return _guard.loads(data, **options)
    outer = getattr(misses, "are_expected", False)
    misses.are_expected = True
    try:
        return _guard.loads(data, **options)
    except (SchemaError, ImportError, AttributeError) as error:
        is_miss = isinstance(error, SchemaError) or (
            not isinstance(error, ScriptLoadError) and _restore.first_missing(data, error) is not None)
        if not is_miss:
            raise
    finally:
        misses.are_expected = outer
    return default
