"""The command line of `brine`."""

import argparse
import os
import shlex
import sys

from brine.config import render
from brine.installation import Brine, Httpd, find_brine, find_httpd, version
from brine.pythons import Python, choose_python
from brine.refusal import Refusal
from brine.server_user import ServerUser
from brine.site import MPMS, Site, check_host, check_name, check_script, check_statics, check_url_path
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
  wsgi.py), the folder above the package is.
"""
_EXIT_STATUS = """
exit status:
  0 after Ctrl-C or SIGTERM; 1 if the script has never loaded or defines no application, if it was
  still being loaded after 5 seconds and never came to its end, if its process ended while it loaded
  the script, or three in a row just after, or if httpd ended by itself; 2 if the command was refused.
"""


class Range:
    """An argparse type: a whole number within limits."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> int:
        if not text.isascii() or not text.isdigit() or not self._low <= int(text) <= self._high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {self._low} to {self._high}")
        return int(text)


def _add_site_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("script", metavar="SCRIPT", help="the WSGI script: a Python file that defines `application`")
    add("--port", type=Range(0, 65535), default=8000, metavar="N", help="TCP port (default 8000; 0: a free one)")
    add("--host", default="127.0.0.1",
        help="address to listen on (default 127.0.0.1: this machine only; 0.0.0.0 or ::, all of its addresses)")
    add("--mount", default="/", metavar="URL", help="URL path of the script (default /)")
    add("--static", action="append", default=[], metavar="URL=DIR",
        help="let httpd serve the files of DIR at URL; may be repeated")
    add("--python", metavar="X.Y|PATH",
        help="Python to run the script: a version for which there is an engine, or the path of a virtual "
             "environment or python (default: the active virtual environment, else the Python that Brine "
             "was built for first)")
    add("--threads", type=Range(1, 1000), default=8, metavar="N",
        help="requests that the script serves at the same time (default 8): threads of one process, or processes "
             "with prefork; httpd has more, for clients with slow lines")
    add("--processes", type=Range(1, 1000), default=1, metavar="N",
        help="processes with so many threads each (default 1); with prefork so many times as many of them")
    add("--mpm", choices=MPMS, default="event", help="httpd's way to use processes and threads (default event)")
    add("--name", default="", metavar="NAME",
        help="what the folder of a configured site's pid file and log is called (default: made of the script, the "
             "address and the port, so that no two sites share one)")
    add("--reload", action="store_true", help="development: also watch imported modules, see below")


def _add_pickle(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", used: bool) -> None:
    """The command `pickle`, of which only a name is needed where it is not used."""
    if used:
        from brine.pickle_tools.command import add_parser
        add_parser(commands)
    else:
        commands.add_parser("pickle", help="find what cannot be pickled or unpickled")


def _add_migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", used: bool) -> None:
    """The command `migrate`, likewise."""
    if used:
        from brine.migration.command import add_parser
        add_parser(commands)
    else:
        commands.add_parser("migrate", help="say what a configuration for mod_wsgi will do differently")


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", used: bool) -> None:
    """The command `doctor`, likewise."""
    if used:
        from brine.doctor.command import add_parser
        add_parser(commands)
    else:
        commands.add_parser("doctor", help="say why a site does not work")


def _parser(used: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="brine", description="Serve Python WSGI applications with Apache httpd.")
    parser.add_argument("--version", action="version", version=f"brine {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    texts = {
        "serve": ("run httpd with a private configuration, in the foreground", "Serve a WSGI script until Ctrl-C."),
        "config": ("print that configuration", "Print the httpd configuration that `brine serve` would use."),
    }
    for name, (summary, description) in texts.items():
        epilog = _RELOADING + (_EXIT_STATUS if name == "serve" else "")
        _add_site_options(commands.add_parser(name, help=summary, description=description, epilog=epilog,
                                              formatter_class=argparse.RawDescriptionHelpFormatter))
    commands.add_parser("module-location", help="print the path of mod_brine.so, for a LoadModule line",
                        description="Print the path of mod_brine.so, for a LoadModule line.")
    _add_pickle(commands, used == "pickle")
    _add_migrate(commands, used == "migrate")
    _add_doctor(commands, used == "doctor")
    return parser


def _python(options: argparse.Namespace) -> Python | None:
    """The Python that somebody has chosen, if anybody has."""
    active = os.environ.get("VIRTUAL_ENV")
    if options.python is not None:
        return choose_python(options.python)
    return choose_python(active, "VIRTUAL_ENV in the environment") if active else None


def _site(options: argparse.Namespace) -> Site:
    script = check_script(options.script)
    mount = check_url_path("--mount", options.mount)
    host = check_host(options.host)
    return Site(script=script, mount=mount, statics=check_statics(options.static, mount, script), host=host,
                port=options.port, threads=options.threads, mpm=options.mpm, reload=options.reload,
                name=check_name(options.name), python=_python(options), processes=options.processes)


def _print_configuration(site: Site, httpd: Httpd, brine: Brine, user: ServerUser | None) -> int:
    if site.port == 0:
        raise Refusal("--port 0 is for `brine serve`: a configuration needs a port that stays, such as 8000.")
    state = state_folder(site)
    text = render(site, httpd, brine, state, user)
    print(f"# httpd configuration by brine {version()}: {httpd.program} -f THIS_FILE\n"
          f"# Before the first start: install -d -m 700 {shlex.quote(str(state))}\n")
    print(text, end="")
    return 0


def _run(options: argparse.Namespace, module_folder: str | None, default_python: str | None) -> int:
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
    site = _site(options)
    if options.command == "serve":
        return start(site, brine)
    httpd = find_httpd()
    return _print_configuration(site, httpd, brine, checked_user(site, brine))


def main(arguments: list[str] | None = None, module_folder: str | None = None,
         default_python: str | None = None) -> int:
    """Runs the command and returns its exit code: 0 done, 1 httpd failed or something was found, 2 refused.

    The launcher that belongs to a build or an installation says where its module is and which
    Python is used by default.
    """
    words = sys.argv[1:] if arguments is None else arguments
    options = _parser(used="".join(words[:1])).parse_args(words)
    try:
        return _run(options, module_folder, default_python)
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
