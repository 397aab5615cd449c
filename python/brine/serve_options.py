"""The options of `brine serve` and `brine config`, and the Site that they describe."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brine.application import Application
from brine.environment_file import read_environment
from brine.option_types import Range, Span, account, byte_count, duration, name, size, url_paths
from brine.other_programs import MEANT
from brine.parser import Parser
from brine.pythons import Python, choose_python
from brine.refusal import Refusal
from brine.server_user import demand_account
from brine.site import (MPMS, STATUS_URLS, Certificate, Site, check_file, check_folder, check_host, check_log,
                        check_name, check_statics, check_url_path)
from brine.target import Wish, find_application

# Options of WSGIDaemonProcess that have the same meaning here: our name, its name, type, metavar, help.
_LIMITS: tuple[tuple[str, str, Callable[[str], Any], str, str], ...] = (
    ("request-timeout", "request-timeout", duration, "TIME", "interrupt a request that takes longer (default: never)"),
    ("queue-timeout", "queue-timeout", duration, "TIME",
     "answer 504 to a request that has waited so long for a thread (default: never)"),
    ("startup-timeout", "startup-timeout", duration, "TIME",
     "end a process that loads the application for longer (default: never)"),
    ("graceful-timeout", "graceful-timeout", duration, "TIME",
     "time that requests in progress have when a process is replaced (default 15s; with --reload 1s)"),
    ("shutdown-timeout", "shutdown-timeout", duration, "TIME",
     "and when the server ends (default 5s)"),
    ("inactivity-timeout", "inactivity-timeout", duration, "TIME",
     "replace a process that has served nothing for so long (default: never)"),
    ("restart-interval", "restart-interval", duration, "TIME", "replace each process after that time (default: never)"),
    ("restart-interval-jitter", "restart-interval-jitter", duration, "TIME",
     "up to so much later, another time for each process, so that they do not leave together (default 0)"),
    ("max-requests", "maximum-requests", Range(0, 2**31 - 1), "N",
     "replace a process that has served so many (default: never)"),
    ("max-requests-jitter", "maximum-requests-jitter", Range(0, 2**31 - 1), "N",
     "up to so many more, another number for each process (default 0)"),
    ("memory-recycle", "memory-recycle", size, "SIZE", "replace a process that has so much memory (default: never)"),
    ("memory-recycle-jitter", "memory-recycle-jitter", size, "SIZE",
     "up to so much more, another size for each process (default 0)"),
    ("preload-idle", "preload-idle", duration, "TIME",
     "end the process of --preload when it has not been needed for so long (default: never)"),
    ("warm-up", "warm-up", url_paths, "URL,...", "have each process make these requests itself before it serves"),
    ("warm-up-timeout", "warm-up-timeout", duration, "TIME", "and go on without them after that time (default 30s)"),
    ("user", "user", account, "USER", "run the application as this user (root only; default www-data)"),
    ("group", "group", account, "GROUP", "and this group (default: the user's)"),
)
_IDENTITY = ("user", "group")
_JITTER = "-jitter"


def _add_application(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("application").add_argument
    add("target", nargs="?", metavar="TARGET",
        help="a script (FILE), a module (shop.web, shop.web:app, shop.web:create_app()), or the folder of a Django or "
             "Flask project")
    add("--callable", type=name, metavar="NAME",
        help="what the application is called (default: application, else app, else what create_app() makes)")
    add("--factory", action="store_true", help="what --callable or MODULE:NAME names is a function that makes it")
    add("--mount", action="append", default=[], metavar="URL|URL=TARGET",
        help="URL path of the application (default /); with a TARGET, one more application at that path")
    add("--chdir", metavar="DIR", help="folder in which the processes begin, and from which modules are imported "
                                       "(default: the current one for a module, the project's for a project)")
    add("--env", action="append", default=[], metavar="FILE", help="take variables of the environment from FILE "
                                                                   "(NAME=VALUE lines); may be repeated")
    add("--python", metavar="X.Y|PATH",
        help="Python to run it: a version for which there is an engine, or the path of a virtual environment or "
             "python (default: the active virtual environment, else the Python that Brine was built for first)")


def _add_address(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("address").add_argument
    add("--host", action="append", default=[], metavar="ADDRESS",
        help="address to listen on (default 127.0.0.1: this machine only; 0.0.0.0 or ::, all of its addresses); may "
             "be repeated")
    add("--port", type=Range(0, 65535), metavar="N", help="TCP port (default 8000; 0: a free one)")
    add("--tls", nargs=2, metavar=("CERT", "KEY"),
        help="serve by HTTPS, with these PEM files; `--tls auto` makes a certificate for development")
    add("--http2", action="store_true", help="serve by HTTP/2 too")
    add("--status", action="store_true",
        help="show this machine what goes on at /brine-status, and anybody at /brine-health whether the application is "
             "ready")


def _add_processes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("processes")
    add = group.add_argument
    add("--processes", type=Span(1, 1000), default=(1, 1), metavar="N|MIN-MAX",
        help="processes with so many threads each (default 1); with prefork so many times as many of them. 2-8: two, "
             "and up to eight while all threads are taken")
    add("--threads", type=Range(1, 1000), default=8, metavar="N",
        help="requests that each serves at the same time (default 8): threads of one process, or processes with "
             "prefork; httpd has more, for clients with slow lines")
    add("--embedded", action="store_true", help="run the application in httpd's own processes")
    add("--mpm", choices=MPMS, default="event", help="httpd's way to use processes and threads (default event)")
    add("--preload", action="store_true",
        help="load the application once, in a process that all others are forked from")
    for option, _, kind, metavar, text in _LIMITS:
        add(f"--{option}", type=kind, metavar=metavar, help=text)
    add("--limit-request-body", type=byte_count, metavar="SIZE",
        help="largest body of a request (default: no limit but httpd's own, 1 GiB)")


def _add_files_and_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument_group("files").add_argument(
        "--static", action="append", default=[], metavar="URL=DIR",
        help="let httpd serve the files of DIR at URL; may be repeated")
    add = parser.add_argument_group("logs").add_argument
    add("--access-log", metavar="FILE", help="note each request in FILE, in the combined format; - shows a line for "
                                             "each (default: - at a terminal)")
    add("--log-level", choices=("error", "warn", "info", "debug"), default="info",
        help="what of the application's log is shown (default info)")
    add("--log-format", choices=("text", "json"), default="text",
        help="what comes to the terminal: text for people, or a JSON object a line (default text)")


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("configuration").add_argument
    add("--config", metavar="FILE", help="take options from a TOML file, by the same names without the dashes; the "
                                         "command line counts more")
    add("--include", action="append", default=[], metavar="FILE",
        help="add a file to httpd's configuration; may be repeated")
    add("--name", default="", metavar="NAME",
        help="what the folder of a configured site's pid file and log is called (default: made of the script, the "
             "address and the port, so that no two sites share one)")
    parser.add_argument_group("development").add_argument(
        "--reload", action="store_true", help="also watch imported modules, see below")


def with_one_word_of_tls(words: list[str]) -> list[str]:
    """The command line with `--tls auto` as two words, as many as --tls has else."""
    places = [place for place, word in enumerate(words) if word == "auto" and words[place - 1:place] == ["--tls"]]
    return [each for place, word in enumerate(words) for each in [word] * (2 if place in places else 1)]


def add_site_options(parser: Parser) -> None:
    """All that describes a site, in groups."""
    parser.set_defaults(parser=parser)
    parser.elsewhere = MEANT
    for add in (_add_application, _add_address, _add_processes, _add_files_and_logs, _add_configuration):
        add(parser)


def _python(options: argparse.Namespace) -> Python | None:
    """The Python that somebody has chosen, if anybody has."""
    active = os.environ.get("VIRTUAL_ENV")
    if options.python is not None:
        return choose_python(options.python)
    return choose_python(active, "VIRTUAL_ENV in the environment") if active else None


def _check_jitter(chosen: dict[str, Any]) -> None:
    """There is something to which it adds: httpd does not take it alone."""
    for option, value in chosen.items():
        limit = option.removesuffix(_JITTER)
        if option.endswith(_JITTER) and _is_more_than_none(value) and not _is_more_than_none(chosen.get(limit, 0)):
            raise Refusal(f"--{option} adds to --{limit}, which is not given.")


def _is_more_than_none(value: str | int) -> bool:
    """Whether a number, a time or a size is not 0, in whatever unit."""
    return any(digit in "123456789" for digit in str(value))


def _limits(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    given = [(option, name, getattr(options, option.replace("-", "_"))) for option, name, *_ in _LIMITS]
    chosen = [(option, name, value) for option, name, value in given if value is not None]
    _check_jitter({option: value for option, _, value in chosen})
    if options.preload:
        chosen.append(("preload", "preload", "On"))
    elif options.preload_idle is not None:
        raise Refusal("--preload-idle is about the process that --preload loads the application in: give both.")
    of_daemons = [option for option, name, _ in chosen if name != "shutdown-timeout"]  # which is httpd's end too
    if options.embedded and of_daemons:
        raise Refusal(f"--{of_daemons[0]} is about processes of the application's own: leave it or --embedded out.")
    if options.embedded and options.processes[0] != options.processes[1]:
        raise Refusal("--processes MIN-MAX is about processes of the application's own: give one number, or leave "
                      "--embedded out.")
    if os.geteuid() != 0 and any(name in _IDENTITY for _, name, _ in chosen):
        raise Refusal("--user and --group are for root, who alone can run processes as another user.")
    demand_account(options.user, options.group)
    return tuple((name, str(value)) for _, name, value in chosen)


def _makes_certificate(options: argparse.Namespace) -> bool:
    return bool(options.tls) and options.tls == ["auto", "auto"]


def _certificate(options: argparse.Namespace) -> Certificate | None:
    """None also where one has yet to be made."""
    if not options.tls or _makes_certificate(options):
        return None
    certificate, key = (check_file("--tls", file) for file in options.tls)
    return Certificate(certificate, key)


def _applications(options: argparse.Namespace, wish: Wish, folder: Path) -> tuple[Application, ...]:
    """The main one first."""
    mounts = [mount for mount in options.mount if "=" not in mount]
    if len(mounts) > 1:
        raise Refusal(f"--mount names two URLs of one application, {mounts[0]} and {mounts[1]}: a further application "
                      "is --mount URL=TARGET.")
    first = find_application(options.target, wish, folder, check_url_path("--mount", mounts[0] if mounts else "/"))
    applications = [first]
    for more in options.mount:
        url, equals, target = more.partition("=")
        if equals and not target:
            raise Refusal(f"--mount {more} names no application: write --mount {url}=TARGET.")
        if equals:
            applications.append(find_application(target, Wish(), folder, check_url_path("--mount", url)))
    urls = [application.mount for application in applications]
    hidden = next((url for url in urls if options.status and url in STATUS_URLS), None)
    if hidden:
        raise Refusal(f"--status has its page at {hidden}: give the application there another URL with --mount.")
    twice = next((url for url in urls if urls.count(url) > 1), None)
    if twice:
        raise Refusal(f"Two applications are to be mounted at {twice}: give one of them another URL with --mount.")
    return tuple(applications)


def _home(options: argparse.Namespace, application: Application) -> Path | None:
    if options.chdir is not None:
        return check_folder("--chdir", options.chdir)
    return application.import_root if application.source else None


def site_of(options: argparse.Namespace) -> Site:
    """The site that the options describe; the environment is changed as --env says."""
    if not options.target:
        options.parser.error("what is to be served is not said: name a script, a module or a project's folder")
    if options.embedded and options.reload:
        raise Refusal("--reload replaces processes of the application's own: leave it or --embedded out.")
    if options.http2 and options.mpm == "prefork":
        raise Refusal("--http2 needs threads, which prefork does not have: take another --mpm.")
    for file in options.env:
        os.environ.update(read_environment(check_file("--env", file)))
    folder = check_folder("--chdir", options.chdir or os.curdir)
    first, *others = _applications(options, Wish(options.callable or "", options.factory), folder)
    access_log = None if options.access_log in (None, "-") else check_log("--access-log", options.access_log)
    at_terminal = options.access_log is None and options.command == "serve" and sys.stdout.isatty()
    return Site(application=first, others=tuple(others), statics=check_statics(options.static, (first, *others)),
                hosts=tuple(dict.fromkeys(map(check_host, options.host))) or ("127.0.0.1",),
                port=8000 if options.port is None else options.port,
                public_name=getattr(options, "server_name", None) or "",
                threads=options.threads, mpm=options.mpm, reload=options.reload, name=check_name(options.name),
                python=_python(options), processes=options.processes[1], least_processes=options.processes[0],
                home=_home(options, first),
                body_limit=options.limit_request_body, limits=_limits(options), embedded=options.embedded,
                tls=_certificate(options), makes_certificate=_makes_certificate(options), http2=options.http2,
                status=options.status,
                access_log=access_log, shows_requests=at_terminal or options.access_log == "-",
                log_level=options.log_level, log_format=options.log_format,
                includes=tuple(check_file("--include", file) for file in options.include))
