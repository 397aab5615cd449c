"""The command line of `brine`."""

import argparse
import os
import shlex
import sys
from collections.abc import Collection
from typing import Any

from brine.config import render
from brine.installation import Brine, Httpd, find_brine, find_httpd, version
from brine.looking import absolute
from brine.option_types import host_name
from brine.parser import Parser
from brine.refusal import Refusal
from brine.serve_options import add_site_options, site_of, with_one_word_of_tls
from brine.server_user import ServerUser
from brine.settings_file import with_settings
from brine.site import Site
from brine.starting import checked_user, start, with_home
from brine.sites.commands import TEXTS, add_parsers
from brine.sites.folders import printed_folders

_RELOADING = """\
reloading:
  Brine watches the script file itself: the first request after a change waits for the new code, and
  a script that no longer loads leaves the last good one in service (its traceback is shown here).
  Modules that the script imports are not watched, unless --reload is given: then a change of any .py
  file under the script's folder has the script loaded anew in a new process, for which requests wait,
  while those in progress have 4 seconds to end; and a script that does not load answers 500, so that
  the error is seen in the browser. --reload is for development. It listens by inotify where Debian's
  package python3-watchdog is installed, and else looks twice a second.

imports:
  The script's folder is on Python's module path; for a script inside a package (a Django project's
  wsgi.py), the folder above the package is. A module is looked for in --chdir's folder, or the current
  one. Of a script or a module without --callable, `application` is taken, else `app`, else what its
  function create_app() or make_app() makes.
"""
_EXIT_STATUS = """
exit status:
  0 after Ctrl-C or SIGTERM; 1 if the script does not load or defines no application (with --reload: if
  no edit has mended it), if it was still being loaded after 5 seconds and never came to its end, if
  its process ended while it loaded the script, or three in a row just after, or if httpd ended by
  itself; 2 if the command was refused.
"""


def _add_pickle(commands: "argparse._SubParsersAction[Any]", used: bool) -> None:
    """The command `pickle`, of which only a name is needed where it is not used."""
    if used:
        from brine.pickle_tools.command import add_parser
        add_parser(commands)
    else:
        commands.add_parser("pickle", help="find what cannot be pickled or unpickled")


def _add_migrate(commands: "argparse._SubParsersAction[Any]", used: bool) -> None:
    """The command `migrate`, likewise."""
    if used:
        from brine.migration.command import add_parser
        add_parser(commands)
    else:
        commands.add_parser("migrate", help="say what a configuration for mod_wsgi will do differently")


def _add_doctor(commands: "argparse._SubParsersAction[Any]", used: bool) -> None:
    """The command `doctor`, likewise."""
    if used:
        from brine.doctor.command import add_parser
        add_parser(commands)
    else:
        commands.add_parser("doctor", help="say why a site does not work")


def _add_status(commands: "argparse._SubParsersAction[Any]", used: bool) -> None:
    """The commands `status` and `top`, likewise."""
    if used:
        from brine.status.command import add_parsers as add
        add(commands)
    else:
        commands.add_parser("status", help="say how a running server does")
        commands.add_parser("top", help="show what a running server does, again and again")


def _add_production(command: Parser) -> None:
    add = command.add_argument_group("production").add_argument
    add("-o", "--output", metavar="DIR",
        help="write the site --name into this folder, instead of printing a configuration: an httpd of its own with a "
             "systemd unit, or a virtual host")
    add("--kind", choices=("httpd", "vhost"),
        help="an httpd of its own, or a virtual host of Debian's apache2 (default: vhost where DIR is called "
             "sites-available, else httpd)")
    add("--server-name", type=host_name, metavar="HOST", help="the name in the site's URLs, such as shop.example.org")
    add("--force", action="store_true", help="write over files that are there")


def whole_parser() -> Parser:
    """With the options of all commands: for the manual."""
    return _parser(("pickle", "migrate", "doctor", "status"))


