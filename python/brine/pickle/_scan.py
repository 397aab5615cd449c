"""What a stored pickle would import, and whether that is safe: read from its opcodes, nothing executed."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Iterable, Iterator

import copyreg
from brine._guard import StreamScanner
from brine.pickle import _judge, _restore, _scripts, _weights
from brine.pickle._allow import is_allowed
from brine.pickle._calls import Calls, Name
from brine.pickle._enumerations import Enumeration
from brine.pickle._grades import GRADE_OF, GRADES, runs_code
from brine.pickle._keys import HEAVY_KEY
from brine.pickle._lookup import Found, Lookup
from brine.pickle._proofs import Proofs, is_model, rule_of
from brine.pickle._safe import is_safe
from brine.pickle._weights import Weighed

_BLOCK = 1 << 20
_FOLLOWED = 128 << 20
"""Streams up to this size are followed."""
_OPCODES = {ord("c"): "GLOBAL", ord("i"): "INST", 0x93: "STACK_GLOBAL", 0: "EXT"}
_WRITTEN = {"changed": "BUILD",  # or SETITEM, APPEND, ADDITEMS
            "memo": "PUT", "length": "FRAME"}  # or another of their kinds


@dataclass(frozen=True)
class ScannedGlobal:
    """A place where a pickle names something to be imported."""

    module: str
    name: str
    position: int
    """Of the opcode, in bytes from the stream's start."""
    opcode: str
    kind: str
    """safe, runs-code, unknown (it is there, but is not known to be harmless), naming-script, naming-main,
    restore-no-module, restore-no-attribute, computed (a name that is made when the
    pickle is loaded, or a class that it changes), or exhausts (takes all memory, or time without end)."""
    resolves_to: str
    """What the name leads to now: "class in /usr/lib/python3.11/fractions.py:37"."""
    message: str
    remedy: str

    @property
    def grade(self) -> str:
        """How bad it is: runs-code, unknown, script, missing or safe (`brine.pickle._grades`)."""
        return GRADE_OF[self.kind]

    @property
    def is_finding(self) -> bool:
        """Whether there is something wrong with it, or may be."""
        return self.kind != "safe"

    def __str__(self) -> str:
        text = f"{self.position}: {self.opcode} {self.module}.{self.name}: {self.resolves_to}"
        return f"{text}\n  {self.kind}: {self.message} {self.remedy}" if self.is_finding else text


@dataclass(frozen=True)
class ScanReport:
    """All globals of a stream. True if one of them is a finding, or the stream is not sound."""

    globals: list[ScannedGlobal]
    error: str | None
    """Why it is no sound pickle, as a clause ("ends in the middle of a pickle"), or None."""
    position: int
    """Where that is; of a sound stream its length."""
    pickles: int
    """How many pickles follow each other in it."""
    end: int
    """Where the last complete one of these ends."""

    @property
    def grade(self) -> str:
        """The worst of its globals' grades."""
        grades = {found.grade for found in self.globals}
        return next((grade for grade in GRADES if grade in grades), "safe")

    @property
    def findings(self) -> list[ScannedGlobal]:
        """The globals that are not known to be safe, or cannot be found."""
        return [found for found in self.globals if found.is_finding]

    def __bool__(self) -> bool:
        return bool(self.findings) or self.error is not None

    def __str__(self) -> str:
        lines = [str(found) for found in self.globals]
        if self.error:
            lines.append(f"{self.position}: the stream {self.error}")
        return "\n".join(lines) or "the stream names no globals"

    def to_dict(self) -> dict[str, Any]:
        """As plain dicts and lists; the keys are the attributes' names."""
        return asdict(self)

    def to_json(self, indent: int | None = None) -> str:
        """As a JSON object."""
        return json.dumps(self.to_dict(), indent=indent)


def scan(data: Any, allow: Iterable[str] = ()) -> ScanReport:
    """Lists every global that a pickle, or several in a row, would import, with what each resolves to now.

    `data`: bytes (or another buffer), or a binary file, which is read to its end. `allow`: modules and
    full names that the caller trusts ("shop.models", "shop.models.Cart"). Nothing is imported or executed.
    Time is linear in the stream's length and memory bounded, whatever lengths it claims.
    """
    return scan_blocks(_blocks(data), allow)


