"""What happens when a dump or load is not ordinary: the C++ core (`brine._guard`) calls these functions.

Nothing here runs for a pickle in which the core finds no hazard.
"""

import copyreg
import logging
import pickle
import threading
from contextlib import contextmanager
from dataclasses import replace
from types import BuiltinMethodType
from typing import Any, Callable, Iterator, Sequence

from brine import _guard
from brine.pickle import _failures, _generations, _judge, _refusals, _restore, _signatures
from brine.pickle._describe import Culprit, describe
from brine.pickle._frames import Root, find_root
from brine.pickle._hazards import SEVERITIES, Hazard, Report, UnsafePickleError
from brine.pickle._paths import render_path
from brine.pickle._refusals import Trace
from brine.pickle._stable import SchemaError
from brine.script_names import ScriptLoadError

#: The log of programs without a server.
logger = logging.getLogger("brine.pickle")

collectors: list[list[Report]] = []
"""Who else is to hear of each report; see collect()."""

failed: list[tuple[int, Report]] = []
"""While somebody collects: what pickle has refused, by its id(), and what was reported of it."""

known: dict[tuple[str, str, str], tuple[str, str]] = {}
"""(kind, module, name) in a stream -> (id, key) of the hazard, where it has been reported with its path."""

ID_OF_NAMES = "name"
"""The kind of what is a hazard by its name; else the hazard's id."""

misses = threading.local()
"""`are_expected`: the thread has said what a load is to return whose pickle is of another schema."""

_MOST_HAZARDS = 100

#: What is never in a pickle that has been written.
_REFUSED = ("naming-local", "naming-foreign", "reload-stale", "reload-missing")

#: What pickle names to write a value of a built-in type.
_VALUE_MAKERS = {("_codecs", "encode"), *(("builtins", name) for name in
                                          ("bytes", "bytearray", "complex", "set", "frozenset"))}

Suspects = list[tuple[str, str]]

#: Calls that cannot succeed: (module, name, how, number of arguments).
Misfits = Sequence[tuple[str, str, int, int]]


def inspect(obj: Any, protocol: int | None = None, *, builtin_only: bool = False, name: str = "obj") -> Report:
    """What `pickle.dumps(obj, protocol)` would write that must not be pickled, and where in `obj` it is.

    Nothing is pickled, but objects are asked for their parts as pickle asks them (`__reduce_ex__`).
    `builtin_only`: everything is a hazard but the types that WSGIPickleGuard BuiltinOnly allows.
    `name`: what paths begin with. At most 1,000,000 objects are looked at and 100 hazards told, see
    Report.complete.
    """
    return _inspect(obj, protocol, copyreg.dispatch_table, builtin_only, Root(name, None),
                    None if builtin_only else _refusals.judge)


def _inspect(obj: Any, protocol: int | None, table: Any, builtin_only: bool, root: Root,
             refused: Callable[[BaseException | None], Any] | None = None) -> Report:
    level = pickle.DEFAULT_PROTOCOL if protocol is None or not 0 <= protocol <= pickle.HIGHEST_PROTOCOL else protocol
    judge = _judge.judge_anything if builtin_only else _judge.judge
    misfit = None if builtin_only else _signatures.misfit
    found, objects, complete = _guard.inspect_graph(obj, judge, level, table, builtin_only, refused, misfit=misfit)
    hazards: dict[tuple[str, int], Hazard] = {}
    for judgement, steps, way, culprit in found:
        if isinstance(judgement, _signatures.Misfit):
            path = render_path(root.name, steps, [*way, culprit])
            hazards.setdefault((_signatures.ID, id(judgement.callable)), judgement.describe(path, root.where))
            continue
        if refused and (hazard := _refusals.describe(judgement, steps, way, culprit, root)):
            hazards[hazard.id, id(culprit)] = hazard
            continue
        # With BuiltinOnly all instances of a class are one hazard; else a culprit comes once anyway.
        one = culprit if not builtin_only or _judge.names_itself(culprit) else type(culprit)
        if (judgement.id, id(one)) in hazards:
            continue
        if len(hazards) == _MOST_HAZARDS:
            return Report(tuple(hazards.values()), objects, False)
        path = render_path(root.name, steps, [*way, culprit])
        named = Culprit(one, steps if one is culprit else [*steps, ("of_class", 0)])
        hazards[judgement.id, id(one)] = describe(judgement, named, path, root.where)
    return Report(tuple(hazards.values()), objects, complete)


# --- dumps ----------------------------------------------------------------------------------------------


