"""What a configuration leaves to the folders that it serves: `.htaccess` files, and scripts that handlers name.

Folders are walked as httpd would serve them; nothing is run.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from brine.configuration.finding import Finding
from brine.configuration.lines import Place, logical_lines
from brine.configuration.places import Urls, is_below, matches
from brine.configuration.tree import Directive, Tree
from brine.looking import content_of

MOST_FOLDERS = 20_000
_MOST_SCRIPTS = 500
_LARGEST_FILE = 1 << 20
_LOCATIONS = ("location", "locationmatch")
_HANDLERS = ("wsgi-script", "application/x-httpd-wsgi")

IN_FOLDERS = frozenset(name.lower() for name in (
    "WSGIAccessScript", "WSGIAuthUserScript", "WSGIAuthGroupScript", "WSGIGroupAuthoritative", "WSGICallableObject",
    "WSGIPassAuthorization", "WSGIMapHEADToGET", "WSGIChunkedRequest", "WSGIRequestBuffering", "WSGIResponseBuffering",
    "WSGIScriptReloading", "WSGIReloadFailure", "WSGIEnableSendfile", "WSGILocationRedirect", "WSGIErrorOverride",
    "WSGIStrictHeaders", "WSGITrustedProxies", "WSGITrustedProxyHeaders", "WSGIIgnoreActivity"))
"""What a .htaccess file may hold; tests/docs_test.py holds it to the module's source."""


@dataclass
class Folders:
    """What was found in them."""

    tree: Tree
    """The configuration, and what the .htaccess files add to it."""
    scripts: list[tuple[Directive, str]] = field(default_factory=list)
    """The directive that makes a file a script, and the file."""
    findings: list[Finding] = field(default_factory=list)


def _sections(tree: Tree) -> list[Directive]:
    return [each for each in tree.named("Directory") if each.words]


def served(tree: Tree, server_root: str) -> list[Path]:
    """The folders that URLs lead to; one that lies in another is left out."""
    found = [each.words[0] for each in tree.named("DocumentRoot") if each.words]
    found += [each.words[1] for each in tree.named("Alias") if len(each.words) > 1]
    found += [each.words[0] for each in _sections(tree)
              if each.words[0] != "/" and not re.search(r"[~*?\[]", each.words[0])]
    paths = {Path(os.path.normpath(os.path.join(server_root or "/", each))) for each in found}
    return sorted(path for path in paths if path.is_dir() and not any(parent in paths for parent in path.parents))


class _Overrides:
    """Whether httpd reads .htaccess files in a folder: the longest section that says something of it counts."""

    def __init__(self, tree: Tree) -> None:
        self._said: list[tuple[str, bool]] = []
        for each in tree.named("AllowOverride", "AllowOverrideList"):
            section = next((outer for outer in reversed(each.sections) if outer.is_named("directory")), None)
            if section is not None and section.words:
                self._said.append((section.words[0], [word.lower() for word in each.words] != ["none"]))
        self._said.sort(key=lambda said: len(said[0]))

    def hold(self, folder: str) -> bool:
        """httpd's default is None."""
        allowed = [on for wanted, on in self._said if is_below(folder, wanted)]
        return bool(allowed) and allowed[-1]

    @property
    def any(self) -> bool:
        return any(on for _, on in self._said)


def _walk(folders: list[Path], findings: list[Finding]) -> Iterator[tuple[str, list[str]]]:
    """Each folder with its files; symbolic links to folders are not followed."""
    count = 0
    for top in folders:
        for place, below, files in os.walk(top):
            below[:] = sorted(name for name in below if name not in (".git", ".svn", "node_modules"))
            count += 1
            if count > MOST_FOLDERS:
                findings.append(Finding("many-folders", "reading", "note", f"more than {MOST_FOLDERS} folders are "
                                        "served: those behind were not looked at", (Place(place, 0),)))
                return
            yield place, sorted(files)


