"""`brine config --name NAME -o DIR`: a site in production, as files that an administrator reads, and may edit."""

import argparse
import os
import re
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from brine.config import render
from brine.installation import Brine, find_httpd, version
from brine.looking import absolute
from brine.refusal import Refusal
from brine.server_user import ServerUser
from brine.site import Site, check_folder
from brine.sites import unit, virtual_host
from brine.sites.folders import are_the_system_s, folders_of
from brine.sites.known import KnownSite
from brine.sites.new_file import demand_root_s, together, write_new

_DEBIAN_S_SITES = "sites-available"
_DEBIAN_S_PID_FILE = "/run/apache2/apache2.pid"
_DEBIAN_S_LOGS = "/var/log/apache2"

_LOGROTATE = """\
# Logs of the site {name}, written by brine {version}: cp {file} /etc/logrotate.d/brine-{name}
# The file is emptied where it is, so no process has to be told, and none pauses.
{logs}/*.log {{
    weekly
    rotate 8
    compress
    delaycompress
    missingok
    notifempty
    copytruncate
}}
"""


def kind_for(kind: str | None, folder: Path) -> str:
    """What is written there if nobody has said it: Debian's folder is for virtual hosts."""
    return kind or ("vhost" if folder.name == _DEBIAN_S_SITES else "httpd")


def for_all_addresses(options: argparse.Namespace) -> argparse.Namespace:
    """The options of a virtual host, which listens where apache2 does if nobody says anything else."""
    options.port = options.port if options.port is not None else 443 if options.tls else 80
    options.host = options.host or ["0.0.0.0"]
    return options


def program() -> Path:
    """The program that this is: what can be started to run a site."""
    own = Path(os.path.abspath(sys.argv[0]))
    found = str(own) if own.name == "brine" and os.access(own, os.X_OK) else shutil.which("brine")
    if not found:
        raise Refusal("The program `brine` is not on PATH, and it has to be started to run a site: install it first.")
    return Path(found)


def _with_scripts(site: Site) -> tuple[Site, dict[Path, str]]:
    """The site with scripts in its state folder where it names modules or projects; and their texts."""
    folder = folders_of(site.name).state
    texts: dict[Path, str] = {}
    applications = []
    for number, application in enumerate((site.application, *site.others)):
        if application.source:
            script = folder / (f"{site.name}-{number}.wsgi" if number else f"{site.name}.wsgi")
            source = application.source.replace("`brine serve`", f"`brine config`, for the site {site.name}")
            texts[script] = source + application.warm_up
            application = replace(application, script=script)
        applications.append(application)
    return replace(site, application=applications[0], others=tuple(applications[1:])), texts


def _httpd_s(site: Site, brine: Brine, user: ServerUser | None, folder: Path) -> tuple[KnownSite, dict[Path, str]]:
    """An httpd of its own."""
    folders = folders_of(site.name)
    configuration, service = folder / f"{site.name}.conf", folder / f"brine-{site.name}.service"
    command = program()
    head = (f"# The site {site.name}, written by brine {version()}: an httpd of its own. Edit it as you like.\n"
            f"#\n#   brine start {site.name}       or, by systemd, {service.name} beside this file\n"
            f"#   brine reload {site.name}      takes new code and a changed configuration, without a pause\n"
            f"#   brine logs {site.name} -f     shows the log\n\n")
    texts = {configuration: head + render(site, find_httpd(), brine, folders, user),
             service: unit.text(site, brine, command, service, configuration)}
    if are_the_system_s():
        rotation = folder / f"brine-{site.name}.logrotate"
        texts[rotation] = _LOGROTATE.format(name=site.name, version=version(), file=shlex.quote(str(rotation)),
                                            logs=folders.logs)
    known = KnownSite(site.name, "httpd", str(configuration), str(folders.pid_file), str(folders.error_log), site.url,
                      _scripts(site), unit=str(service))
    return known, texts


def _virtual_host_s(site: Site, folder: Path) -> tuple[KnownSite, dict[Path, str]]:
    """A virtual host of Debian's apache2."""
    virtual_host.check(site)
    configuration = folder / f"{site.name}.conf"
    known = KnownSite(site.name, "vhost", str(configuration), _DEBIAN_S_PID_FILE,
                      f"{_DEBIAN_S_LOGS}/{site.name}-error.log", site.url, _scripts(site))
    return known, {configuration: virtual_host.text(site)}


def _scripts(site: Site) -> tuple[str, ...]:
    return tuple(str(application.script) for application in site.applications)


def _write(texts: dict[Path, str], force: bool) -> None:
    there = [str(file) for file in texts if os.path.lexists(file)]
    if there and not force:
        raise Refusal(f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and may have been "
                      "edited: --force writes over what is there, or choose another --name or folder.")
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_new(file, os.fsencode(text))


def _next_steps(site: Site, known: KnownSite) -> list[str]:
    root = "" if os.geteuid() == 0 else " --user"
    if known.kind == "vhost":
        enable = f"a2enmod {' '.join(virtual_host.apache_modules(site))} && a2ensite {site.name}"
        return [f"{enable} && systemctl restart apache2"]
    steps = [f"systemctl{root} enable --now {shlex.quote(known.unit)}",
             f"brine start {site.name}      (where there is no systemd)"]
    if are_the_system_s():
        rotation = shlex.quote(str(Path(known.unit).with_suffix(".logrotate")))
        steps.append(f"cp {rotation} /etc/logrotate.d/brine-{site.name}")
    return steps


def checked_folder(option: str) -> Path:
    """The folder of -o, which may have yet to be made."""
    folder = absolute(option)
    if re.search(r"[\x00-\x1f\x7f]", str(folder)):
        raise Refusal(f"{str(folder)!r} contains a control character, which the files that name it cannot hold.")
    if not folder.exists():
        check_folder("-o", str(folder.parent))
        folder.mkdir(mode=0o755)
    folder = check_folder("-o", option)
    if os.geteuid() == 0:
        demand_root_s(folder)
    return folder


def write_site(site: Site, brine: Brine, user: ServerUser | None, folder: Path, kind: str, force: bool,
               environment: tuple[str, ...]) -> int:
    """Writes the files, makes the site known by its name, and says what comes next."""
    if environment and kind == "vhost":
        raise Refusal("--env is for an httpd of its own; Debian's apache2 has its variables in /etc/apache2/envvars.")
    if site.embedded or site.reload:
        raise Refusal("--embedded and --reload are not for a site that is written: it has processes of its own, which "
                      "`brine reload` replaces.")
    site, texts = _with_scripts(replace(site, in_production=True))
    known, more = _virtual_host_s(site, folder) if kind == "vhost" else _httpd_s(site, brine, user, folder)
    with together([*texts, *more, known.file]):
        _write({**texts, **more}, force)
        replace(known, environment=environment).save()
        if kind == "httpd":
            known.make_folders()
    print("Written:", *(f"  {file}" for file in {**more, **texts}), sep="\n")
    print("Next:", *(f"  {step}" for step in _next_steps(site, known)),
          f"  brine reload {site.name}     after each deployment", sep="\n")
    return 0
