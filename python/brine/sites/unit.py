"""The systemd unit of a site that has an httpd of its own."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from brine.config import drain_seconds
from brine.installation import Brine, version
from brine.refusal import Refusal
from brine.site import Site
from brine.sites.folders import ELSEWHERE, are_the_system_s, states

_WATCHDOG_SECONDS = 120
# Signals and times beyond an application's own: httpd's children have some seconds for their requests.
_STOP_SECONDS = 30
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")

_CAPABILITIES = ("CAP_CHOWN", "CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID",
                 "CAP_SYS_CHROOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE")

_HARDENING = """\
# No program that the application starts gets more rights than it has: sudo does not work, nor a setgid sendmail.
NoNewPrivileges=yes
# What httpd's first process needs to open its port, to give its processes another user, and to end them.
CapabilityBoundingSet={capabilities}
# /usr, /boot and /etc cannot be written; with ProtectSystem=strict nothing can, but what ReadWritePaths= names.
ProtectSystem=full
{places}
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
"""


def _word(value: str | Path) -> str:
    """A word of a unit's line: specifiers are taken literally, blanks do not divide it."""
    text = str(value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise Refusal(f"{text!r} contains a control character, which a unit cannot hold.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[\s'\"\\;]", text) else escaped


def _paths(site: Site, brine: Brine, command: Path) -> list[Path]:
    """What the service has to see."""
    python = [site.python.home] if site.python and site.python.home else []
    return [command, brine.module, *(application.script for application in site.applications), *site.module_path,
            *(static.folder for static in site.statics), *python, *site.includes, *([site.home] if site.home else [])]


def _lies_in(paths: list[Path], folders: tuple[str, ...]) -> bool:
    return any(str(each).startswith(f"{folder}/") for path in paths for each in (path, path.resolve())
               for folder in folders)


def _hidden_places(paths: list[Path]) -> Iterator[str]:
    if _lies_in(paths, _HOMES):
        yield "# The site lies in somebody's home, so ProtectHome=yes would hide it."
    else:
        yield "ProtectHome=yes"
    if _lies_in(paths, _TEMPORARY):
        yield "# The site lies in a folder for temporary files, so PrivateTmp=yes would hide it."
    else:
        yield "PrivateTmp=yes"


def _stop_seconds(site: Site) -> int:
    return _STOP_SECONDS + drain_seconds(site)


def _folders(site: Site) -> list[str]:
    if are_the_system_s():
        return [*(f"{kind}Directory=brine/{site.name}" for kind in ("State", "Logs", "Runtime")),
                "LogsDirectoryMode=0750"]
    if ELSEWHERE in os.environ:
        return [f"Environment={_word(f'{ELSEWHERE}={states()}')}"]
    told = os.environ.get("XDG_STATE_HOME")
    return [f"Environment={_word(f'XDG_STATE_HOME={told}')}"] if told else []


def text(site: Site, brine: Brine, command: Path, file: Path, configuration: Path) -> str:
    """The whole unit. `command`: the program `brine`; `file`: where the unit will lie."""
    is_root = os.geteuid() == 0
    program = _word(command).replace("$", "$$")
    control = "systemctl" if is_root else "systemctl --user"
    lines = [f"# The site {site.name}, written by brine {version()}: an httpd of its own. Edit it as you like.",
             "#",
             f"#   {control} enable --now {shlex.quote(str(file))}",
             f"#   brine reload {site.name}      takes new code and a changed {configuration.name}, without a pause",
             f"#   brine logs {site.name} -f     shows the log",
             "",
             "[Unit]",
             f"Description=The site {site.name}, by Apache httpd and Brine",
             "After=network-online.target nss-lookup.target remote-fs.target" if is_root else "",
             "Wants=network-online.target" if is_root else "",
             "",
             "[Service]",
             "# It has started when the application is loaded, and says so; it fails where that does not load.",
             "Type=notify",
             "NotifyAccess=main",
             f"ExecStart={program} run {site.name}",
             "# Not before the new code is loaded; it fails, and the old code goes on, where that does not load.",
             f"ExecReload={program} reload {site.name}",
             *_folders(site),
             "TimeoutStartSec=180",
             "Restart=on-failure",
             "RestartSec=5",
             "# An httpd that answers nothing for so long is ended and started again.",
             f"WatchdogSec={_WATCHDOG_SECONDS}",
             "# The signal to stop goes to the first process, which ends the others in order.",
             "KillMode=mixed",
             f"TimeoutStopSec={_stop_seconds(site)}",
             "# Where memory runs out and the kernel ends one process, another takes its place.",
             "OOMPolicy=continue",
             "LimitNOFILE=65536" if is_root else "",
             ""]
    if is_root:
        places = "\n".join(_hidden_places(_paths(site, brine, command)))
        lines += [_HARDENING.format(capabilities=" ".join(_CAPABILITIES), places=places)]
    lines += ["[Install]", f"WantedBy={'multi-user' if is_root else 'default'}.target"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"
