"""`brine doctor`: what is wrong with a site, with the line that says so."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from brine.configuration import command_line, folders
from brine.configuration.asking import Asker
from brine.configuration.finding import Finding, merged
from brine.configuration.reading import Unreadable, read
from brine.configuration.report import UNREAD, Report, as_json, text
from brine.configuration.script_files import file_of
from brine.configuration.shadow import Shadow
from brine.configuration.sites import Sites
from brine.configuration.trial import try_out
from brine.doctor import checks, unit
from brine.doctor.gathering import Settings, gather
from brine.doctor.state import State
from brine.installation import Brine
from brine.looking import absolute
from brine.refusal import Refusal

_SECONDS = 60.0
_OWN_CHECKS = {"BRINE0006"}
"""What httpd with Brine warns of, and a check here tells in more cases."""
_DESCRIPTION = """\
Say why a site does not work, or soon will not. httpd reads the configuration, and is not started; each path is
walked, and each script loaded, by a process that is the user of its group, with its group's Python.
"""
_EPILOG = f"""\
what is looked for:
  what httpd refuses or warns of; the first component of a path that a user may not enter; scripts that do not
  load (the root exception first, who and where the process was, and what it may come from) or define no
  application; aliases that never match; extension modules in interpreters that they are not made for; limits,
  memory, clock and locale against what the groups need; what the systemd unit keeps from httpd.

  Each is said once, with its file and line, and what to do: error, a site is not served; warning, it will hurt;
  note, good to know.

scripts are run:
  as at a start of their group, and with what they do at import. It is a process of its own, as the group's
  user where root runs this command (else as you), and it is killed after --timeout. --no-load leaves it out.

{command_line.ENVIRONMENT}
exit status:
  0 nothing but notes; 1 errors or warnings; 2 the look could not be made, or not to its end.
"""


def _positive(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 3600")
    return seconds


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `doctor`."""
    parser = commands.add_parser("doctor", help="say why a site does not work", description=_DESCRIPTION,
                                 epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    command_line.add_options(parser)
    add = parser.add_argument
    add("--no-load", action="store_true", help="do not run the scripts")
    add("--timeout", type=_positive, default=_SECONDS, metavar="SECONDS",
        help=f"for the loading of one script (default {_SECONDS:g})")
    add("--unit", metavar="FILE", help="the systemd unit that starts httpd; its drop-ins are read from FILE.d "
        "(default: the unit whose command names CONF, or apache2.service or httpd.service for httpd's own CONF)")


def _unit(named: str | None, subject: command_line.Subject) -> unit.Unit | None:
    if named is None:
        return unit.find(subject.configuration,
                         subject.configuration == command_line.default_configuration(subject.httpd))
    path = absolute(named)
    found = unit.read(path, [path.parent])
    if found is None:
        raise Refusal(f"--unit names {path}, which cannot be read: name the file of a systemd unit, such as "
                      "/lib/systemd/system/apache2.service.")
    return found


def _told_better(refused: Finding, own: Iterable[Finding]) -> bool:
    """Whether a check of this command says the same of the same line, with the component."""
    def is_same(each: Finding) -> bool:
        return (each.category == "path" and each.counts and bool(set(each.places) & set(refused.places))
                and any(f"'{path}'" in refused.message for path in each.message.replace(":", " ").split()))

    return refused.id in _OWN_CHECKS or any(map(is_same, own))


def _about_users(state: State) -> list[Finding]:
    others = {each.user: each.place for each in state.runners if each.identity and not each.identity.is_caller}
    if os.geteuid() == 0 or not others:
        return []
    return [Finding("not-root", "reading", "note", f"you are not root: what {', '.join(sorted(others))} may was judged "
                    "by modes and ACLs, and scripts were run as you", tuple(others.values()), "Run the check as root.")]


def run(options: argparse.Namespace, brine: Brine) -> int:
    """Runs the command and gives its exit code."""
    subject = command_line.subject(options)
    asker = Asker(subject.httpd, brine, subject.environment, options.define)
    settings = Settings(subject.environment, options.timeout, not options.no_load, _unit(options.unit, subject))
    with tempfile.TemporaryDirectory(prefix="brine-doctor-") as folder:
        shadow = Shadow(Path(folder).resolve(), str(subject.configuration))
        report = Report(str(subject.configuration), str(subject.httpd.program), str(brine.module), 0, 0, [])
        try:
            reading = read(asker, shadow, subject.configuration)
            found = folders.look(reading.tree, reading.server_root)
            sites = Sites(found.tree, reading.user, reading.group, reading.server_root, found.scripts, file_of)
            refused = try_out(asker, shadow)
            state = gather(sites, brine, settings)
            own = [*checks.findings(state), *_about_users(state)]
            refused = [each for each in refused if not _told_better(each, own)]
            report = replace(report, scripts=len(sites.scripts), groups=len(sites.groups),
                             findings=merged([*reading.findings, *found.findings, *refused, *own]),
                             incomplete=_unseen(own))
        except Unreadable as error:
            report = replace(report, findings=merged(error.findings), incomplete=UNREAD)
    sys.stdout.write(as_json(report) if options.json else text(report))
    return report.code


def _unseen(own: Iterable[Finding]) -> str:
    return "Not all of it could be looked at: run the check as root." if any(
        each.id == "path-unseen" for each in own) else ""
