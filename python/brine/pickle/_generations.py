"""Which generations of scripts have pickled what: of what is loaded, whether its class is still the same.

A pickle does not say it. So a process remembers the pickles that it has made of the classes of registered scripts, by
their hashes.
"""

from collections import OrderedDict
from typing import Any

from brine import _guard
from brine.pickle import _judge, _scripts
from brine.pickle._hazards import SEVERITIES, Hazard

ID = "reload-other-class"
_MOST = 10_000

#: (hash, length) of a pickle -> the names in it, (module, name), and the generation that they were of.
_written: "OrderedDict[tuple[int, int], dict[tuple[str, str], int]]" = OrderedDict()


def remember(stream: bytes) -> None:
    """Takes note of a pickle in which classes of scripts may be named."""
    names = {}
    for module, name in _names_in(stream):
        script = _scripts.find(module)
        if script is not None and script.registered:
            names[module, name] = script.generation
    if not names:
        return
    key = hash(stream), len(stream)
    _written[key] = names
    _written.move_to_end(key)
    if len(_written) > _MOST:
        _written.popitem(last=False)
    _guard.set_remembering(True)


def _names_in(stream: bytes) -> list[tuple[str, str]]:
    scanner = _guard.StreamScanner()
    scanner.feed(stream)
    return [(module, name) for kind, module, name, _, _ in scanner.finish()[0]
            if kind == "named" and module.startswith(_judge.SCRIPT_PREFIX)]


def changed(stream: Any) -> list[Hazard]:
    """What a pickle names that this process has pickled as something of an earlier generation."""
    data = stream if type(stream) is bytes else bytes(stream)
    names = _written.get((hash(data), len(data)), {})
    found = [_hazard(module, name, generation) for (module, name), generation in names.items()]
    return [hazard for hazard in found if hazard is not None]


def _hazard(module: str, name: str, generation: int) -> Hazard | None:
    script = _scripts.find(module)
    if script is None or script.generation == generation:
        return None
    try:
        noun = "class" if _judge.is_class(_judge.resolve(script.module, name)) else "function"
    except AttributeError:
        return None
    message = (f"the pickle was made of {noun} {name} of generation {generation} of the WSGI script {script.path}, and "
               f"is loaded as that of generation {script.generation}: isinstance() tells the two apart, and the state "
               "is that of the earlier one.")
    remedy = (f"Move {noun} {name} into a module on sys.path and import it from the script; or give the script a name "
              "(WSGIScriptName) and mark the class with @brine.pickle.stable, which has schemas.")
    return Hazard(ID, SEVERITIES[ID], "", module, name, message, remedy, script.path, generation, script.generation)
