"""Files that a run of `brine serve` makes for itself: scripts that have an application, and a certificate."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from brine.application import Application
from brine.refusal import Refusal
from brine.site import Certificate, Site

_DAYS = 30


def _write(application: Application, folder: Path, number: int) -> Application:
    if not application.source:
        return application
    script = folder / f"{number}-{application.script.name}" if number else folder / application.script.name
    script.write_text(application.source)
    script.chmod(0o644)
    return replace(application, script=script)


@contextlib.contextmanager
def made_scripts(site: Site) -> Iterator[Site]:
    """The site with the scripts that nobody has written, in a folder that httpd's user can read; removed at the end."""
    if not any(application.source for application in site.applications):
        yield site
        return
    folder = Path(tempfile.mkdtemp(prefix="brine-scripts-"))
    try:
        folder.chmod(0o755)
        first, *others = (_write(application, folder, number)
                          for number, application in enumerate((site.application, *site.others)))
        yield replace(site, application=first, others=tuple(others))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_certificate(folder: Path, hosts: tuple[str, ...]) -> Certificate:
    """One that signs itself, for these addresses and for localhost. Throws a Refusal if there is no openssl."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    wishes = folder / "certificate.conf"
    names = ",".join(["DNS:localhost", "IP:127.0.0.1", "IP:::1", *(f"IP:{host.partition('%')[0]}" for host in hosts)])
    wishes.write_text("[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = use\n"
                      f"[name]\nCN = {'localhost' if ':' in hosts[0] else hosts[0]}\n"
                      f"[use]\nbasicConstraints = critical,CA:FALSE\nsubjectAltName = {names}\n")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", str(_DAYS), "-config", str(wishes), "-keyout", str(made.key), "-out", str(made.certificate)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, umask=0o077)
    except FileNotFoundError:
        raise Refusal("--tls auto needs the program openssl (Debian's package of that name), or name a certificate "
                      "and its key.") from None
    if done.returncode:
        raise Refusal(f"openssl made no certificate for --tls auto: {done.stderr.strip().splitlines()[-1]}")
    return made
