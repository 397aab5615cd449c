"""What is in one file: its pickles, those in what it contains, and those behind or within what is broken.

A file that is named on the command line has to be something. In folders and containers most files are no
pickles, and of these it is told only that they name what runs code.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from brine.pickle_tools.containers import BLOCK, ERRORS, Kind, Part, Unopened, is_carved, kinds_of, unopened
from brine.pickle_tools.containers import joblib
from brine.pickle_tools.finding import Finding
from brine.pickle_tools.result import Failure, Result
from brine.pickle_tools.rules import RULES

_NAMES = re.compile(r"\.(?:pkl|pickle|pck|pcl|p|joblib|pt|pth|djcache|dill|cloudpickle|npy)\d?"
                    r"(?:\.(?:gz|bz2|xz|lzma|z))?$", re.IGNORECASE)
_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""With this pickle begins what torch.save wrote before version 1.6; the numbers stand behind the last one."""
_JOBLIB = "NumpyArrayWrapper"
_START = re.compile(rb"\x80[\x02-\x05]|c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n|"
                    rb"\(i[A-Za-z_][\w.]*\n|\x8c[\x01-\x40][A-Za-z_]")
_SEARCHED = 64 << 20
_EFFORT = 4
"""So many times what is searched may be read in all."""
_MOST_TRIES = 20_000


def is_pickle_name(path: str) -> bool:
    """Whether a file's name says that it is a pickle."""
    return _NAMES.search(path) is not None


class Scan:
    """The scan of one file, and its Result."""

    def __init__(self, file: str, allow: list[str], limit: int) -> None:
        from brine.pickle import _scan as scanner  # not before it is needed: lint works without the extension module
        self._file, self._allow, self._limit, self._scanner = file, allow, limit, scanner
        self._look_up = scanner.Lookup()
        self._findings: list[Finding] = []
        self._globals: list[dict[str, Any]] = []
        self._failures: list[Failure] = []
        self._pickles = 0

    def result(self) -> Result:
        return Result(self._file, self._findings, self._failures, self._pickles, self._globals)

    def fail(self, reason: str, member: str = "", offset: int | None = None) -> None:
        self._failures.append(Failure(reason, offset=offset, member=member))

    def part(self, part: Part, claimed: bool) -> None:
        """Looks into a file or a part of one. `claimed`: it has to be a pickle, or something with pickles in it."""
        claimed = claimed or is_pickle_name(part.member or self._file)
        try:
            if part.searched:
                self._search(part, 0)
                return
            kinds = kinds_of(part)
            for kind in kinds:
                self._container(part, kind, claimed)
            what = unopened(part)
            if any(kind.is_all for kind in kinds):
                return
            if is_carved(part):
                self._search(part, 0)
            elif what and not kinds:
                self.fail(f"is {what}, which cannot be opened", part.member)
            else:
                self._pickle(part, claimed and not kinds, kinds)
        except Unopened as reason:
            self.fail(str(reason), part.member)
        except ERRORS as error:
            self.fail(f"cannot be read: {_words(error)}", part.member)

    def _container(self, part: Part, kind: Kind, claimed: bool) -> None:
        try:
            for member in kind.open(part):
                self.part(member, claimed and kind.is_one_stream)
        except Unopened:
            raise
        except ERRORS as error:
            self.fail(f"is {kind.name}, and no sound one: {_words(error)}", part.member)

    def _pickle(self, part: Part, claimed: bool, kinds: Sequence[Kind] = ()) -> None:
        """`kinds`: as what the part was opened."""
        blocks = _Blocks(part, self._limit)
        report = self._scanner.scan_blocks(blocks, self._allow, self._look_up)
        if blocks.cut:
            self._note(report, part.member)
            self.fail(f"is longer than the limit of {self._limit} bytes; what is behind was not read", part.member,
                      self._limit)
        elif report.error is None and report.pickles:
            self._note(report, part.member)
        elif part.raw and not any(_is_named(found) for found in report.globals):  # numbers may begin as a pickle does
            self._note_attack(report, part.member, 0)
        elif not self._explained(report, part, claimed, kinds):
            self._broken(report, part, claimed or part.raw)

    def _explained(self, report: Any, part: Part, claimed: bool, kinds: Sequence[Kind]) -> bool:
        """Whether something other than a broken pickle is why the stream is not sound; looks into that."""
        if report.pickles and part.head.startswith(_TORCH):
            self._note(report, part.member, report.end)
        elif any(found.name == _JOBLIB for found in report.globals):
            self._joblib(report, part)
        elif report.pickles and (others := kinds_of(behind := part.behind(report.end))):
            self._note(report, part.member, report.end)
            if not all(kind in kinds for kind in others):  # the rest of an archive is none by itself
                self.part(behind, claimed=True)
        elif not report.pickles and _START.match(part.head, 4):  # cachelib: how long it is to be kept, then a pickle
            self._pickle(part.behind(4), claimed or _begins(part.head[4:]))
        else:
            return False
        return True

    def _joblib(self, report: Any, part: Part) -> None:
        """Its pickles without the numbers that stand between their opcodes."""
        with closing(part.open()) as stream:
            pieces = joblib.pieces(b"".join(_up_to(stream, _SEARCHED)))
        reports = [self._scanner.scan_blocks([piece], self._allow, self._look_up) for piece in pieces]
        if any(each.error for each in reports) or not reports:
            self._note(report, part.member)
            self._search(part, report.position)
        for each in reports:
            self._note(each, part.member)

    def _broken(self, report: Any, part: Part, claimed: bool) -> None:
        if claimed or _begins(part.head):
            self._note(report, part.member)
            self.fail(report.error or "is empty", part.member, report.position)
            self._search(part, report.position + 1)
        else:
            self._note_attack(report, part.member, 0)

    def _search(self, part: Part, start: int) -> None:
        """Looks for pickles, or what is left of them, in bytes that are none."""
        with closing((part.behind(start) if start else part).open()) as stream:
            data = b"".join(_up_to(stream, _SEARCHED))
        left, at, view = _EFFORT * len(data) + BLOCK, 0, memoryview(data)
        for tries in range(_MOST_TRIES):
            found = _START.search(data, at)
            if not found or left < 0:
                break
            at = found.start()
            report = self._scanner.scan_blocks([view[at:]], self._allow, self._look_up)
            left -= report.position
            if report.pickles:
                self._note(report, part.member, report.end, start + at)
            else:
                self._note_attack(report, part.member, start + at)
            at += max(report.end, 1)

    def _note(self, report: Any, member: str, end: int | None = None, offset: int = 0) -> None:
        """What a stream has shown, up to its end."""
        self._pickles += report.pickles
        for found in report.globals:
            if end is None or found.position < end or _attacks(found):
                self._add(found, member, offset)

    def _note_attack(self, report: Any, member: str, offset: int) -> None:
        """Of what is no pickle only what nobody writes by chance."""
        for found in report.globals:
            if found.kind in ("runs-code", "computed"):
                self._add(found, member, offset)

    def _add(self, found: Any, member: str, offset: int) -> None:
        each = asdict(found) | {"member": member, "position": found.position + offset}
        if each not in self._globals[-1:]:
            self._globals.append(each)
            if found.kind != "safe":
                self._findings.append(_finding(self._file, each))


