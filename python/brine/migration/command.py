"""`brine migrate`: the check of a configuration, and the change of its one line."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from brine.configuration import command_line, folders
from brine.configuration.asking import Asker
from brine.configuration.finding import Finding, merged
from brine.configuration.lines import Place
from brine.configuration.reading import Reading, Unreadable, read
from brine.configuration.report import UNREAD, Report, as_json, text
from brine.configuration.script_files import file_of
from brine.configuration.shadow import Shadow
from brine.configuration.sites import Sites
from brine.configuration.tree import Directive
from brine.configuration.trial import try_out
from brine.installation import Brine
from brine.migration import differences, effects, environments, moving, reading_rights, scripts
from brine.refusal import Refusal

_DESCRIPTION = """\
Say what a configuration for mod_wsgi will do differently in Brine, before anything is changed. httpd reads
the whole configuration as at its start (includes, variables, conditions, macros), with mod_brine.so in the
place of mod_wsgi.so, which need not be there; nothing is started, no script is run, and nothing is changed.
"""
_EPILOG = f"""\
what is said:
  error    httpd does not start with this line: all such lines, not the first one alone
  warning  somebody has to look: a script that cannot be read by its user, an environment for another Python,
           an option whose meaning differs, an object that cannot be pickled
  note     what differs where something of the configuration or its scripts is about it, and what has no effect

  Each is said once, with its file and line; where it concerns more lines, their number, and with --json all.
  Differences that every site has, and of which nothing here says that they matter, are one line; --all lists them.

{command_line.ENVIRONMENT}
--apply:
  If there are no errors, the line `LoadModule wsgi_module ...` is made a comment, and one that loads mod_brine.so
  is put below it; then httpd has to accept the configuration, or the old line is put back. The command that goes
  back is printed. httpd is not restarted.

exit status:
  0 nothing but notes; 1 errors or warnings, or nothing was applied because of errors; 2 the check could not be
  made or not to its end, or httpd did not accept what --apply had written.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `migrate`."""
    parser = commands.add_parser("migrate", help="say what a configuration for mod_wsgi will do differently",
                                 description=_DESCRIPTION, epilog=_EPILOG,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    command_line.add_options(parser)
    add = parser.add_argument
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="change nothing (this is the default)")
    action.add_argument("--apply", action="store_true", help="check, and then change the LoadModule line")
    add("--all", action="store_true", help="list in the text too, one by one, what holds for every site")


def _loading(sites: Sites) -> list[Directive]:
    return [each for each in sites.tree.named("LoadModule") if each.words[:1] == ["wsgi_module"]]


def _about_the_move(sites: Sites, configuration: Path, module: Path) -> list[Finding]:
    loaded = _loading(sites)
    if not sites.tree.of_wsgi and not loaded:
        return [Finding("no-wsgi", "start", "note", "nothing here is about WSGI", (Place(str(configuration), 0),))]
    if not loaded:
        return [Finding("not-loaded", "start", "warning", "no line loads wsgi_module: httpd runs no WSGI script",
                        (Place(str(configuration), 0),), f"Add 'LoadModule wsgi_module {module}' where modules are "
                        "loaded (Debian: a2enmod brine).")]
    if any(Path(each.words[-1]).name == module.name for each in loaded[:1]):
        return [Finding("has-moved", "start", "note", "Brine is loaded here already", (loaded[0].place,))]
    return []


def _findings(sites: Sites, reading: Reading, asker: Asker, shadow: Shadow, brine: Brine,
              configuration: Path) -> list[Finding]:
    return merged([*reading.findings, *try_out(asker, shadow), *_about_the_move(sites, configuration, brine.module),
                   *effects.without_effect(sites), *differences.differences(sites, scripts.texts(sites)),
                   *scripts.findings(sites),
                   *environments.findings(sites, brine, _loading(sites)), *reading_rights.findings(sites)])


def _applied(report: Report, loaded: list[Directive], asker: Asker, configuration: Path, brine: Brine) -> Report:
    if not loaded:
        raise Refusal("There is no line 'LoadModule wsgi_module ...' to change: add one that loads "
                      f"{brine.module}.")
    place = loaded[0].place
    if Path(loaded[0].words[-1]).name == brine.module.name:
        return replace(report, done=f"{place}: Brine is loaded already; nothing was changed.")
    if any(each.severity == "error" for each in report.findings):
        return replace(report, done="Nothing was changed: httpd would not start. Mend the errors first.")
    before = moving.apply(place, brine.module)
    answer = asker.plain(configuration)
    if not answer.accepted:
        moving.write(Path(place.file).resolve(), before)
        raise Refusal(f"httpd does not accept the configuration with the changed line ({answer.last_words}): "
                      f"{place.file} is as it was.")
    return replace(report, done=f"{place}: changed to load {brine.module}; the old line is kept as a comment.\n"
                   "Restart httpd to run it (Debian: apache2ctl configtest && systemctl restart apache2).\n"
                   f"To go back: {moving.way_back(place)}, and restart httpd.")


def run(options: argparse.Namespace, brine: Brine) -> int:
    """Runs the command and gives its exit code."""
    subject = command_line.subject(options)
    httpd, configuration = subject.httpd, subject.configuration
    asker = Asker(httpd, brine, subject.environment, options.define)
    with tempfile.TemporaryDirectory(prefix="brine-migrate-") as folder:
        shadow = Shadow(Path(folder).resolve(), str(configuration))
        report = Report(str(configuration), str(httpd.program), str(brine.module), 0, 0, [])
        try:
            reading = read(asker, shadow, configuration)
            found = folders.look(reading.tree, reading.server_root)
            reading.findings += found.findings
            sites = Sites(found.tree, reading.user, reading.group, reading.server_root, found.scripts, file_of)
            report = replace(report, scripts=len(sites.scripts), groups=len(sites.groups),
                             findings=_findings(sites, reading, asker, shadow, brine, configuration))
        except Unreadable as error:
            report = replace(report, findings=merged(error.findings), incomplete=UNREAD)
    if options.apply and not report.incomplete:
        report = _applied(report, _loading(sites), asker, configuration, brine)
    sys.stdout.write(as_json(report) if options.json else text(report, options.all))
    return report.code if not (options.apply and " changed to load " in report.done) else 0