def _htaccess(path: str) -> Iterator[Directive]:
    """The directives of a .htaccess file, in the section of its folder."""
    text = content_of(path, _LARGEST_FILE).decode("utf-8", "surrogateescape")
    sections = [Directive("Directory", f'"{os.path.dirname(path)}"', Place(path, 0))]
    hidden = 0
    for line in logical_lines(text):
        if line.is_comment or not line.text:
            continue
        if line.text.startswith("</"):
            hidden = max(0, hidden - 1)
            del sections[max(1, len(sections) - 1):]
            continue
        head = line.text.startswith("<")
        # What is for httpds without the module is not for this one.
        absent = re.match(r"<IfModule\s+!\s*(?:mod_wsgi\.c|wsgi_module)", line.text, re.IGNORECASE)
        if hidden or absent:
            hidden += head
            continue
        name = line.text.lstrip("<").split(None, 1)[0].rstrip(">")
        directive = Directive(name, line.arguments.rstrip(">").rstrip() if head else line.arguments,
                              Place(path, line.first), tuple(sections))
        yield directive
        if head:
            sections.append(directive)


def _refused(each: Directive) -> Finding:
    return Finding("htaccess", "refused", "warning", f"{each.name} is not allowed in .htaccess files: httpd answers "
                   "500 below this folder", (each.place,),
                   "Put it into the configuration of httpd, or take it out.")


def _is_handler(each: Directive) -> bool:
    return bool(each.words) and each.words[0] in _HANDLERS


def _of_folder(section: Directive | None, folder: str) -> bool:
    return section is None or bool(section.words) and is_below(folder, section.words[0])


def _is_named(each: Directive, name: str) -> bool:
    """Whether a handler's directive is about a file of that name."""
    only = [section.words[0] for section in each.sections if section.is_named("files") and section.words]
    patterns = [section.words[0] for section in each.sections if section.is_named("filesmatch") and section.words]
    if not all(fnmatchcase(name, one) for one in only) or not all(matches(one, name) for one in patterns):
        return False
    endings = {word.lower().lstrip(".") for word in each.words[1:]}
    return each.is_named("sethandler") or bool(endings & {part.lower() for part in name.split(".")[1:]})


def _names(each: Directive, folder: str, files: list[str], urls: Urls) -> Iterator[str]:
    """The files of a folder that a handler's directive makes scripts."""
    folders = [section for section in each.sections if section.is_named("directory")]
    locations = [section for section in each.sections if section.is_named(*_LOCATIONS)]
    if not all(_of_folder(one, folder) for one in folders):
        return
    if not all(any(is_below(folder, path) for path in urls.below(one)) for one in locations):
        return
    if each.is_named("sethandler") and not any(one.is_named(*_LOCATIONS, "directory", "files", "filesmatch")
                                               for one in each.sections):
        return
    for name in files:
        if not name.startswith(".") and _is_named(each, name):
            yield os.path.join(folder, name)


def _files_of(each: Directive, urls: Urls) -> Iterator[str]:
    """The files that a handler's <Location> is about, where an Alias names such a file itself."""
    for section in each.sections:
        if section.is_named(*_LOCATIONS):
            for path in urls.below(section):
                if os.path.isfile(path) and _is_named(each, os.path.basename(path)):
                    yield path


def look(tree: Tree, server_root: str) -> Folders:
    """Walks the served folders once."""
    found = Folders(tree)
    overrides = _Overrides(tree)
    handlers = [each for each in tree.named("AddHandler", "SetHandler", "AddType") if _is_handler(each)]
    if not overrides.any and not handlers:
        return found
    names = {word for each in tree.named("AccessFileName") for word in each.words} or {".htaccess"}
    added: list[Directive] = []
    urls = Urls(tree, server_root)
    found.scripts += [(handler, path) for handler in handlers for path in _files_of(handler, urls)]
    for folder, files in _walk(served(tree, server_root), found.findings):
        if overrides.hold(folder):
            for name in sorted(names.intersection(files)):
                own = list(_read(os.path.join(folder, name), found.findings))
                added += own
                handlers += [each for each in own if each.is_named("addhandler", "sethandler") and _is_handler(each)]
        for handler in handlers:
            for script in _names(handler, folder, [name for name in files if name not in names], urls):
                if len(found.scripts) < _MOST_SCRIPTS and (handler, script) not in found.scripts:
                    found.scripts.append((handler, script))
    refused = [each for each in added if each.name.lower().startswith("wsgi") and each.name.lower() not in IN_FOLDERS]
    found.findings += map(_refused, refused)
    found.tree = Tree([*tree, *(each for each in added if each not in refused)])
    return found


def _read(path: str, findings: list[Finding]) -> Iterator[Directive]:
    try:
        yield from _htaccess(path)
    except OSError as error:
        findings.append(Finding("htaccess-unread", "reading", "warning", f"{path} cannot be read: {error.strerror}",
                                (Place(path, 0),), "Run the check as a user who may read it."))
