"""What systemd keeps from the service that httpd is."""

from collections.abc import Iterator

from brine.configuration.finding import Finding
from brine.doctor import unit as units
from brine.doctor.checks.limits import tasks
from brine.doctor.state import State, Wanted
from brine.doctor.unit import Setting, Unit

_TEMPORARY = ("/tmp", "/var/tmp")
_HOMES = ("/home", "/root", "/run/user")
_ON = ("yes", "true", "on", "1")


def findings(state: State) -> Iterator[Finding]:
    """Of the unit that starts it, with its drop-ins; each says the line of the unit too."""
    unit = state.unit
    if unit is None:
        return
    wanted = [each for runner in state.runners if not runner.chroot for each in runner.wanted]
    for setting, says, folders, remedy in _hidden(unit):
        for each in wanted:
            if any(_is_below(each.path, folder) for folder in folders):
                yield _kept(setting, says, each, remedy)
    yield from _tasks(state, unit)
    yield from _identity(state, unit)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _hidden(unit: Unit) -> Iterator[tuple[Setting, str, tuple[str, ...], str]]:
    """Line, what it says, the folders that the service does not see, and what to do."""
    said = unit.get("PrivateTmp")
    if said and said.value.lower() in (*_ON, "disconnected"):
        yield said, f"PrivateTmp={said.value}", _TEMPORARY, "Move it to a folder such as /srv."
    said = unit.get("ProtectHome")
    if said and said.value.lower() in (*_ON, "tmpfs"):
        yield (said, f"ProtectHome={said.value}", _HOMES,
               "Move it to a folder such as /srv, or set ProtectHome=read-only.")
    for said in unit.all("InaccessiblePaths"):
        folders = tuple(each.lstrip("-+") for each in said.value.split())
        yield said, f"InaccessiblePaths={said.value}", folders, "Take the folder out of that list."


def _kept(setting: Setting, says: str, wanted: Wanted, remedy: str) -> Finding:
    return Finding("service-hides", "service", "error", f"{wanted.what} {wanted.path} is not seen by the service, "
                   f"which has {says} ({setting.place})", (wanted.place, setting.place), remedy)


def _tasks(state: State, unit: Unit) -> Iterator[Finding]:
    said = unit.get("TasksMax")
    most = units.quantity(said.value) if said else None
    needed = sum(tasks(state).values())
    if said and most is not None and needed > most:
        yield Finding("service-tasks", "service", "warning", f"httpd and its groups are to run {needed} processes and "
                      f"threads, and the service has TasksMax={said.value} ({said.place})",
                      (*(runner.place for runner in state.runners if runner.group), said.place),
                      f"Set TasksMax= above {2 * needed}: a reload starts the new processes beside the old ones.")


def _identity(state: State, unit: Unit) -> Iterator[Finding]:
    """Without these rights httpd can give its processes no user."""
    bound, user = unit.all("CapabilityBoundingSet"), unit.get("User")
    told = " ".join(each.value for each in bound)
    lacks = bool(bound) and not told.startswith("~") and not {"CAP_SETUID", "CAP_SETGID"} <= set(told.split())
    given = [runner for runner in state.runners if runner.group and state.sites.groups[runner.group].option("user")]
    if given and (lacks or user and user.value not in ("root", "0")):
        said = bound[-1] if lacks else user
        assert said is not None
        name = "CapabilityBoundingSet" if lacks else "User"
        yield Finding("service-user", "service", "error", f"the processes of {given[0].called} cannot run as "
                      f"{given[0].user}: the service has {name}={said.value} ({said.place})",
                      (*(runner.place for runner in given), said.place),
                      "Let the service start as root, with CAP_SETUID and CAP_SETGID, or take user= out.")
