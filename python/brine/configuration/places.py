"""Where a script is in the eyes of httpd: which sections hold for it, and which files URLs lead to. Pure."""

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from brine.configuration.tree import Directive, Tree

# httpd goes through the sections of one kind after those of another; more than a path is long lies between them.
_PATTERNS_OF_FOLDERS = 10_000
_FILES = 20_000
_LOCATIONS = 40_000
_WITHOUT_PLACE = ("if", "elseif", "else", "ifversion")


def is_below(path: str, folder: str) -> bool:
    """Whether a path, or URL, is a folder or lies in it; the folder may be a pattern as shells have them."""
    folder = folder.rstrip("/")
    if re.search(r"[*?\[]", folder):
        return fnmatchcase(path, folder) or fnmatchcase(path, folder + "/*")
    return path == folder or path.startswith(folder + "/")


def matches(pattern: str, text: str) -> bool:
    """False too for what is a pattern for httpd alone."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _kind(section: Directive) -> tuple[str, str, bool]:
    """Its name, what it is about, and whether that is a regular expression."""
    name = section.name.lower()
    words = section.words
    if words[:1] == ["~"]:
        return name, words[1] if len(words) > 1 else "", True
    return name.removesuffix("match"), words[0] if words else "", name.endswith("match")


def _holds_for_url(url: str, wanted: str, is_pattern: bool) -> bool:
    if not url:
        return False
    return any(matches(wanted, each) for each in (url, f"{url.rstrip('/')}/")) if is_pattern else is_below(url, wanted)


def _holds_for_path(path: str, wanted: str, is_pattern: bool) -> bool:
    return matches(wanted, path) if is_pattern else is_below(path, wanted)


def weight(sections: list[Directive], url: str, path: str) -> float | None:
    """How late httpd takes in what stands in these sections, for a script; None if they are not about that one."""
    found = 0.0
    for section in sections:
        name, wanted, is_pattern = _kind(section)
        if name == "location":
            if not _holds_for_url(url, wanted, is_pattern):
                return None
            found += _LOCATIONS
        elif name == "directory":
            if not _holds_for_path(path, wanted, is_pattern):
                return None
            found += _PATTERNS_OF_FOLDERS if is_pattern else len(wanted.rstrip("/"))
        elif name == "files":
            file = path.rsplit("/", 1)[-1]
            if not (matches(wanted, file) if is_pattern else fnmatchcase(file, wanted)):
                return None
            found += _FILES
        elif name not in _WITHOUT_PLACE:
            return None
    return found


def _literal_start(pattern: str) -> str:
    """What each URL begins with that a regular expression matches; "" where that is not known."""
    match = re.match(r"\^((?:[\w/~%,:@=&;!-]|\\[./-])*)", pattern)
    if not match or "|" in re.sub(r"\([^()]*\)", "", pattern):
        return ""
    end = pattern[match.end():match.end() + 1]
    start = re.sub(r"\\(.)", r"\1", match[1])
    return start[:-1] if end in ("*", "?", "{") and end else start


def url_of(mapping: Directive) -> str:
    """Where a directive maps a script to; "" where that is not written in it."""
    if mapping.is_named("wsgiscriptalias"):
        return mapping.words[0]
    return _literal_start(mapping.words[0]) if mapping.is_named("wsgiscriptaliasmatch") else ""


@dataclass(frozen=True)
class _Mapping:
    """A URL that leads to a file or a folder."""

    host: Directive | None
    url: str
    path: str


class Urls:
    """Which files URLs lead to, by Alias and DocumentRoot."""

    def __init__(self, tree: Tree, server_root: str) -> None:
        found: list[_Mapping] = []
        for each in tree.named("Alias", "DocumentRoot"):
            outer = next((one for one in reversed(each.sections) if one.is_named("location")), None)
            words = ["/", *each.words] if each.is_named("documentroot") else each.words
            if len(words) == 1 and outer is not None and outer.words:
                words = [outer.words[0], *words]
            if len(words) > 1:
                path = os.path.normpath(os.path.join(server_root or "/", words[1]))
                found.append(_Mapping(each.virtual_host, words[0], path))
        # A virtual host's own come first, and of one server's the folder of documents last.
        self._all = sorted(found, key=lambda one: (one.host is None, one.url == "/"))

    def _of(self, host: Directive | None) -> list[_Mapping]:
        return [each for each in self._all if host is None or each.host in (None, host)]

    def below(self, section: Directive) -> list[str]:
        """The files and folders that a <Location> is about."""
        _, wanted, is_pattern = _kind(section)
        of_host = self._of(section.virtual_host)
        paths = [each.path for each in of_host if _holds_for_url(each.url, wanted, is_pattern)]
        around = next((each for each in of_host if not is_pattern and is_below(wanted, each.url)), None)
        if around is not None:
            paths.append(around.path + wanted[len(around.url.rstrip("/")):].rstrip("/"))
        return list(dict.fromkeys(paths))

    def of(self, path: str, host: Directive | None) -> tuple[str, Directive | None]:
        """The URL of a file and its virtual host; "" and what was given where more than one has it, or none."""
        found = [each for each in self._of(host) if is_below(path, each.path)]
        if not found or host is None and len({each.host for each in found}) > 1:
            return "", host
        longest = max(found, key=lambda each: len(each.path))
        return longest.url.rstrip("/") + path[len(longest.path.rstrip("/")):], host or longest.host