def suspicion_of(module: str, name: str) -> int:
    """1 if a global that pickle has written may be a hazard, + 2 if its calls matter; the core remembers the answer."""
    modern = _restore.modern_name(module, name)
    return (_judge.hazard_of_name(*modern) is not None) + 2 * _signatures.is_watched(*modern)


def is_suspect(module: str, name: str) -> bool:
    """Whether a global that pickle has written may be a hazard by its name."""
    return _judge.hazard_of_name(*_restore.modern_name(module, name)) is not None


def is_no_builtin_value(module: str, name: str) -> bool:
    """Likewise for the policy BuiltinOnly: whether it is one is seen in the object, not in the name."""
    return True


def is_misfit(module: str, name: str, how: int, arguments: int) -> bool:
    """Whether a call that pickle has written cannot succeed; the core remembers the answer."""
    return _signatures.is_misfit(*_restore.modern_name(module, name), how, arguments)


def on_dump(obj: Any, protocol: int, pickler: Any, suspects: Suspects | None, policy: str,
            misfits: Misfits = ()) -> UnsafePickleError | None:
    """Reports the hazards of a dump that was done; returns the exception that it is to fail with, or None.

    `suspects`: the names to look for, or None for all that `obj` leads to. `misfits`: calls of the pickle's.
    """
    told = [(ID_OF_NAMES, *name) for name in suspects or ()] + [(_signatures.ID, *call[:2]) for call in misfits]
    if policy == "Report" and told and not collectors and _is_known(told):
        for name in dict.fromkeys(told):
            _guard.count(*known[name])
        _guard.announce(",".join(dict.fromkeys([known[name][0] for name in told])), "")
        return None
    root = find_root(obj)
    report = _examine(obj, protocol, pickler, suspects, misfits, policy == "BuiltinOnly", root)
    report = _without_false_alarms(report, pickler)
    if (suspects or misfits) and policy != "BuiltinOnly":
        report = _complete(report, suspects or [], misfits, root)
    elif suspects and not report:
        report = _describe_makers(suspects, root)
    if not report:
        # What is refused where it is a hazard does not leave where that could not be found out.
        unknown = policy != "Report" and suspects is None and not report.complete
        return UnsafePickleError(report) if unknown else None
    deliver(report)
    return None if policy == "Report" else UnsafePickleError(report)


def on_refusal(obj: Any, traces: list[tuple[Any, ...]], error: BaseException,
               policy: str) -> UnsafePickleError | list[tuple[str, str, str]] | None:
    """Describes why a dump has failed: the exception that it is to fail with, or each (id, key, text) to report yet.

    `traces`: what pickle stopped at, and after it what else is a hazard by its name; each is a Trace.
    Nobody reads the text of a hazard whose key is known to the process: it may be empty.
    """
    culprit, *others = [Trace(*trace) for trace in traces]
    if policy == "Report" and not others and not collectors:
        key = _refusals.key_of(culprit)
        if key is not None and _guard.is_known(_plain(key)):
            return [(_refusals.ID, _plain(key), "")]
    root = find_root(obj)
    hazards = [_stopped_at(culprit, error, root)]
    if hazards[0].id == _refusals.ID:
        others = [trace for trace in others if not _refusals.goes_with(trace, culprit)]
    hazards += [hazard for trace in others if (hazard := _named(trace, root))]
    refuses = policy != "Report" and hazards[0].id != _refusals.ID  # there pickle's exception will do
    if not refuses and not collectors:
        return [(hazard.id, _plain(hazard.key), _plain(str(hazard))) for hazard in hazards]
    report = Report(tuple(hazards), len(culprit.way) + 1)
    if collectors:
        failed.append((id(obj), report))
    deliver(report)
    if not refuses:
        return []
    refusal = UnsafePickleError(report)
    refusal.__cause__ = error
    return refusal


def _stopped_at(trace: Trace, error: BaseException, root: Root) -> Hazard:
    words = _refusals.words_of(error)
    hazard = _named(trace, root) if trace.how == "named" else None
    return replace(hazard, pickle_error=words) if hazard else _refusals.explain(trace, words, root)


def _named(trace: Trace, root: Root) -> Hazard | None:
    """The hazard of a class, function or other object by its name."""
    judgement = _judge.judge(trace.culprit, trace.written)
    if judgement is None or _refusals.is_unnamed(trace.culprit, judgement):
        return None
    path = render_path(root.name, trace.steps, [*trace.way, trace.culprit])
    return describe(judgement, Culprit(trace.culprit, trace.steps), path, root.where)


