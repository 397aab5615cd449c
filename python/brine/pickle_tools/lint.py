"""What of a WSGI script can get into a pickle, read from its syntax tree; the script is not executed.

A class or function that is defined in a script is a hazard for pickle only if it, or an object of it,
gets there. So what counts is neither that the script imports pickle nor that it defines a class, but
that there is a way from the one to the other. `reader` follows the objects of the script through
names, attributes, containers, arguments, results and decorators (`flow`, `operations`), and `users`
knows the calls that pickle. The rules:

- *At risk* are the classes, functions and lambdas of the script that reach such a call: themselves, as
  instances, as a bound method's object, in a container, in an attribute of an instance, by way of
  functions that are called with them or return them. What is only called, raised, derived from or
  wrapped around the application is not. One finding for each definition, where it is defined.
- `naming-script`: at the script's top level, or in a class there. `naming-local`: inside a function, or
  a lambda. Made by a call (`namedtuple`, `Enum("Color", ...)`): as if by a statement there.
- *error* where the call pickles in every configuration, *warning* where a setting or a default decides
  that the script need not show: arguments of a Celery task, `multiprocessing.Process` (which pickles
  unless it forks), dill and cloudpickle (which put a copy of the class into the pickle, so that what is
  loaded is no instance of the class that is there then; functions they may copy).
- A session counts where the script shows that sessions are pickled: it imports flask_session or beaker, or names
  a PickleSerializer. Flask's and Django's own are JSON.
- A Celery or RQ task is found by the name of its function's module, pickled or not: `@app.task` without a
  `name=` is `naming-script`.
- An instance whose class has `__reduce__` or is registered by `copyreg.pickle` is what that returns, and
  `__getstate__` says what of its attributes counts. A TypedDict's instances are dicts.
- What is not known to keep an object is taken not to: `json.dumps(item)`, `str(item)`, `asdict(item)` are
  no Item. A parameter that is annotated as an Item may be one, whoever calls.
- A class that `brine.pickle.stable` marks is a *note*: where the script has a name, it and its instances are found by
  that, and the name stands in the configuration, which the script does not show.
- An import of a module that pickles is a *note*, which is no hazard by itself; of those that mostly do
  other things (multiprocessing, concurrent.futures, pandas, torch) where what pickles is used.
"""

import ast
import io
import re
import sys
import threading
import tokenize
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from brine.pickle_tools.finding import Finding
from brine.pickle_tools.flow import (EVERYTHING, Bound, ClassObject, Flow, FunctionObject, Holder, Instance, Outside,
                                     ScriptClass, ScriptFunction, TooInvolved, Value, Variable)
from brine.pickle_tools.operations import Pickled
from brine.pickle_tools.reader import Reader
from brine.pickle_tools.users import Sink, candidates, evidence, users

LARGEST_SCRIPT = 1 << 20
"""Bytes. A syntax tree takes some hundred times as much memory as its source."""

_MARK = "brine.pickle.stable"
_MARKED = f"It is marked by {_MARK}, and found where the script has a name."
_NAME_IT = "Give the script a name, by WSGIScriptName or name= of its WSGIScriptAlias, if it has none."
_TYPED_DICTS = ("typing.TypedDict", "typing_extensions.TypedDict")


class Unreadable(Exception):
    """The script is none: why, and where if that is known."""

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


def lint(source: bytes, path: str) -> list[Finding]:
    """What of a script is at risk, and the modules that pickle, in the order of lines. Raises Unreadable."""
    return lint_tree(_parse(source, path), _lines_of(source), path)


def lint_tree(tree: ast.Module, text: list[str], path: str) -> list[Finding]:
    """The same of a script that somebody else has parsed; `text`: its lines. Raises Unreadable, as `lint` does."""
    lines = _Lines(text)
    flow = Flow()
    reader = Reader(tree, flow)
    try:
        reader.read()
        flow.run()
        reader.presume()
        flow.run()
    except (TooInvolved, RecursionError, MemoryError):
        raise Unreadable("is too large or too deeply nested to be analysed") from None
    findings = [*_Reach(flow, reader, path, lines).findings(), *_imports(reader, path, lines)]
    return sorted(findings, key=lambda finding: (finding.line or 0, finding.column or 0, finding.id, finding.message))


