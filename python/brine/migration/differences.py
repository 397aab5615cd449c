"""What works differently on purpose: the list of docs/migrating.md, with what of a configuration each is about.

The sentences are that page's (tests/docs_test.py holds the one to the other): what is added there has to be added here.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from brine.configuration.finding import Finding
from brine.configuration.lines import Place
from brine.configuration.sites import Sites, number, seconds
from brine.configuration.tree import Directive

Concerned = Callable[[Sites], Iterable[Directive]]


def _all(sites: Sites) -> Iterable[Directive]:
    return [script.directive for script in sites.scripts]


def _in_daemons(sites: Sites) -> Iterable[Directive]:
    return [script.directive for script in sites.daemon_scripts()]


def _embedded(sites: Sites) -> Iterable[Directive]:
    return [script.directive for script in sites.embedded_scripts()]


def _groups(sites: Sites) -> Iterable[Directive]:
    return [group.directive for group in sites.groups.values()]


def _by_httpd(sites: Sites) -> Iterable[Directive]:
    """httpd -t itself says it of the line, and so does the check."""
    return []


def _by_choice(sites: Sites) -> Iterable[Directive]:
    """It is for those who use it: no configuration of mod_wsgi has it."""
    return []


def _given(*names: str) -> Concerned:
    return lambda sites: sites.tree.named(*names)


def _unless(name: str, concerned: Concerned) -> Concerned:
    """Where that directive is not given anywhere."""
    return lambda sites: [] if sites.tree.named(name) else concerned(sites)


def _services(sites: Sites) -> Iterable[Directive]:
    return [group.directive for group in sites.groups.values() if group.threads == 0]


def _named_by_clients(sites: Sites) -> Iterable[Directive]:
    """Application groups whose names come from a request."""
    def is_open(name: str) -> bool:
        return name == "%{HOST}" or name.startswith("%{ENV:")

    return [each for each in sites.tree.of_wsgi if is_open(each.options.get("application-group", ""))
            or each.is_named("wsgiapplicationgroup") and is_open(each.words[0] if each.words else "")]


def _of_resource(sites: Sites) -> Iterable[Directive]:
    return [script.directive for script in sites.scripts
            if script.directive.is_named("wsgiscriptaliasmatch") and script.application_group == "%{RESOURCE}"]


_TIMES = ("timeout", "interval")
_SIZES = ("size", "memory-limit", "virtual-memory-limit")


def _is_read_otherwise(name: str, value: str) -> bool:
    """mod_wsgi reads the whole number at the front, and leaves a fraction and a unit."""
    has_unit = value[-1:].isalpha() and number(value, -1) >= 0
    if name == "switch-interval":
        return has_unit
    return has_unit if name.endswith(_SIZES) else name.endswith(_TIMES) and seconds(value) != number(value, 0)


def _with_units(sites: Sites) -> Iterable[Directive]:
    return [group.directive for group in sites.groups.values()
            if any(_is_read_otherwise(name, value) for name, value in group.directive.options.items())]


def _inflated(sites: Sites) -> Iterable[Directive]:
    return [each for each in sites.tree.named("SetInputFilter", "AddInputFilter", "FilterChain")
            if any("DEFLATE" in word.upper() for word in each.words)]


def _with_time(option: str) -> Concerned:
    """Groups that give this time."""
    return lambda sites: [group.directive for group in sites.groups.values() if seconds(group.option(option)) > 0]


def _without_monitor(sites: Sites) -> Iterable[Directive]:
    """Groups of which mod_wsgi watches nothing, and that give a time which it would have to watch."""
    return [group.directive for group in sites.groups.values()
            if group.option("deadlock-timeout") and not seconds(group.option("deadlock-timeout"))
            and not seconds(group.option("inactivity-timeout"))
            and any(seconds(group.option(name)) for name in ("request-timeout", "startup-timeout", "restart-interval"))]


def _longer(sites: Sites) -> Iterable[Directive]:
    return [group.directive for group in sites.groups.values()
            if seconds(group.option("request-timeout")) > 0 and group.threads > 1]


@dataclass(frozen=True)
class Difference:
    """One item of the page."""

    id: str
    says: str
    concerned: Concerned
    severity: str = "note"


_WARNING = "warning"

DIFFERENCES = [
    Difference("python-home", "A wrong WSGIPythonHome is found by httpd -t, not by processes that die at their start.",
               _by_httpd),
    Difference("one-python", "WSGIPython X.Y chooses among the Pythons that Brine was built for; mod_wsgi has one.",
               _by_choice),
    Difference("values", "Values are checked: WSGIPythonOptimize lots is an error, and so is a URL path without its /.",
               _by_httpd),
    Difference("interpreter-options", "A directive in <WSGIInterpreterOptions> that is not about interpreters is an "
               "error", _by_httpd),
    Difference("hidden-alias", "An alias that an earlier one hides is a warning.", _by_httpd),
    Difference("interpreters", "A process makes at most 64 sub-interpreters that the configuration names, and 16 that "
               "clients do by %{HOST} or %{ENV:NAME}, then answers 503.", _named_by_clients, _WARNING),
    Difference("resource", "%{RESOURCE} has an interpreter for each regular expression and file, where mod_wsgi has "
               "one for each URL.", _of_resource),
    Difference("deciding-scripts", "Where an access, user, group or dispatch script does not load, raises, is late or "
               "returns something else than its page names, the request is answered 500.",
               _given("WSGIAccessScript", "WSGIAuthUserScript", "WSGIAuthGroupScript", "WSGIDispatchScript")),
    Difference("hash-seed", "WSGIPythonHashSeed random is random, whatever the environment says; in mod_wsgi it is the "
               "seed 0 in all processes.", lambda sites: sites.values("WSGIPythonHashSeed", "random")),
    Difference("sendfile", "WSGIEnableSendfile is On, or as EnableSendfile says; in mod_wsgi it is Off.",
               _unless("WSGIEnableSendfile", _all)),

    Difference("daemon-faults", "What is wrong is found by httpd -t: a user, a home, an environment that is not there, "
               "a name that no group has", _by_httpd),
    Difference("out-of-order", "A site's files cannot stop the server: where a home or an environment is gone at a "
               "start or a restart, that group answers 503, and everybody else is served", _groups),
    Difference("units", "Values are checked: mod_wsgi takes threads=5abc for 5, and queue-timeout=1m for one second.",
               _with_units, _WARNING),
    Difference("definitions", "A group may be defined behind its use, and a second time in a copied virtual host, if "
               "both definitions are alike.", _by_choice),
    Difference("group-python", "python=3.13 gives a group another Python than its neighbours.", _by_choice),
    Difference("loading", "Where connect-timeout is given, a request waits no longer than that for a process that "
               "loads, and is then answered with 503 and Retry-After; in mod_wsgi it waits for socket-timeout, or "
               "httpd's Timeout.", _with_time("connect-timeout")),
    Difference("backlog", "More than listen-backlog waiting requests are refused at once, with 503 and Retry-After; "
               "mod_wsgi tries to connect for connect-timeout, with httpd's threads occupied meanwhile.", _groups),
    Difference("sockets", "There are no socket files: WSGISocketPrefix, WSGISocketRotation, WSGIAcceptMutex and "
               "socket-user= have no effect.", _by_httpd),
    Difference("rolling", "WSGIScriptReloading Rolling replaces a process without a pause.", _by_choice),
    Difference("services", "A service (threads=0) gets SystemExit as with mod_wsgi, for every reason to end, and 80 % "
               "of shutdown-timeout.", _services),
    Difference("request-timeout", "request-timeout is the time that you wrote.", _longer, _WARNING),
    Difference("queue-timeout", "queue-timeout ends a request's wait when it is over, with 504; mod_wsgi notices when "
               "a thread takes the request up.", _with_time("queue-timeout")),
    Difference("time-limits", "The time limits hold whatever the others are; in mod_wsgi most of them do nothing where "
               "deadlock-timeout and inactivity-timeout are both 0.", _without_monitor, _WARNING),
    Difference("interrupted", "A request that request-timeout interrupts is answered with httpd's page of a 504, or "
               "its ErrorDocument; mod_wsgi's answer is empty.", _with_time("request-timeout")),
    Difference("pauses", "A process or a service that ends again and again is started after pauses that grow; mod_wsgi "
               "starts it at once.", _groups),
    Difference("successors", "A process that is to leave serves until its successor has loaded the scripts.", _groups),

    Difference("trusted-proxies", "Without WSGITrustedProxies nobody is trusted; mod_wsgi believes everybody's "
               "WSGITrustedProxyHeaders then.", _given("WSGITrustedProxyHeaders"), _WARNING),
    Difference("chunked", "Chunked bodies are accepted; mod_wsgi answers 411 unless told otherwise.",
               _unless("WSGIChunkedRequest", _all)),
    Difference("chunked-on", "mod_wsgi's WSGIChunkedRequest On, where the application reads to the end and sees none, "
               "is Stream here.", lambda sites: sites.values("WSGIChunkedRequest", "On"), _WARNING),
    Difference("inflated", "Where mod_deflate inflates a body, CONTENT_LENGTH is the inflated body's; in mod_wsgi it "
               "is that of the compressed one.", _inflated),
    Difference("request-rec", "The capsule apache.request_rec is over with its request: PyCapsule_GetPointer() then "
               "raises ValueError", lambda sites: sites.values("WSGIPassApacheRequest", "On")),
    Difference("first-bytes", "httpd takes the first 64 KiB of every body before a thread is asked for, and sends "
               "\"100 Continue\" then", _all),
    Difference("input", "wsgi.input has what io.BufferedIOBase has, and is one for isinstance()", _all),
    Difference("errors", "wsgi.errors is the same object for all requests and finds the right log by the thread that "
               "writes.", _all),

    Difference("start-response", "start_response called a second time without exc_info is refused, as PEP 3333 "
               "demands: RuntimeError.", _all),
    Difference("hop-by-hop", "Hop-by-hop headers are left out (Connection, Keep-Alive, Upgrade and the like), with a "
               "warning once a script (BRINE0409), or refused by WSGIStrictHeaders.", _all),
    Difference("late-failure", "An application that raises after its last byte: where it gave a Content-Length and all "
               "of that is out, the client has the whole answer, and the log the traceback. Where it gave none, only "
               "the end could tell that the answer is whole, so it is cut", _all),
    Difference("repeated-fields", "Header fields that an application repeats stay apart in daemon mode too; mod_wsgi "
               "joins them by commas there, except Set-Cookie and WWW-Authenticate.", _in_daemons),
    Difference("status-lines", "A status line such as 200 Error or 200 Timeout is one as any other; mod_wsgi's daemon "
               "mode takes it for a message of its own.", _in_daemons),
    Difference("broken-off", "A response that breaks off in a daemon process breaks off for the client; in mod_wsgi's "
               "daemon mode a chunked one looks complete.", _in_daemons),
    Difference("status-1xx", "Status 1xx is refused: ValueError.", _all),
    Difference("nul", "A NUL in a header's value is refused: ValueError.", _all),
    Difference("header-names", "A header's name must be a token of RFC 9110: no colon, no bracket.", _all),
    Difference("lists", "Content-Length is filled in for lists and tuples, so such responses are not chunked and "
               "connections stay open.", _all),
    Difference("too-long", "A body longer than its Content-Length is cut, with a warning (BRINE0405); mod_wsgi cuts it "
               "without a word.", _all),
    Difference("too-short", "A body shorter than its Content-Length aborts the connection (BRINE0406)", _all),
    Difference("head", "An answer to HEAD ends with its head, and so does a 204 or 304: of a generator the first block "
               "is asked for and no other", _all),
    Difference("flushing", "In daemon mode those that have come together are passed on together, and flushed as soon "
               "as no other is there; nothing has to be set for that, and response-buffer-size= and "
               "response-flush-delay= have no effect.", _in_daemons),
    Difference("write", "write() raises ConnectionResetError where nothing more can be sent: after the first block "
               "under HEAD, 204 and 304, and where more than Content-Length has been written already.", _all),
    Difference("error-override", "WSGIErrorOverride works in embedded mode too, and of an error's header fields all "
               "that do not describe its body stay, Allow among them.",
               lambda sites: sites.values("WSGIErrorOverride", "On")),
    Difference("location", "A local redirect keeps the application's header fields, such as Set-Cookie and "
               "Content-Disposition; //host/path is none.", _in_daemons),
    Difference("lying-sizes", "Of a file whose size lies (/proc, /sys) all of it is sent, also where the application "
               "gives that size for the Content-Length; mod_wsgi sends as much as the size says.", _all),
    Difference("truncated-files", "A file that is truncated while it is sent cuts its own response (BRINE0413); it "
               "cannot end httpd's process.", _all),
    Difference("file-wrapper", "wsgi.file_wrapper sends a plain file by its descriptor, and looks at the object's "
               "exact class for that: gzip.open() and other file-likes that have a descriptor too are iterated, and "
               "never sent raw.", _all),

    Difference("metrics", "request_metrics() counts from start_recording_metrics() on, and reading it changes nothing, "
               "so that two readers see the same.", _all),
    Difference("measured", "Nothing of a request is measured before somebody subscribes to events or starts recording",
               _all),
    Difference("print", "print() is level notice, and always shown; in mod_wsgi it is an error.", _all),
    Difference("streams", "The streams cannot be closed or detached by one application: they are shared by all of the "
               "interpreter.", _all),
    Difference("log-codes", "Brine's own records have codes of the form BRINE0401, and a traceback repeats its code on "
               "each line.", _all),
    Difference("gone-clients", "A client that goes away is one line at level info.", _all),

    Difference("script-modules", "Scripts are not in sys.modules once they are loaded. Who imports a script by its "
               "module name gets the version that serves", _all),
    Difference("pickle-guard", "The pickle guard says in the log what was pickled that no other process can load; it "
               "changes nothing else, and WSGIPickleGuard Off is mod_wsgi's way.", _all),
    Difference("swap", "A reload is a swap. The new version is complete before it serves; requests in flight finish on "
               "the old one; nobody sees half of a script.", _all),
    Difference("broken-reload", "If a changed script does not load, the version before it goes on serving, and the log "
               "says why. WSGIReloadFailure Fail is mod_wsgi's way: 500.", _all),
    Difference("change", "A change is noticed by the file's inode, size, mtime, ctime and folder, so also where an old "
               "time is put back or hard links are switched; mod_wsgi compares mtime alone.", _all),
    Difference("old-versions", "An old version that stays in memory is named in the log, with what holds it.", _all),

    Difference("locale", "Python runs in UTF-8 mode, whatever LANG is, and locale.getlocale() says UTF-8: where "
               "LC_CTYPE would be C it is C.UTF-8, as in a Python that is started by itself. PYTHONUTF8=0 in httpd's "
               "environment is the way back.", _all),
    Difference("own-modules", "import mod_wsgi and import apache find the server's own modules, whatever packages of "
               "these names are installed; mod_wsgi adds an installed package to its own.", _all),
    Difference("atexit", "Interpreters are not taken apart when a process ends. Their atexit callbacks are run and "
               "their threads waited for, 5 s at most.", _all),
    Difference("environ-times", "mod_wsgi.application_start in environ is what mod_wsgi 4 and 5 call "
               "mod_wsgi.script_start; times are floats, as in 6.0.", _all),
]

_REMEDIES = {
    "interpreters": "WSGIInterpreterLimit 64 N, with N for the hosts that are served at once.",
    "units": "Write what is meant: here a fraction and a unit count.",
    "chunked-on": "Nothing, unless a body must not be read whole before the application is asked: "
                  "WSGIChunkedRequest Stream.",
}


def _timeout(sites: Sites, directive: Directive) -> Finding:
    """With the numbers of this group."""
    group = next(each for each in sites.groups.values() if each.directive is directive)
    written = seconds(group.option("request-timeout"))
    before = written * (1 + math.log(group.threads))
    says = next(each.says for each in DIFFERENCES if each.id == "request-timeout")
    return Finding("request-timeout", "differs", "warning", f"{says} Group {group.name}: mod_wsgi interrupts after "
                   f"{before:.0f} s ({group.threads} threads), and Brine after {written:g} s.", (directive.place,),
                   f"Write request-timeout={before:.0f} if the site lived on that.")


_IN_SCRIPTS = {
    "input": r"wsgi\.input\b", "errors": r"wsgi\.errors\b", "first-bytes": r"wsgi\.input\b",
    "chunked": r"wsgi\.input\b|HTTP_TRANSFER_ENCODING|Transfer-Encoding",
    "start-response": r"\bexc_info\b", "hop-by-hop": r"(?i)[\"'](?:connection|keep-alive|upgrade|te|trailers?|"
    r"transfer-encoding|proxy-connection)[\"']", "status-1xx": r"[\"']1\d\d ", "nul": r"\\0|\\x00",
    "too-long": r"(?i)[\"']content-length[\"']", "too-short": r"(?i)[\"']content-length[\"']",
    "late-failure": r"\byield\b", "flushing": r"\byield\b",
    "head": r"(?i)[\"'](?:head|204 [^\"']*|304 [^\"']*)[\"']",
    "write": r"(?m)\bwrite\s*=\s*start_response|\bstart_response\(.*\)\s*\(", "location": r"(?i)[\"']location[\"']",
    "file-wrapper": r"file_wrapper|FileWrapper", "truncated-files": r"file_wrapper",
    "lying-sizes": r"[\"']/(?:proc|sys)/",
    "own-modules": r"(?m)^\s*(?:import|from)\s+apache\b",
    "status-lines": r"[\"']200 (?:Error|Rejected|Continue|Timeout)", "sendfile": r"file_wrapper|FileWrapper",
    "print": r"\bprint\s*\(|sys\.stdout\b",
    "streams": r"\bsys\.(?:stdout|stderr)\.(?:close|detach)\b", "script-modules": r"\bsys\.modules\b",
    "pickle-guard": r"\b(?:pickle|shelve|cPickle)\b", "locale": r"\blocale\b|\bPYTHONUTF8\b", "atexit": r"\batexit\b",
    "environ-times": r"mod_wsgi\.(?:script_start|\w+_start)",
}
"""What in a script's text says that a difference of every site may matter here."""

_OF_EVERY_SITE = (_all, _in_daemons, _embedded, _groups)


def _is_general(each: Difference) -> bool:
    return each.concerned in _OF_EVERY_SITE or each.id in ("chunked", "sendfile")


def _first_place(pattern: str, texts: dict[str, str]) -> list[Place]:
    """Where each script has it first."""
    matches = ((path, text, re.search(pattern, text)) for path, text in texts.items())
    return [Place(path, text.count("\n", 0, match.start()) + 1) for path, text, match in matches if match]


def differences(sites: Sites, texts: dict[str, str]) -> list[Finding]:
    """Those that concern this configuration, whose scripts have these texts."""
    found: list[Finding] = []
    for each in DIFFERENCES:
        concerned = list(each.concerned(sites))
        if each.id == "request-timeout":
            found += [_timeout(sites, directive) for directive in concerned]
        elif concerned:
            seen = _first_place(_IN_SCRIPTS[each.id], texts) if each.id in _IN_SCRIPTS else []
            places: list[Place] = [*seen, *(directive.place for directive in concerned)]
            found.append(Finding(each.id, "differs", each.severity, each.says, tuple(places),
                                 _REMEDIES.get(each.id, ""), _is_general(each) and not seen))
    return found
