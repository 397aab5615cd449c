"""Directives and options that Brine takes and that do nothing; which these are, the build reads from the module's
sources (src/apache/config/without_effect.py)."""

from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.configuration.sites import Sites
from brine.refusal import Refusal


def _finding(what: str, value: str, effect: tuple[str, bool], place: Place) -> Finding:
    why, is_missed = effect
    # Off is what there is, and 0 as well.
    missed = is_missed and value.lower() not in ("off", "", "0")
    if missed:
        return Finding("no-effect", "no-effect", "warning", f"{what} has no effect in Brine: {why}", (place,))
    reason = f", {why}" if why and not is_missed else ""
    return Finding("no-effect", "no-effect", "note", f"{what} has no effect in Brine{reason}", (place,),
                   "Nothing, or take it out.")


def without_effect(sites: Sites) -> list[Finding]:
    """One for each directive or option of that kind."""
    try:
        from brine._directives import DIRECTIVES_WITHOUT_EFFECT, OPTIONS_WITHOUT_EFFECT
    except ImportError:
        raise Refusal("The package lacks the file _directives.py, which the build makes: build and install Brine "
                      "anew.") from None
    names = {name.lower(): (name, effect) for name, effect in DIRECTIVES_WITHOUT_EFFECT.items()}
    found: list[Finding] = []
    for each in sites.tree.of_wsgi:
        name, effect = names.get(each.name.lower(), ("", ("", False)))
        if name:
            found.append(_finding(name, each.words[0] if each.words else "", effect, each.place))
        if each.is_named("wsgidaemonprocess"):
            found += [_finding(f"WSGIDaemonProcess's option {option}", value, OPTIONS_WITHOUT_EFFECT[option],
                               each.place)
                      for option, value in each.options.items() if option in OPTIONS_WITHOUT_EFFECT]
    return found
