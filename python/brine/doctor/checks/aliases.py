"""Aliases that no request reaches, because an earlier one takes them all."""

import re
from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.configuration.tree import Directive
from brine.doctor.state import State

# httpd's own aliases are asked before those of scripts, wherever they stand.
_OF_HTTPD = ("alias", "scriptalias", "redirect", "redirectpermanent", "redirecttemp")
_OF_HTTPD_MATCHED = ("aliasmatch", "scriptaliasmatch", "redirectmatch")


def findings(state: State) -> Iterator[Finding]:
    """Each alias, with the first that takes its requests."""
    tree = state.sites.tree
    aliases = [each for each in tree.named("WSGIScriptAlias", "WSGIScriptAliasMatch") if len(each.words) > 1]
    of_httpd = [each for each in tree.named(*_OF_HTTPD, *_OF_HTTPD_MATCHED) if _url(each) and not _in_folder(each)]
    for index, later in enumerate(aliases):
        if not later.is_named("wsgiscriptalias"):
            continue
        # A virtual host's are asked before the main server's, which hold in it too.
        earlier = [each for each in [*of_httpd, *aliases[:index]] if each.virtual_host is later.virtual_host]
        taker = next((each for each in earlier if takes(each, later.words[0])), None)
        if taker is not None:
            yield Finding("alias-shadowed", "mapping", "error", f"the alias {later.words[0]} can never match: "
                          f"{taker.name} {_url(taker)} ({taker.place}) takes all its requests", (later.place,),
                          "Put the longer URL path first." if taker in aliases else
                          f"{taker.name} is asked before all aliases of scripts: take one of the two out.")


def _in_folder(each: Directive) -> bool:
    """It holds in a part of the server alone."""
    return any(section.is_named("directory", "files", "location", "if", "directorymatch", "locationmatch",
                                "filesmatch") for section in each.sections)


def _url(each: Directive) -> str:
    return next((word for word in each.words[:2] if word.startswith(("/", "^", "(")) and "://" not in word), "")


def takes(earlier: Directive, url: str) -> bool:
    """Whether it has all requests that a later alias of that URL path is for."""
    wanted = _url(earlier)
    if not wanted:
        return False
    if earlier.is_named("wsgiscriptalias", *_OF_HTTPD):
        wanted = re.sub("/+", "/", wanted)
        whole = wanted.rstrip("/")
        return url == wanted or not whole or url.startswith(f"{whole}/") or (wanted == whole and url == whole)
    return _matches_all(wanted, url)


def _matches_all(pattern: str, url: str) -> bool:
    """A pattern that stays open behind the URL path; one that says what follows may take only a part."""
    if pattern.endswith("$") and not pattern.endswith((".*$", ".*)$", ".+$", ".+)$")):
        return False
    try:
        return all(re.search(pattern, tried) for tried in (f"{url.rstrip('/')}/", f"{url.rstrip('/')}/x",
                                                           f"{url.rstrip('/')}/x/y.z"))
    except re.error:
        return False
