"""What a hazard is, and the words in which it is told."""

import json
import pickle
from dataclasses import asdict, dataclass
from typing import Any, Iterator

#: id -> how serious it is. `error`: pickle itself refuses, now or when the pickle is loaded in this very
#: process. `warning`: it goes well here, and fails elsewhere.
SEVERITIES = {
    "reload-stale": "error",
    "reload-missing": "error",
    "naming-script": "error",
    "naming-local": "error",
    "naming-main": "warning",
    "naming-unimportable": "warning",
    "naming-foreign": "error",
    "refuses-pickle": "error",
    "restore-no-module": "error",
    "restore-no-attribute": "error",
    "restore-fails": "error",
    "restore-signature": "error",
    "restore-differs": "warning",
    "restore-schema": "error",
    "reload-other-class": "warning",
    "not-builtin": "error",
}


@dataclass(frozen=True)
class Hazard:
    """One thing that must not be pickled, or cannot be restored."""

    id: str
    """Stable; its entry in docs/pickle.md says what causes it and what to do."""
    severity: str
    """error or warning, see SEVERITIES."""
    path: str
    """From the object that was pickled to the culprit: "session['cart'].items[3]". Empty for a load."""
    module: str
    """Module and qualified name by which pickle would write the culprit, or looked for it."""
    qualname: str
    message: str
    """What was found, and why it is a hazard: one or two sentences."""
    remedy: str
    """What to do about it: one sentence."""
    script: str | None = None
    """The WSGI script in which it is defined, if it is one of this interpreter."""
    generation: int | None = None
    """The generation of that script from which it comes."""
    current_generation: int | None = None
    """The generation that serves now."""
    pickle_error: str | None = None
    """What pickle itself says of it, where it refuses."""
    where: str | None = None
    """Where the program pickled it: "FILE:LINE in FUNCTION"."""
    holder: str | None = None
    """For refuses-pickle: the class that has it, and the attribute, "shop.Cart.lock"; or where it was pickled."""

    @property
    def key(self) -> str:
        """The same for all hazards that are told only once."""
        return key_of(self.id, self.module, self.qualname, self.holder)

    def __str__(self) -> str:
        lines = [f"pickle hazard {self.id}: {self.message} {self.remedy}"]
        if self.pickle_error:
            lines.append(f"pickle says: {self.pickle_error}")
        if self.where:
            lines.append(f"at {self.where}")
        return "\n".join(lines)


def key_of(id: str, module: str, qualname: str, holder: str | None) -> str:
    """The `key` of a Hazard."""
    held = f" in {holder}" if holder else ""
    return f"{id} {module}.{qualname}{held}"


@dataclass(frozen=True)
class Report:
    """What the guard has found in one object, dump or load. True if that is anything."""

    hazards: tuple[Hazard, ...] = ()
    """Each culprit once, with a shortest path to it."""
    objects: int = 0
    """How many objects were looked at (numbers, texts and bytes are not counted)."""
    complete: bool = True
    """False: there were too many objects, or hazards, to tell all of them."""

    def __bool__(self) -> bool:
        return bool(self.hazards)

    def __iter__(self) -> Iterator[Hazard]:
        return iter(self.hazards)

    def __len__(self) -> int:
        return len(self.hazards)

    @property
    def ids(self) -> tuple[str, ...]:
        """The hazards' ids, each once, in the order in which they were found."""
        return tuple(dict.fromkeys([hazard.id for hazard in self.hazards]))

    def __str__(self) -> str:
        if not self:
            more = "" if self.complete else ", of more than can be looked at"
            return f"no pickle hazard in {self.objects} objects{more}"
        return "\n".join(map(str, self.hazards))

    def to_dict(self) -> dict[str, Any]:
        """As plain dicts and lists; the keys are the attributes' names."""
        return {"hazards": [asdict(hazard) for hazard in self.hazards], "objects": self.objects,
                "complete": self.complete}

    def to_json(self, indent: int | None = None) -> str:
        """As a JSON object."""
        return json.dumps(self.to_dict(), indent=indent)


class UnsafePickleError(pickle.PicklingError):
    """The policy refuses to pickle this object. `report` says what is wrong with it."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return UnsafePickleError, (self.report,)