def _parse(source: bytes, path: str) -> ast.Module:
    if len(source) > LARGEST_SCRIPT:
        raise Unreadable(f"is larger than {LARGEST_SCRIPT} bytes, which no script to read is")
    if b"\0" in source:
        line = source[:source.index(b"\0")].count(b"\n") + 1
        raise Unreadable("source code cannot contain null bytes", line)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes and the like: for who runs the script
            return _on_a_large_stack(lambda: ast.parse(source, path))
    except SyntaxError as error:
        column = error.offset if error.offset and error.offset > 0 else None
        raise Unreadable(error.msg, error.lineno or None, column) from None
    except (ValueError, LookupError) as error:  # older Pythons, of encodings
        raise Unreadable(str(error)) from None
    except (RecursionError, MemoryError):
        raise Unreadable("is nested too deeply to be compiled") from None


def _on_a_large_stack(parse: Callable[[], ast.Module]) -> ast.Module:
    """Parses where Python 3.10, which makes a tree by recursion without a limit, does not overflow its stack."""
    if sys.version_info >= (3, 11):
        return parse()
    before = threading.stack_size(512 << 20)  # of address space; what is used of it is memory
    try:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(parse).result()
    finally:
        threading.stack_size(before)


def _lines_of(source: bytes) -> list[str]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError):
        text = source.decode("latin-1")
    return re.split(r"\r\n|\r|\n", text)


