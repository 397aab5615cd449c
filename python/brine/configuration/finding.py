"""What the commands that look at a configuration find."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from brine.configuration.lines import Place

SEVERITIES = ("error", "warning", "note")
CATEGORIES = {
    "broken": "refused by httpd, whichever module runs Python",
    "refused": "refused by httpd with Brine",
    "differs": "answers or works differently",
    "no-effect": "accepted, and has no effect",
    "script": "in a script",
    "environment": "a Python's environment",
    "reading": "what a user may not read",
    "start": "about the move itself",
    "path": "the way to a file",
    "mapping": "what URLs lead to",
    "extension": "extension modules and interpreters",
    "limit": "what processes may have",
    "machine": "the machine",
    "service": "the service that starts httpd",
}


@dataclass(frozen=True)
class Finding:
    """One thing that somebody should know, and all lines that it concerns."""

    id: str
    category: str
    severity: str
    """error: httpd will not start, or a site will not be served. warning: somebody has to look. note: good to know."""
    message: str
    places: tuple[Place, ...]
    remedy: str = ""
    general: bool = False
    """It holds for every site, and nothing of this configuration or its scripts says that it matters here."""

    details: tuple[str, ...] = ()
    """What was seen, a line each, for whoever looks for the cause."""

    @property
    def counts(self) -> bool:
        """Whether it makes the exit code 1."""
        return self.severity != "note"


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, with all of its places in order; the gravest first, then by their first place."""
    places: dict[Finding, list[Place]] = {}
    for each in findings:
        places.setdefault(replace(each, places=()), []).extend(each.places)
    once = [replace(key, places=tuple(dict.fromkeys(found))) for key, found in places.items()]
    order = list(CATEGORIES)
    return sorted(once, key=lambda each: (each.general, SEVERITIES.index(each.severity), order.index(each.category),
                                          each.places[:1]))
