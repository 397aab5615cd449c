"""The command line of `brine`."""

import argparse
import shlex
import sys
from collections.abc import Collection
from typing import Any

from brine.config import render
from brine.installation import Brine, Httpd, find_brine, find_httpd, version
from brine.parser import Parser
from brine.refusal import Refusal
from brine.serve_options import add_site_options, site_of, with_one_word_of_tls
from brine.server_user import ServerUser
from brine.settings_file import with_settings
from brine.site import Site
from brine.starting import checked_user, start
from brine.state_folder import state_folder

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
  0 after Ctrl-C or SIGTERM; 1 if the script has never loaded or defines no application, if it was
  still being loaded after 5 seconds and never came to its end, if its process ended while it loaded
  the script, or three in a row just after, or if httpd ended by itself; 2 if the command was refused.
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


def whole_parser() -> Parser:
    """With the options of all commands: for the manual."""
    return _parser(("pickle", "migrate", "doctor"))


def _parser(used: Collection[str]) -> Parser:
    """With the options of those commands alone that are used, whose modules take time to import."""
    parser = Parser(prog="brine", description="Serve Python WSGI applications with Apache httpd.")
    parser.add_argument("--version", action="version", version=f"brine {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    texts = {
        "serve": ("run httpd with a private configuration, in the foreground",
                  "Serve a WSGI application until Ctrl-C."),
        "config": ("print that configuration", "Print the httpd configuration that `brine serve` would use."),
    }
    for name, (summary, description) in texts.items():
        epilog = _RELOADING + (_EXIT_STATUS if name == "serve" else "")
        command = commands.add_parser(name, help=summary, description=description, epilog=epilog,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        add_site_options(command)
        if name == "serve":
            command.add_argument("--print-config", action="store_true", help="print what httpd would run with, and end")
    commands.add_parser("module-location", help="print the path of mod_brine.so, for a LoadModule line",
                        description="Print the path of mod_brine.so, for a LoadModule line.")
    _add_pickle(commands, "pickle" in used)
    _add_migrate(commands, "migrate" in used)
    _add_doctor(commands, "doctor" in used)
    return parser


def _print_configuration(site: Site, httpd: Httpd, brine: Brine, user: ServerUser | None) -> int:
    if site.port == 0:
        raise Refusal("--port 0 is for `brine serve`: a configuration needs a port that stays, such as 8000.")
    made = next((application for application in site.applications if application.source), None)
    if made:
        raise Refusal(f"A configuration needs a script that stays, and {made.subject} has none: write a file such as "
                      "site.wsgi that imports it under the name `application`, and name that file.")
    if site.makes_certificate:
        raise Refusal("--tls auto is for `brine serve`: a configuration needs a certificate that stays.")
    if site.shows_requests:
        raise Refusal("--access-log - is for `brine serve`: name a file.")
    state = state_folder(site)
    text = render(site, httpd, brine, state, user)
    print(f"# httpd configuration by brine {version()}: {httpd.program} -f THIS_FILE\n"
          f"# Before the first start: install -d -m 700 {shlex.quote(str(state))}\n")
    print(text, end="")
    return 0


def _run(options: argparse.Namespace, words: list[str], module_folder: str | None, default_python: str | None) -> int:
    if options.command == "pickle":
        from brine.pickle_tools.command import run
        return run(options)
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
    site = site_of(with_settings(options, options.parser, words))
    if options.command == "serve" and not options.print_config:
        return start(site, brine)
    httpd = find_httpd()
    return _print_configuration(site, httpd, brine, checked_user(site, brine))


def main(arguments: list[str] | None = None, module_folder: str | None = None,
         default_python: str | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 1 httpd failed or something was found, 2 refused.

    The launcher that belongs to a build or an installation says where its module is and which
    Python is used by default.
    """
    words = with_one_word_of_tls(sys.argv[1:] if arguments is None else arguments)
    options = _parser(words[:1]).parse_args(words)
    try:
        return _run(options, words, module_folder, default_python)
    except Refusal as refusal:
        print(f"brine: {refusal}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 1
    except OSError as error:
        subject = f"{error.filename}: " if error.filename is not None else ""
        print(f"brine: The system refused what was to be done: {subject}{error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