def scan_blocks(blocks: Iterable[Any], allow: Iterable[str] = (), look_up: Lookup | None = None) -> ScanReport:
    """The same for a stream in pieces, which may end anywhere; several scans may share what was looked up."""
    scanner, kept = StreamScanner(), _Kept()
    for block in blocks:
        kept.add(block)
        if not scanner.feed(block):
            break
    found, fault, position, pickles, end = scanner.finish()
    allowed = frozenset(allow)
    look_up = look_up or Lookup()
    calls, weighed = kept.follow(found, end, _Known(allowed, look_up))
    judged: dict[tuple[str, str, str], tuple[str, str, str, str, str, str]] = {}
    globals_: list[ScannedGlobal] = []
    for kind, module, name, at, opcode in found:
        if (kind, module, name) not in judged:
            judged[kind, module, name] = _judge_global(kind, module, name, allowed, look_up, calls)
        module, name, verdict, resolves_to, message, remedy = judged[kind, module, name]
        written = _WRITTEN.get(kind) or _OPCODES[opcode]
        globals_.append(ScannedGlobal(module, name, at, written, verdict, resolves_to, message, remedy))
    if weighed.costly is not None:
        globals_.append(ScannedGlobal("?", "?", weighed.position or 0, "SETITEM", "exhausts", weighed.costly.what,
                                      weighed.costly.why, "Do not load it."))
    elif not weighed.complete and not any(each.is_finding for each in globals_):
        globals_.append(ScannedGlobal("?", "?", end - 1, "STOP", "unknown", "what it holds", "it is too long to be "
                                      "followed, or written as no pickler writes: a key may be in it whose hash takes "
                                      "time without end.", "Load it only if you trust whoever wrote the pickle."))
    return ScanReport(globals_, fault, position, pickles, end)


class _Kept:
    """A stream's bytes, for as long as they are few enough to be followed."""

    def __init__(self) -> None:
        self._blocks: list[Any] = []
        self._size = 0

    def add(self, block: Any) -> None:
        self._size += len(block)
        if self._size > _FOLLOWED:
            self._blocks.clear()
        else:
            self._blocks.append(block)

    def follow(self, found: list[tuple[str, str, str, int, int]], end: int,
               known: "_Known") -> tuple[Calls | None, Weighed]:
        """What the complete pickles call, if that matters; and what keys they have."""
        if not end or not self._blocks:
            return None, Weighed(None, None, not end)
        stream = b"".join(bytes(block) for block in self._blocks)[:end]
        names = {_restore.modern_name(module, name) for kind, module, name, _, _ in found if kind == "named"}
        weighed = _weights.weigh(stream)
        if not any(rule_of(*name) or is_safe(*name) or known.enumeration(*name) for name in names):
            return None, weighed
        calls = Calls(Proofs(known.enumeration, known.is_told, known.is_inner))
        calls.follow(stream)
        if calls.heavy is not None and weighed.costly is None:
            weighed = Weighed(calls.heavy, HEAVY_KEY, False)
        return calls, weighed._replace(complete=calls.complete and weighed.complete)


class _Known:
    """What proofs have to know of the site's own classes."""

    def __init__(self, allowed: frozenset[str], look_up: Lookup) -> None:
        self._allowed, self._look_up = allowed, look_up
        self._told: dict[tuple[str, str], bool] = {}

    def enumeration(self, module: str, name: str) -> Enumeration | None:
        """The members of an enumeration, of which nothing has to be trusted, or which the caller trusts."""
        if self.is_told(module, name) or rule_of(module, name) or runs_code(module, name):
            return None
        found = self._look_up(module, name)
        known = found.enumeration
        return known if known and (known.plain or is_allowed(module, name, self._allowed, found)) else None

    def is_inner(self, module: str, name: str) -> bool:
        """Whether it is a class in a class of which the same is true."""
        if self.is_told(module, name):
            return False
        found = self._look_up(module, name)
        return found.what == "class" and bool(found.own) and (
            is_allowed(module, name, self._allowed, found) or self.enumeration(module, name) is not None)

    def is_told(self, module: str, name: str) -> bool:
        """Whether the name is a finding that says that the pickle does not load, or in one program only."""
        if (module, name) not in self._told:  # a module that is not loaded is looked for on the disk
            self._told[module, name] = _is_of_one_program(module) or bool(self._look_up(module, name).missing)
        return self._told[module, name]


def _is_of_one_program(module: str) -> bool:
    return module.startswith(_judge.SCRIPT_PREFIX) or module in _judge.MAIN


def _blocks(data: Any) -> Iterator[Any]:
    if not hasattr(data, "read"):
        yield data
        return
    while block := data.read(_BLOCK):
        yield block


