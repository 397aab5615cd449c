"""What a configuration says of WSGI: which scripts there are, where each runs, and as whom. Pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from brine.configuration.lines import Place
from brine.configuration.places import Urls, url_of, weight
from brine.configuration.tree import Directive, Tree

_WITHOUT_URL = ("wsgiimportscript", "wsgiauthuserscript", "wsgiauthgroupscript", "wsgiaccessscript",
                "wsgidispatchscript")
_MAPPINGS = ("wsgiscriptalias", "wsgiscriptaliasmatch", "wsgihandlerscript", "wsgiimportscript")
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "mi": 60.0, "min": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """A time as Brine takes it; 0 for what is none."""
    match = re.fullmatch(r"((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(ms|s|m|mi|min|h|)", text.lower(), re.ASCII)
    return float(match[1]) * _SECONDS[match[2]] if match else 0.0


def size(text: str) -> int:
    """Bytes as Brine takes them, "512M"; 0 for what is none."""
    match = re.fullmatch(r"(\d+)([kmg]?)b?", text.lower(), re.ASCII)
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2]] if match else 0


def number(text: str, default: int) -> int:
    """A whole number, as mod_wsgi reads it: up to the first character that is no digit."""
    match = re.match(r"\d+", text)
    return int(match[0]) if match else default


@dataclass(frozen=True)
class Group:
    """A WSGIDaemonProcess."""

    name: str
    directive: Directive

    @property
    def place(self) -> Place:
        return self.directive.place

    def option(self, name: str) -> str:
        return self.directive.options.get(name, "")

    @property
    def threads(self) -> int:
        return number(self.option("threads"), 15)

    @property
    def processes(self) -> int:
        """At most: processes=MIN-MAX may be fewer."""
        return number(self.option("processes").rpartition("-")[2], 1)


@dataclass(frozen=True)
class Script:
    """A script that a directive names, or a folder or pattern of them."""

    directive: Directive
    path: str
    group: str
    """The process group that it runs in; "": httpd's own processes. An expansion stays as it is written."""
    application_group: str
    url: str = ""
    """Where it is served; "" where the configuration does not tell."""

    @property
    def place(self) -> Place:
        return self.directive.place

    @property
    def is_pattern(self) -> bool:
        return self.directive.is_named("wsgiscriptaliasmatch") and "$" in self.path


class Sites:
    """All of them."""

    def __init__(self, tree: Tree, user: str, group: str, server_root: str,
                 handled: Iterable[tuple[Directive, str]] = (), file_of: Callable[[str], str] = str) -> None:
        """`handled` are the files that a handler makes scripts; `file_of` gives the file that a target leads to."""
        self._file_of = file_of
        self.tree, self.user, self.user_group, self.server_root = tree, user, group, server_root
        self.groups: dict[str, Group] = {}
        for each in tree.named("WSGIDaemonProcess"):
            if each.words and "=" not in each.words[0]:
                self.groups.setdefault(each.words[0], Group(each.words[0], each))
        self.scripts = [self._script(each) for each in tree.named(*_MAPPINGS) if self._path(each)]
        urls = Urls(tree, server_root)
        self.scripts += [self._handled(each, path, urls) for each, path in handled]
        # What is asked before a request is served: who may, and where it goes.
        self.deciders = [self._script(each) for each in tree.named(*_WITHOUT_URL[1:]) if self._path(each)]

    def _handled(self, directive: Directive, path: str, urls: Urls) -> Script:
        url, host = urls.of(path, directive.virtual_host)
        group = self._setting("WSGIProcessGroup", host, url, path)
        application = self._setting("WSGIApplicationGroup", host, url, path) or "%{RESOURCE}"
        return Script(directive, path, "" if group == "%{GLOBAL}" else group, application, url)

    def _path(self, directive: Directive) -> str:
        index = 0 if directive.is_named(*_WITHOUT_URL) else 1
        plain = [word for word in directive.words if not re.match(r"[\w-]+=", word)]
        return plain[index] if len(plain) > index else ""

    @staticmethod
    def has_application(script: Script) -> bool:
        """Whether it serves requests, so that it has to define an application."""
        return not script.directive.is_named(*_WITHOUT_URL)

    def absolute(self, path: str) -> str:
        """A path of the configuration, from / on."""
        return path if path.startswith("/") else f"{self.server_root}/{path}"

    def _script(self, directive: Directive) -> Script:
        path = self._file_of(self.absolute(self._path(directive)))
        url, host = url_of(directive), directive.virtual_host
        group = directive.options.get("process-group", "")
        if not group and not directive.is_named(*_WITHOUT_URL):  # of which WSGIProcessGroup says nothing
            group = self._setting("WSGIProcessGroup", host, url, path)
        application = (directive.options.get("application-group")
                       or self._setting("WSGIApplicationGroup", host, url, path) or "%{RESOURCE}")
        return Script(directive, path, "" if group == "%{GLOBAL}" else group, application, url)

    def _setting(self, name: str, served_by: Directive | None, url: str, path: str) -> str:
        """The value that holds for a script: of the sections that name it, the later and inner ones win."""
        best, rank = "", -1.0
        for each in self.tree.named(name):
            host = each.virtual_host
            if host is not None and host is not served_by or not each.words:
                continue
            here = weight([section for section in each.sections if section is not host], url, path)
            if here is not None and here + (0.5 if host else 0) >= rank:
                best, rank = each.words[0], here + (0.5 if host else 0)
        return best

    def daemon_scripts(self) -> list[Script]:
        return [script for script in self.scripts if script.group]

    def embedded_scripts(self) -> list[Script]:
        return [script for script in self.scripts if not script.group]

    def user_of(self, script: Script) -> str:
        """Whose rights it has; "" where that is not known before a request."""
        if not script.group:
            return self.user
        group = self.groups.get(script.group)
        return group.option("user") or self.user if group else ""

    def setting_of(self, name: str, script: Script) -> str:
        """What a directive says for a script; "" where it is not given for it."""
        return self._setting(name, script.directive.virtual_host, script.url, script.path)

    def passes_request_rec(self, script: Script) -> bool:
        """Whether its environ has apache.request_rec; of a script that decides, whether it may have it."""
        if script.group:
            return False
        if script.directive.is_named(*_WITHOUT_URL):
            return bool(self.values("WSGIPassApacheRequest", "On"))
        return self.setting_of("WSGIPassApacheRequest", script).lower() == "on"

    def values(self, name: str, *wanted: str) -> list[Directive]:
        """The directives of that name, with one of these first words if any is given."""
        lower = [each.lower() for each in wanted]
        return [each for each in self.tree.named(name) if each.words and (not lower or each.words[0].lower() in lower)]


def group_selected(directive: Directive) -> str | None:
    """The process group that a <WSGIInterpreterOptions> around it selects ("": httpd's own); None: all of them."""
    section = next((each for each in directive.sections if each.is_named("wsgiinterpreteroptions")), None)
    name = section.options.get("process-group") if section else None
    return "" if name == "%{GLOBAL}" else name