def withdraw(obj: Any) -> None:
    """The object has been pickled in another way after pickle had refused it: nothing was wrong."""
    for refused, report in [each for each in failed if each[0] == id(obj)]:
        failed.remove((refused, report))
        for collector in collectors:
            collector[:] = [each for each in collector if each is not report]


def log(text: str) -> None:
    """For programs without a server."""
    logger.warning("%s", text)


def before_dump(obj: Any, protocol: int, pickler: Any, policy: str) -> UnsafePickleError | None:
    """For a dump whose buffers leave while pickle works; returns the exception that it is to fail with, or None.

    A Pickler with hooks may keep objects out of the pickle: there the hazards show when the dump is done.
    """
    if has_hooks(pickler):
        return None
    refusal = on_dump(obj, protocol, pickler, None, policy)
    return refusal if refusal and refusal.report else None


def _is_known(told: list[tuple[str, str, str]]) -> bool:
    """Whether all have been reported with their paths, and still are hazards: sys.path may have been mended."""
    for name in told:
        if name not in known:
            return False
        if name[0] == ID_OF_NAMES and not is_suspect(*name[1:]):
            forget()
            return False
    return True


def _examine(obj: Any, protocol: int, pickler: Any, suspects: Suspects | None, misfits: Misfits, builtin_only: bool,
             root: Root) -> Report:
    table = getattr(pickler, "dispatch_table", copyreg.dispatch_table)
    report = _inspect(obj, protocol, table, builtin_only, root)
    if suspects is None or builtin_only:
        return report
    wanted = {_restore.modern_name(*suspect) for suspect in suspects}
    named = [hazard for each in wanted for hazard in _written_as(report, *each)]
    called = {_restore.modern_name(*call[:2]) for call in misfits}
    named += [hazard for hazard in report if _is_signature(hazard, called)]
    return Report(tuple([hazard for hazard in report if hazard in named]), report.objects, report.complete)


def _written_as(report: Report, module: str, name: str) -> list[Hazard]:
    """The hazards whose culprit pickle writes by that name: protocols 0 to 3 name the outermost class."""
    return [hazard for hazard in report if hazard.module == module and f"{hazard.qualname}.".startswith(f"{name}.")
            and hazard.id != _signatures.ID]


def _is_signature(hazard: Hazard, called: set[tuple[str, str]]) -> bool:
    return hazard.id == _signatures.ID and (hazard.module, hazard.qualname) in called


def _without_false_alarms(report: Report, pickler: Any) -> Report:
    """A Pickler with hooks may have kept objects out of the pickle: what is never in one that was done.

    The hooks themselves are not called again: they may keep books of what they have seen.
    """
    if not has_hooks(pickler):
        return report
    return Report(tuple(hazard for hazard in report if hazard.id not in _REFUSED), report.objects, report.complete)


def has_hooks(pickler: Any) -> bool:
    """Whether a Pickler's class, or its user, gave it hooks; Python 3.13's Pickler has one that does nothing."""
    hooks = [getattr(pickler, name, None) for name in ("persistent_id", "reducer_override")]
    return any(hook is not None and not isinstance(hook, BuiltinMethodType) for hook in hooks)


def _complete(report: Report, suspects: Suspects, misfits: Misfits, root: Root) -> Report:
    """Adds what the stream names and the walk did not come to: the object may have changed meanwhile."""
    hazards = list(report.hazards)
    for suspect in suspects:
        module, qualname = _restore.modern_name(*suspect)
        written = _written_as(report, module, qualname)
        hazard = written[0] if written else None
        if hazard is None:
            hazard = _describe_name(module, qualname, root)
            if hazard is None:
                continue
            hazards.append(hazard)
        known[(ID_OF_NAMES, *suspect)] = (hazard.id, hazard.key)
    for module, name, how, arguments in misfits:
        modern = _restore.modern_name(module, name)
        hazard = next((each for each in report if _is_signature(each, {modern})), None)
        if hazard is None:
            misfit = _signatures.find(*modern, how, arguments)
            if misfit is None or any(_is_signature(each, {modern}) for each in hazards):
                continue
            hazard = misfit.describe(f"something in {root.name}", root.where)
            hazards.append(hazard)
        known[_signatures.ID, module, name] = (hazard.id, hazard.key)
    return Report(tuple(hazards), report.objects, report.complete)


def _describe_makers(suspects: Suspects, root: Root) -> Report:
    """What the stream names, and no value of a built-in type needs: the object is another now than it was."""
    names = {_restore.modern_name(*suspect) for suspect in suspects} - _VALUE_MAKERS
    found = [_describe_name(*each, root, _judge.judge_anything) for each in sorted(names)]
    return Report(tuple(hazard for hazard in found if hazard is not None))


