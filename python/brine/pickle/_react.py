"""What happens when a dump or load is not ordinary: the C++ core (`brine._guard`) calls these functions.

Nothing here runs for a pickle in which the core finds no hazard.
"""

import copyreg
import logging
import pickle
from contextlib import contextmanager
from types import BuiltinMethodType
from typing import Any, Callable, Iterator

from brine import _guard
from brine.pickle import _judge, _restore
from brine.pickle._describe import Culprit, describe, render_path
from brine.pickle._frames import find_root
from brine.pickle._hazards import Hazard, Report, UnsafePickleError

#: The log of programs without a server.
logger = logging.getLogger("brine.pickle")

collectors: list[Callable[[Report], None]] = []
"""Who else is to hear of each report; see collect()."""

known: dict[tuple[str, str], tuple[str, str]] = {}
"""(module, name) in a stream -> (id, key) of the hazard, where it has been reported with its path."""

Suspects = list[tuple[str, str]]


def inspect(obj: Any, protocol: int | None = None, *, builtin_only: bool = False, name: str = "obj") -> Report:
    """What `pickle.dumps(obj, protocol)` would write that must not be pickled, and where in `obj` it is.

    Nothing is pickled, but objects are asked for their parts as pickle asks them (`__reduce_ex__`).
    `builtin_only`: everything is a hazard but the types that WSGIPickleGuard BuiltinOnly allows.
    `name`: what paths begin with. At most 1,000,000 objects are looked at, see Report.complete.
    """
    return _inspect(obj, protocol, copyreg.dispatch_table, builtin_only, name, None)


def _inspect(obj: Any, protocol: int | None, table: Any, builtin_only: bool, name: str, where: str | None) -> Report:
    level = pickle.DEFAULT_PROTOCOL if protocol is None or not 0 <= protocol <= pickle.HIGHEST_PROTOCOL else protocol
    judge = _judge.judge_anything if builtin_only else _judge.judge
    found, objects, complete = _guard.inspect_graph(obj, judge, level, table, builtin_only)
    hazards: dict[tuple[str, int], Hazard] = {}
    for judgement, steps, holder, culprit in found:
        # With BuiltinOnly all instances of a class are one hazard; else a culprit comes once anyway.
        one = culprit if isinstance(culprit, type) or not builtin_only else type(culprit)
        if (judgement.id, id(one)) not in hazards:
            path = render_path(name, steps)
            hazards[judgement.id, id(one)] = describe(judgement, Culprit(culprit, holder, steps), path, where)
    return Report(tuple(hazards.values()), objects, complete)


# --- dumps ----------------------------------------------------------------------------------------------


def is_suspect(module: str, name: str) -> bool:
    """Whether a global that pickle has written may be a hazard; the core remembers the answer."""
    return _judge.hazard_of_name(_restore.modern_name(module, name)[0]) is not None


def is_no_builtin_value(module: str, name: str) -> bool:
    """Likewise for the policy BuiltinOnly: whether it is one is seen in the object, not in the name."""
    return True


def on_dump(obj: Any, protocol: int, pickler: Any, error: BaseException | None, suspects: Suspects | None,
            policy: str) -> UnsafePickleError | None:
    """Reports the hazards of a dump; returns the exception that it is to fail with, or None.

    `error`: pickle's own, or None where the dump was done. `suspects`: the names to look for, or None for
    all that `obj` leads to.
    """
    if policy == "Report" and suspects and all(name in known for name in suspects) and not collectors:
        for name in suspects:
            _guard.count(*known[name])
        _guard.announce(",".join(dict.fromkeys(known[name][0] for name in suspects)), "")
        return None
    root = find_root(obj)
    report = _examine(obj, protocol, pickler, suspects, policy == "BuiltinOnly", root.name, root.where)
    report = _without_false_alarms(report, pickler, error)
    if suspects and policy != "BuiltinOnly":
        report = _complete(report, suspects, root.name, root.where)
    if not report:
        return None
    _deliver(report)
    if policy == "Report":
        return None
    refusal = UnsafePickleError(report)
    refusal.__cause__ = error
    return refusal


