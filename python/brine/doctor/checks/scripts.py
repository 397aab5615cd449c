"""Scripts that do not load, or define no application: the root exception first, and what it may come from."""

import errno
import os
import signal
from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor.state import Load, Raised, State

_MOST_OUTPUT_LINES = 12


def findings(state: State) -> Iterator[Finding]:
    """Of each that was loaded. What keeps its user from reading it is told by the check of paths."""
    for load in state.loads:
        if load.ending == "raised" and not _is_its_own_path(load):
            yield _raised(load)
        elif load.ending == "ended":
            yield _problem(load, "script-ends", f"loading {load.script.path} ends its process: {_ending(load.code)}",
                           "A script must not end its process: see what it wrote, or load it under gdb.")
        elif load.ending == "late":
            yield _problem(load, "script-late", f"{load.script.path} was still loading after {load.seconds:g} s",
                           "See what it waits for; a connection belongs into the first request. More time: --timeout.")
        elif load.ending == "loaded":
            yield from _application(load)


def _is_its_own_path(load: Load) -> bool:
    return load.raised[-1].filename == load.script.path and load.raised[-1].errno in (errno.EACCES, errno.ENOENT)


def _problem(load: Load, name: str, message: str, remedy: str, first: tuple[str, ...] = ()) -> Finding:
    return Finding(name, "script", "error", message, (load.script.place,), remedy,
                   details=(*first, *_context(load), *_output(load)))


def _context(load: Load) -> tuple[str, ...]:
    seen = load.context
    if seen is None:
        return (f"loaded by {load.runner.user} for {load.runner.called}",)
    return (f"loaded by {load.runner.user} (uid {seen.uid}, gid {seen.gid}) for {load.runner.called}, in {seen.folder}",
            f"sys.prefix: {seen.prefix} (Python {seen.version}, {seen.program})",
            f"sys.path: {', '.join(seen.path)}")


def _output(load: Load) -> tuple[str, ...]:
    lines = [line for line in load.output.split("\n") if line.strip()][-_MOST_OUTPUT_LINES:]
    return ("it wrote:", *(f"  {line}" for line in lines)) if lines else ()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit code {code}"


def _line(error: Raised) -> str:
    where = f" ({error.file}:{error.line})" if error.file else ""
    return f"{error.type}: {error.message}{where}" if error.message else f"{error.type}{where}"


def _raised(load: Load) -> Finding:
    root, rest = load.raised[0], load.raised[1:]
    return _problem(load, "script-raises", f"{load.script.path} does not load: {_line(root)}", hint(load),
                    tuple(f"which led to {_line(each)}" for each in rest))


def hint(load: Load) -> str:
    """What the root exception probably comes from, and what to do."""
    root = load.raised[0]
    if load.missing:
        return _missing(load)
    if root.type == "MemoryError" and (load.runner.memory_limit or load.runner.space_limit):
        return "The group's memory-limit= or virtual-memory-limit= is less than the script needs: raise it."
    if root.type == "KeyError" and root.lookup:
        return ("SetEnv reaches a request's environ, not os.environ: set the variable in the environment of httpd "
                "(Debian: /etc/apache2/envvars), or in the script before its imports.")
    if root.type in ("UnicodeDecodeError", "UnicodeEncodeError"):
        return "Name the encoding where the file is opened; locale= of WSGIDaemonProcess sets the group's."
    if root.type in ("SyntaxError", "IndentationError", "TabError"):
        version = f" Python {load.context.version} runs it." if load.context else ""
        return f"Mend that line.{version}"
    if root.filename and root.errno == errno.ENOENT and not os.path.isabs(root.filename):
        folder = load.context.folder if load.context else load.runner.working_folder
        return f"{root.filename} is looked for in {folder}: name it from / on, or set home= of the group."
    if root.filename and root.errno == errno.EACCES:
        return f"Open {root.filename} for {load.runner.user}."
    return ""


def _missing(load: Load) -> str:
    top = load.missing.partition(".")[0]
    group, version = load.runner.called, load.context.version if load.context else ""
    for kind, folder, other in load.found:
        if kind == "built-for":
            return f"{load.missing} in {folder} is built for Python {other}, and {group} runs {version}."
    for kind, folder, other in load.found:
        if kind == "folder" and not folder.endswith("-packages"):
            option = f"python-path={folder}" if load.runner.group else f"WSGIPythonPath {folder}"
            return f"{top} is in {folder}, which is not on the module path of {group}: {option}"
    for kind, folder, other in load.found:
        if kind == "environment":
            uses = "these do not use" if not load.runner.group else "this group does not use"
            option = f"python-home={folder}" if load.runner.group else f"WSGIPythonHome {folder}"
            fits = "" if not version or other == version else f" (its packages are for Python {other})"
            return f"{top} is in {folder}, which {uses}: {option}{fits}"
    for kind, folder, _ in load.found:
        if kind == "folder":
            return f"{top} is in {folder}, which the environment of {group} does not use: install it there."
    return f"Install {top} for the Python of {group}{f' ({load.context.program})' if load.context else ''}."


def _application(load: Load) -> Iterator[Finding]:
    name = load.script.callable
    if load.callable in ("missing", "no"):
        what = (f"does not define {name!r}" if load.callable == "missing" else
                f"defines {name!r}, which cannot be called")
        there = f"It defines: {', '.join(load.defined)}. " if load.defined else ""
        yield _problem(load, "no-application", f"{load.script.path} {what}",
                       f"{there}Name the one that is meant by WSGICallableObject, or callable-object= of the alias.")