def _parser(used: Collection[str]) -> Parser:
    """With the options of those commands alone that are used, whose modules take time to import."""
    parser = Parser(prog="brine", description="Serve Python WSGI applications with Apache httpd.")
    parser.add_argument("--version", action="version", version=f"brine {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    texts = {
        "serve": ("run httpd with a private configuration, in the foreground",
                  "Serve a WSGI application until Ctrl-C."),
        "config": ("write a site for production, or print a configuration",
                   "Write a site that runs in production, with -o; or print the httpd configuration that `brine serve` "
                   "would use."),
    }
    for name, (summary, description) in texts.items():
        epilog = _RELOADING + (_EXIT_STATUS if name == "serve" else "")
        command = commands.add_parser(name, help=summary, description=description, epilog=epilog,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        add_site_options(command)
        if name == "serve":
            command.add_argument("--print-config", action="store_true", help="print what httpd would run with, and end")
        else:
            _add_production(command)
    commands.add_parser("module-location", help="print the path of mod_brine.so, for a LoadModule line",
                        description="Print the path of mod_brine.so, for a LoadModule line.")
    add_parsers(commands)
    _add_pickle(commands, "pickle" in used)
    _add_migrate(commands, "migrate" in used)
    _add_doctor(commands, "doctor" in used)
    _add_status(commands, "status" in used or "top" in used)
    return parser


def _print_configuration(site: Site, httpd: Httpd, brine: Brine, user: ServerUser | None) -> int:
    made = next((application for application in site.applications if application.source), None)
    if made:
        raise Refusal(f"A configuration needs a script that stays, and {made.subject} has none: write a file such as "
                      "site.wsgi that imports it under the name `application`, and name that file; or have one written "
                      "by `brine config --name NAME -o DIR`.")
    folders = printed_folders(site)
    text = render(site, httpd, brine, folders, user)
    print(f"# httpd configuration by brine {version()}: {httpd.program} -f THIS_FILE\n"
          f"# Before the first start: install -d -m 700 {shlex.quote(str(folders.state))}\n")
    print(text, end="")
    return 0


def _demand_what_stays(site: Site) -> None:
    """Refuses what is for one run."""
    if site.port == 0:
        raise Refusal("--port 0 is for `brine serve`: a configuration needs a port that stays, such as 8000.")
    if site.makes_certificate:
        raise Refusal("--tls auto is for `brine serve`: a configuration needs a certificate that stays.")
    if site.shows_requests:
        raise Refusal("--access-log - is for `brine serve`: name a file.")


def _site(options: argparse.Namespace) -> Site:
    return with_home(site_of(options))


def _configure(options: argparse.Namespace, brine: Brine) -> int:
    """A configuration, printed or written."""
    output = getattr(options, "output", None)
    if output is None:
        if getattr(options, "kind", None) or getattr(options, "force", False):
            raise Refusal("--kind and --force are about a site that is written: say where, with -o DIR.")
        site = _site(options)
        _demand_what_stays(site)
        return _print_configuration(site, find_httpd(), brine, checked_user(site, brine))
    from brine.sites.writing import checked_folder, for_all_addresses, kind_for, write_site
    if not options.name:
        raise Refusal("A site that is written has a name, by which it is operated: --name shop.")
    folder = checked_folder(output)
    kind = kind_for(options.kind, folder)
    site = _site(for_all_addresses(options) if kind == "vhost" else options)
    _demand_what_stays(site)
    environment = tuple(str(absolute(file)) for file in options.env)
    return write_site(site, brine, checked_user(site, brine), folder, kind, options.force, environment)


def _run(options: argparse.Namespace, words: list[str], module_folder: str | None, default_python: str | None) -> int:
    if options.command == "pickle":
        from brine.pickle_tools.command import run
        return run(options)
    if options.command in TEXTS:
        from brine.sites.operating import operate
        return operate(options)
    if options.command in ("status", "top"):
        from brine.status.command import run as show_status
        return show_status(options)
    brine = find_brine(module_folder, default_python)
    if options.command == "module-location":
        print(brine.module)
        return 0
    if options.command == "migrate":
        from brine.migration.command import run as migrate
        return migrate(options, brine)
    if options.command == "doctor":
        from brine.doctor.command import run as diagnose
        return diagnose(options, brine)
    options = with_settings(options, options.parser, words)
    if options.command == "serve" and not options.print_config:
        return start(_site(options), brine)
    return _configure(options, brine)


def _have_standard_files() -> None:
    """Where the caller has closed one, nothing is read or written: no file that is opened later gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))


def _write_out() -> None:
    """Writes what print() keeps: Python itself would say by a traceback, as it ends, that the disk is full."""
    sys.stdout.flush()


def _forget_output() -> None:
    """Leaves out what cannot be written."""
    try:
        _write_out()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(arguments: list[str] | None = None, module_folder: str | None = None,
         default_python: str | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 1 httpd failed or something was found, 2 refused.

    The launcher that belongs to a build or an installation says where its module is and which
    Python is used by default.
    """
    _have_standard_files()
    try:
        try:
            words = with_one_word_of_tls(sys.argv[1:] if arguments is None else arguments)
            options = _parser(words[:1]).parse_args(words)
            return _run(options, words, module_folder, default_python)
        finally:
            _write_out()
    except Refusal as refusal:
        print(f"brine: {refusal}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        _forget_output()
        return 1
    except OSError as error:
        subject = f"{error.filename}: " if error.filename is not None else ""
        print(f"brine: The system refused what was to be done: {subject}{error.strerror or error}.", file=sys.stderr)
        _forget_output()
        return 2
    except KeyboardInterrupt:
        return 130