class _Lines:
    """The script's text, for columns in characters where the tree has bytes of UTF-8."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def column(self, line: int, offset: int) -> int:
        if not 0 < line <= len(self._lines):
            return offset + 1
        return len(self._lines[line - 1].encode()[:offset].decode(errors="ignore")) + 1


def _imports(reader: Reader, path: str, lines: _Lines) -> Iterator[Finding]:
    """Notes on modules that pickle, each once for a line."""
    used = {user.module for seen in reader.operations.seen for user in users(seen)
            if user.only and user.only.match(seen)}
    noted: set[tuple[int, str]] = set()
    for each in reader.imports:
        for user in candidates(each.path):
            # `import concurrent.futures` alone makes nothing of it used; `from concurrent import futures` neither.
            whole = each.path == user.module or each.path.startswith(user.module + ".")
            if not (user.module in used if user.only else whole) or (each.line, user.module) in noted:
                continue
            if user.only and not _leads_to(each.path, reader.operations.seen, user.only):
                continue
            noted.add((each.line, user.module))
            yield Finding("pickle-user", "note", f"imports {user.module}, which {user.does}.",
                          "Keep to built-in types and to classes of imported modules in what goes there.",
                          path, each.line, lines.column(each.line, each.column), details={"module": user.module})
    for setting in reader.settings:
        yield Finding("pickle-user", "note", f"a setting {setting.says}.",
                      "Keep to built-in types and to classes of imported modules in what goes there.",
                      path, setting.line, lines.column(setting.line, setting.column))


def _leads_to(path: str, seen: set[str], only: re.Pattern[str]) -> bool:
    """Whether something that pickles was used by way of this import."""
    return any(only.match(each) and (each == path or each.startswith((path + ".", path + "("))) for each in seen)


class _Reach:
    """From the calls that pickle back to the definitions: what a pickle of each value would name."""

    def __init__(self, flow: Flow, reader: Reader, path: str, lines: _Lines) -> None:
        self._flow, self._reader, self._path, self._lines = flow, reader, path, lines
        self._found: dict[ScriptClass | ScriptFunction, Finding] = {}
        self._seen: set[tuple[Value, str, bool]] = set()

    def findings(self) -> list[Finding]:
        # What fails for certain comes first, so that it is what a definition's one finding says.
        shown = self._reader.operations.evidence | evidence(self._reader.operations.seen)
        pickled_ = [each for each in self._reader.operations.pickled if not each.sink.needs or each.sink.needs in shown]
        for pickled in sorted(pickled_, key=lambda each: (not each.sink.certain, each.line)):
            self._follow(pickled)
        return list(self._found.values())

    def _follow(self, pickled: Pickled) -> None:
        waiting: list[tuple[Value, bool]] = [(value, True) for value in pickled.variable.values]
        while waiting:
            value, direct = waiting.pop()
            mark = (value, pickled.sink.functions, direct)
            if mark in self._seen:
                continue
            self._seen.add(mark)
            waiting += [(part, False) for variable in self._parts(value, pickled, direct) for part in variable.values]

    def _parts(self, value: Value, pickled: Pickled, direct: bool) -> list[Variable]:
        """Reports what a pickle of the value names; gives what else it pickles."""
        if isinstance(value, ClassObject):
            self._report(value.definition, "class {} itself", pickled)
            return []
        if isinstance(value, FunctionObject):
            return self._function(value.definition, pickled, direct)
        if isinstance(value, Bound):
            holder = Variable()
            holder.values[value.owner] = None
            return [holder]
        if isinstance(value, Instance):
            return self._instance(value, pickled)
        if isinstance(value, (Holder, Outside)):
            return [self._flow.field(value, EVERYTHING)]
        return []

    def _instance(self, value: Instance, pickled: Pickled) -> list[Variable]:
        definition = value.definition
        inside = [self._flow.field(value, EVERYTHING)]
        if any(isinstance(base, Outside) and base.path in _TYPED_DICTS for base in definition.outside.values):
            return inside
        reducers = [*self._flow.member(definition, "__reduce__").values,
                    *self._flow.member(definition, "__reduce_ex__").values, *definition.reducers.values]
        reduced = [each.definition.returns for each in reducers if isinstance(each, FunctionObject)]
        if reduced and all(any(isinstance(value, Holder) for value in each.values) for each in reduced):
            return reduced
        self._report(definition, "an instance of class {}", pickled)
        states = [each.definition.returns for each in self._flow.member(definition, "__getstate__").values
                  if isinstance(each, FunctionObject)]
        return states or inside

    def _function(self, function: ScriptFunction, pickled: Pickled, direct: bool) -> list[Variable]:
        how = pickled.sink.functions
        if how == "copied" or (how == "called" and direct):
            return []
        if function.wraps and function.wraps.values:
            return [function.wraps]
        if function.name == "<lambda>":
            self._report(function, "a lambda", pickled)
        else:
            self._report(function, "function {}", pickled)
        return []

    def _report(self, definition: ScriptClass | ScriptFunction, what: str, pickled: Pickled) -> None:
        if definition in self._found:
            return
        sink, name = pickled.sink, definition.qualified_name
        local = definition.local and sink.functions != "named"
        subject = what.format(name)
        where = "inside a function" if local and definition.name != "<lambda>" else "in this WSGI script"
        marked = not local and _is_marked(definition)
        message = (f"{subject}, defined {where}, reaches {pickled.user} in line {pickled.line}"
                   f"{'' if sink.certain else ', which ' + _condition(sink)}. "
                   f"{_MARKED if marked else _why(sink, local, definition)}")
        line, column = definition.line, self._lines.column(definition.line, definition.column)
        self._found[definition] = Finding(
            "naming-local" if local else "naming-script",
            "note" if marked else "error" if sink.certain else "warning",
            message, _NAME_IT if marked else _remedy(definition, local), self._path, line, column,
            details={"name": name, "kind": "class" if isinstance(definition, ScriptClass) else "function",
                     "reaches": pickled.user, "reaches_line": pickled.line})


def _is_marked(definition: ScriptClass | ScriptFunction) -> bool:
    return isinstance(definition, ScriptClass) and any(
        isinstance(value, Outside) and value.path == _MARK
        for decorator in definition.decorators for value in decorator.values)


def _condition(sink: Sink) -> str:
    """Of what it depends whether a sink pickles."""
    if sink.functions == "copied":
        return "puts a copy of a class that cannot be imported into the pickle"
    if sink.user == "multiprocessing.Process" or sink.user == "multiprocessing.Pool":
        return "pickles it unless processes are forked (Python 3.14 no longer does so by default)"
    return "pickles it where tasks are set to be pickled, and cannot send it otherwise"


def _why(sink: Sink, local: bool, definition: ScriptClass | ScriptFunction) -> str:
    if sink.functions == "copied":
        return "What is loaded in another process or after a reload is no instance of the class that is there then."
    if sink.functions == "named":
        return "A worker finds it by the name of its module, and a script's module name exists in its own process only."
    if local:
        return "Pickle cannot find it by its name, and fails."
    return "A script's module name exists in its own process only, so the pickle cannot be loaded by another one."


def _remedy(definition: ScriptClass | ScriptFunction, local: bool) -> str:
    if definition.name == "<lambda>":
        return "Define a function by `def` in a module on sys.path, and import it from the script."
    kind = "class" if isinstance(definition, ScriptClass) else "function"
    name = definition.name if local else definition.qualified_name.partition(".")[0]
    if name != definition.qualified_name and not local:
        kind = "class"
    place = "to the top level of a module" if local else "into a module"
    return f"Move {kind} {name} {place} on sys.path and import it from the script."
