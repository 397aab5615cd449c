"""What the commands that look at a configuration have in common on their command lines."""

import argparse
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from brine.configuration.asking import environment_for
from brine.installation import Httpd, find_httpd
from brine.looking import absolute, status
from brine.refusal import Refusal

ENVIRONMENT = """\
the environment:
  Variables come from this command's environment and from the file `envvars` beside CONF (Debian), whose plain
  assignments are read; nothing in it is run. For one that needs more: `. /etc/apache2/envvars` before.
"""
"""For a command's --help."""


_SECONDS = 10
"""After which a program that is asked for its version is none."""


@dataclass(frozen=True)
class Subject:
    """What is looked at."""

    httpd: Httpd
    configuration: Path
    environment: dict[str, str]
    """In which that httpd is started."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The configuration, and how httpd is to read it."""
    add = parser.add_argument
    add("configuration", metavar="CONF", nargs="?",
        help="the file that httpd is started with (default: the one that httpd names itself by -V)")
    add("--json", action="store_true", help="report as JSON")
    add("--httpd", metavar="PROGRAM", help="the httpd that runs the configuration (default: the one on PATH)")
    add("--define", "-D", action="append", default=[], metavar="NAME", help="as httpd's -D; may be repeated")
    add("--envvars", metavar="FILE", help="read variables from this file instead of the one beside CONF")


def subject(options: argparse.Namespace) -> Subject:
    """What they say; refuses what is not there."""
    httpd = _httpd(options.httpd)
    configuration = _configuration(options.configuration, httpd)
    return Subject(httpd, configuration, environment_for(configuration, options.envvars))


def _httpd(program: str | None) -> Httpd:
    if program is None:
        return find_httpd()
    path = absolute(program)
    if not path.is_file():
        raise Refusal(f"--httpd names {path}, which is not there.")
    try:
        told = subprocess.run([path, "-v"], capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired):
        told = b""
    if not told.startswith(b"Server version:"):
        raise Refusal(f"--httpd names {path}, which is no httpd: it does not tell its version by -v.")
    return Httpd(path)


def default_configuration(httpd: Httpd) -> Path:
    """The one that httpd names itself."""
    told = subprocess.run([httpd.program, "-V"], capture_output=True, text=True, check=False).stdout
    names = dict(re.findall(r'-D (HTTPD_ROOT|SERVER_CONFIG_FILE)="([^"]*)"', told))
    return Path(names.get("HTTPD_ROOT", "/"), names.get("SERVER_CONFIG_FILE", "httpd.conf"))


def _configuration(given: str | None, httpd: Httpd) -> Path:
    path = default_configuration(httpd) if given is None else absolute(given)
    found = status("The configuration", path)
    if found is None or stat.S_ISDIR(found.st_mode):
        raise Refusal(f"{'There is no configuration' if found is None else 'The configuration is a folder,'} {path}: "
                      "name the file that httpd is started with.")
    return path
