"""Extension modules that were not made for the interpreters in which scripts load them."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import Context, Extension, Load, State

OWN_GIL = 2
WITH_SUBSTITUTES = ("_datetime", "_decimal", "_elementtree")
"""Modules of Python 3.12's library that it does without where they cannot be imported."""
_MOST_NAMED = 6


def findings(state: State) -> Iterator[Finding]:
    """Of each script in a sub-interpreter."""
    for load in state.loads:
        if not load.script.in_sub_interpreter or load.context is None:
            continue
        wrong = [each for each in load.extensions if not fits(each, load)]
        if wrong:
            yield _finding(load, wrong)


def _is_of_the_library(extension: Extension, context: Context) -> bool:
    return extension.file.startswith(f"{context.stdlib}/lib-dynload/")


def fits(extension: Extension, load: Load) -> bool:
    """With a GIL of its own CPython refuses what does not say that it can. With the common one it lets everything in,
    and what keeps its state for the process is at risk; the standard library's modules are known to work so."""
    if extension.phase == "unknown":
        return True
    if load.runner.own_gil and extension.name in WITH_SUBSTITUTES:
        return True
    if load.runner.own_gil:
        return extension.phase == "multi-phase" and extension.support == OWN_GIL
    if load.context is not None and _is_of_the_library(extension, load.context):
        return True
    return extension.phase == "multi-phase" and extension.support != 0


def _finding(load: Load, wrong: list[Extension]) -> Finding:
    names = [each.name for each in wrong]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    listed = ", ".join(names[:_MOST_NAMED]) + more
    details = tuple(f"{each.name}: {each.phase} initialisation, {each.file}" for each in wrong[:_MOST_NAMED])
    if load.runner.own_gil:
        return Finding("extension-own-gil", "extension", "error", f"{load.script.path} runs in an interpreter with a "
                       f"GIL of its own, which cannot import {listed}", (load.script.place,),
                       "Take interpreters= or WSGIPerInterpreterGIL out, and use more processes.", details=details)
    option = "application-group=%{GLOBAL} at the alias, with a process group for each application"
    return Finding("extension-sub-interpreter", "extension", "warning", f"{load.script.path} runs in a "
                   f"sub-interpreter, for which {listed} {'is' if len(names) == 1 else 'are'} not made: it may hang, "
                   "crash, or mix up types", (load.script.place,), f"{option}.", details=details)