def _judge_global(kind: str, module: str, name: str, allowed: frozenset[str], look_up: Lookup,
                  calls: Calls | None) -> tuple[str, str, str, str, str, str]:
    """(module, name, verdict, resolves to, message, remedy)."""
    if kind == "computed":
        return ("?", "?", "computed", "a name that is made when the pickle is loaded",
                "pickle does not write names so: this one is hidden from who reads the stream.", "Do not load it.")
    if kind == "changed":
        return ("?", "?", "computed", "what an earlier name leads to",
                "the pickle changes a class or function itself, which pickle never does: all of the process has it so "
                "afterwards.", "Do not load it.")
    if kind == "memo":
        return ("?", "?", "exhausts", "a memo entry of an enormous number", "the unpickler makes room for all entries "
                "up to that number, which takes the memory of the machine.", "Do not load it.")
    if kind == "length":
        return ("?", "?", "exhausts", "a length that is claimed, and far more than there is", "the unpickler makes "
                "room for all of it before it reads, which takes the memory of the machine.", "Do not load it.")
    if kind == "extension":
        known = copyreg._inverted_registry.get(int(name))  # type: ignore[attr-defined]
        if known is None:
            return ("?", f"extension {name}", "restore-no-attribute", "no extension of that code",
                    f"nothing has registered the code {name} by copyreg.add_extension.",
                    "Import what registers it before loading the pickle.")
        module, name = known
    module, name = _restore.modern_name(module, name)
    return (module, name, *_judge_name(module, name, allowed, look_up, calls))


def _judge_name(module: str, name: str, allowed: frozenset[str], look_up: Lookup,
                calls: Calls | None) -> tuple[str, str, str, str]:
    """(verdict, resolves to, message, remedy)."""
    if module.startswith(_judge.SCRIPT_PREFIX):
        script = _scripts.find(module)
        home = f"the WSGI script {script.path}" if script else "a WSGI script that is not loaded here"
        return ("naming-script", home, "the module of a WSGI script exists in one process only.",
                f"Define {name} in a module on sys.path, and discard what was stored.")
    if module in _judge.MAIN:
        return ("naming-main", "whichever program loads it", f"{module} is another module in each program.",
                f"Define {name} in a module on sys.path.")
    found = look_up(module, name)
    refused = calls.refused.get(Name(module, name)) if calls else None
    if refused and refused.verdict == "exhausts":
        return "exhausts", found.where, refused.why, "Do not load it."
    is_ruled = rule_of(module, name) is not None and not (found.own is False and is_model(module, name))
    if is_safe(module, name) and not is_ruled and not found.missing and not refused:
        return "safe", found.where, "", ""
    is_ruled = is_ruled or is_safe(module, name)
    if is_ruled and not found.missing and calls and calls.complete and not refused:
        return "safe", found.where, "", ""
    if is_ruled and not found.missing and not runs_code(module, name):
        why = refused.why if refused else "how it is used cannot be told: the pickle is not sound, or too long."
        return "unknown", found.where, why, "Load it only if you trust whoever wrote the pickle."
    if runs_code(module, name):
        return ("runs-code", found.where or "no module of that name", "to load it runs what the pickle says, with all "
                "rights of the process that loads it.", "Do not load it, and find out who wrote it.")
    if found.missing == "module":
        return ("restore-no-module", "no module of that name", f"there is no module {module}.",
                "Install what provides it, or discard what was stored.")
    if found.missing == "name":
        return ("restore-no-attribute", f"no such name in {found.where}", f"{found.where} does not define {name}.",
                f"Bind {name} to what has taken its place, or discard what was stored.")
    if refused and refused.verdict == "restore-no-attribute":
        return (refused.verdict, found.where, refused.why,
                f"Give {name} that member again, or discard what was stored.")
    if calls and calls.complete and not refused:
        if found.enumeration and found.enumeration.plain or calls.is_only_opened(Name(module, name)):
            return "safe", found.where, "", ""
    if is_allowed(module, name, allowed, found):
        return "safe", found.where, "", ""
    return ("unknown", found.where, "to load it runs code of this module, which is not known to be harmless.",
            _advice(module, name, found))


def _advice(module: str, name: str, found: Found) -> str:
    """What to do about a name that is not known. Only a class or function that is defined there can be allowed."""
    if found.own is False or "." in name and found.what != "class":
        return "Pickle does not write such a name for what is defined there: do not load it."
    return f"If you trust it and whoever wrote the pickle, allow {module}.{name}."