def _describe_name(module: str, qualname: str, root: Root, judge: Any = _judge.judge) -> Hazard | None:
    script = _judge._scripts.find(module)
    namespace = script.module if script else _judge.import_as_pickle_does(module)
    culprit = judgement = None
    try:
        culprit = _judge.resolve(namespace, qualname)
        judgement = judge(culprit, qualname)
    except AttributeError:
        pass
    if judgement is None:  # what cannot be told of the object, its name tells
        judgement = _judge.judge_name(module, qualname, script)
    return judgement and describe(judgement, Culprit(culprit, ()), f"something in {root.name}", root.where)


# --- loads ----------------------------------------------------------------------------------------------


def refuse_script(error: KeyError) -> ImportError | None:
    """The exception to raise where pickle did not find a script in sys.modules, since none stays there."""
    if error.__traceback__ is not None:  # raised by Python code, which pickle has called
        return None
    name = error.args[0] if error.args else None
    return _judge._scripts.refusal(name) if isinstance(name, str) else None


def on_failed_load(error: BaseException, data: Any, module: str | None, name: str | None) -> None:
    """Adds to pickle's exception which global was not found, or whose code failed, and what to do; reports it."""
    if isinstance(error, ScriptLoadError):  # which says what is wrong
        return
    if isinstance(error, SchemaError):  # likewise
        if not getattr(misses, "are_expected", False):
            deliver(Report((_of_schema(error),)))
        return
    hazard = None
    if (module is None or name is None) and data is not None and isinstance(error, (AttributeError, ImportError)):
        module, name = _restore.first_missing(data, error) or (None, None)
    if module is not None and name is not None:
        hazard = _restore.describe(*_restore.modern_name(module, name), error)
    elif not isinstance(error, (pickle.PickleError, MemoryError)):
        hazard = _failures.describe(error, data)
    if hazard is not None:
        deliver(Report((hazard,)))
        _restore.add_note(error, f"Brine: {hazard.message} {hazard.remedy}")


def on_written(stream: bytes) -> None:
    """A pickle that was made, and that names a script: it may be loaded after the next reload."""
    _generations.remember(stream)


def on_loaded(data: Any, policy: str) -> UnsafePickleError | None:
    """Reports what was loaded by a class of another generation; returns the exception that the load is to fail with."""
    hazards = _generations.changed(data)
    if not hazards:
        return None
    report = Report(tuple(hazards))
    deliver(report)
    return None if policy == "Report" else UnsafePickleError(report)


def _of_schema(error: SchemaError) -> Hazard:
    script = _judge._scripts.find(error.module)
    return Hazard("restore-schema", SEVERITIES["restore-schema"], "", error.module, error.qualname, error.fault,
                  error.remedy, script.path if script else None,
                  current_generation=script.generation if script else None)


# --- telling --------------------------------------------------------------------------------------------


def deliver(report: Report) -> None:
    """Counts the hazards and announces them: each in full once in a process, then by its id."""
    new = [hazard for hazard in report if _guard.count(hazard.id, _plain(hazard.key))]
    text = _plain("\n".join(map(str, new)))
    if not _guard.announce(",".join(report.ids), text) and text:
        log(text)
    for collector in list(collectors):
        collector.append(report)


def _plain(text: str) -> str:
    """What the log and the core can take: valid UTF-8 without NUL."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


@contextmanager
def collect(reports: list[Report] | None = None) -> Iterator[list[Report]]:
    """Within `with collect() as reports:` each dump or load that has a hazard adds its Report to the list.

    The list is a new one, or the one that is given. It gets the reports of all threads.
    """
    reports = [] if reports is None else reports
    collectors.append(reports)
    _guard.set_collecting(True)
    try:
        yield reports
    finally:
        collectors[:] = [each for each in collectors if each is not reports]
        _guard.set_collecting(bool(collectors))
        if not collectors:
            failed.clear()


samplers: list[Callable[[bytes], None]] = []
"""Who takes the pickles that are to be checked by a round trip; else they go to brine.pickle._sampling."""


def on_sample(stream: bytes, pickler: Any) -> None:
    """A pickle whose turn it is to be checked. `pickler`: the program's own, or None."""
    from brine.pickle import _sampling  # not before it is needed
    if not _sampling.may_be_loaded(stream, pickler):
        return
    if not samplers:
        _sampling.offer(stream)
    for take in samplers:
        take(stream)


def forget() -> None:
    """A script has been loaded: names may stand for other things than before."""
    known.clear()
    _judge.forget()
    _guard.forget_verdicts()