def _examine(obj: Any, protocol: int, pickler: Any, suspects: Suspects | None, builtin_only: bool, name: str,
             where: str) -> Report:
    table = getattr(pickler, "dispatch_table", copyreg.dispatch_table)
    report = _inspect(obj, protocol, table, builtin_only, name, where)
    if suspects is None or builtin_only:
        return report
    wanted = {_restore.modern_name(*suspect) for suspect in suspects}
    return Report(tuple(hazard for hazard in report if (hazard.module, hazard.qualname) in wanted),
                  report.objects, report.complete)


def _without_false_alarms(report: Report, pickler: Any, error: BaseException | None) -> Report:
    """A Pickler with hooks may have kept objects out of the pickle; then pickle's own error tells which counts.

    The hooks themselves are not called again: they may keep books of what they have seen.
    """
    if error is None or not (_has_hook(pickler, "persistent_id") or _has_hook(pickler, "reducer_override")):
        return report
    words = str(error)
    return Report(tuple(hazard for hazard in report if hazard.qualname.rpartition(".")[2] in words),
                  report.objects, report.complete)


def _has_hook(pickler: Any, name: str) -> bool:
    """Whether a Pickler's class, or its user, gave it a hook; Python 3.13's Pickler has one that does nothing."""
    hook = getattr(pickler, name, None)
    return hook is not None and not isinstance(hook, BuiltinMethodType)


def _complete(report: Report, suspects: Suspects, name: str, where: str) -> Report:
    """Adds what the stream names and the walk did not come to: the object may have changed meanwhile."""
    found = {(hazard.module, hazard.qualname): hazard for hazard in report}
    hazards = list(report.hazards)
    for suspect in suspects:
        module, qualname = _restore.modern_name(*suspect)
        hazard = found.get((module, qualname))
        if hazard is None:
            hazard = _describe_name(module, qualname, f"something in {name}", where)
            if hazard is None:
                continue
            hazards.append(hazard)
        known[suspect] = (hazard.id, hazard.key)
    return Report(tuple(hazards), report.objects, report.complete)


def _describe_name(module: str, qualname: str, path: str, where: str) -> Hazard | None:
    script = _judge._scripts.find(module)
    namespace = script.module if script else _judge.import_as_pickle_does(module)
    try:
        culprit = _judge.resolve(namespace, qualname)
    except AttributeError:
        return None
    judgement = _judge.judge(culprit, qualname)
    return judgement and describe(judgement, Culprit(culprit, None, ()), path, where)


# --- loads ----------------------------------------------------------------------------------------------


def on_failed_load(error: BaseException, data: Any, module: str | None, name: str | None) -> None:
    """Adds to pickle's exception which global was not found, and what to do; reports it as a hazard."""
    if module is None or name is None:
        missing = _restore.first_missing(data)
        if missing is None:
            return
        module, name = missing
    hazard = _restore.describe(*_restore.modern_name(module, name), error)
    if hazard is not None:
        _restore.add_note(error, f"Brine: {hazard.message} {hazard.remedy}")
        _deliver(Report((hazard,)))


# --- telling --------------------------------------------------------------------------------------------


def _deliver(report: Report) -> None:
    """Counts the hazards and announces them: each in full once in a process, then by its id."""
    new = [hazard for hazard in report if _guard.count(hazard.id, _plain(hazard.key))]
    text = _plain("\n".join(map(str, new)))
    if not _guard.announce(",".join(report.ids), text) and text:
        logger.warning("%s", text)
    for collector in list(collectors):
        collector(report)


def _plain(text: str) -> str:
    """What the log and the core can take: valid UTF-8 without NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


@contextmanager
def collect() -> Iterator[list[Report]]:
    """Within `with collect() as reports:` each dump or load that has a hazard adds its Report to the list."""
    reports: list[Report] = []
    collectors.append(reports.append)
    try:
        yield reports
    finally:
        collectors.remove(reports.append)


def forget() -> None:
    """A script has been loaded: names may stand for other things than before."""
    known.clear()
    _judge.forget()
    _guard.forget_verdicts()