class _Blocks:
    """A part in blocks, so that it need not fit into memory, or end; of the file itself no more than the limit."""

    def __init__(self, part: Part, limit: int) -> None:
        self._part, self._left = part, limit
        self.cut = False
        """There is more than the limit."""

    def __iter__(self) -> Iterator[bytes]:
        with closing(self._part.open()) as stream:
            while block := stream.read(BLOCK):
                self.cut = len(block) > self._left
                yield block[:self._left]
                self._left -= len(block)
                if self.cut:
                    return


def _up_to(stream: Any, size: int) -> Iterator[bytes]:
    while size > 0 and (block := stream.read(min(size, BLOCK))):
        size -= len(block)
        yield block


def _begins(head: bytes) -> bool:
    """Whether it begins as a pickle of protocol 2 or later."""
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def _attacks(found: Any) -> bool:
    return found.kind in ("runs-code", "computed", "exhausts")


def _is_named(found: Any) -> bool:
    """Whether it is the name of something, as no numbers have it by chance."""
    if found.module == "?":
        return False
    return found.grade != "missing" or all(each.isidentifier() for each in f"{found.module}.{found.name}".split("."))


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]


def _finding(file: str, each: dict[str, Any]) -> Finding:
    """A name in a pickle that is not known to be safe."""
    from brine.pickle._grades import GRADE_OF
    kind = each["kind"]
    rule = RULES.get(kind) or RULES[f"restore-{kind}"]
    message = f"{each['module']}.{each['name']} ({each['resolves_to']}): {each['message']}"
    return Finding(rule.id, rule.severity, message, each["remedy"], file, offset=each["position"],
                   member=each["member"],
                   details={key: each[key] for key in ("module", "name", "opcode", "resolves_to")}
                   | {"grade": GRADE_OF[kind]})
