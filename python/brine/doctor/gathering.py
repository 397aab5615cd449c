"""Gathers what the checks judge. All that may be a tenant's is looked at by a process that is its user."""

import glob
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from brine import identity as identities
from brine.configuration.sites import Sites
from brine.doctor import loading, machine
from brine.doctor.runners import runners
from brine.doctor.state import Load, Runner, Script, State, Walk
from brine.doctor.unit import Unit
from brine.installation import Brine
from brine.tenant_look import look
from brine.walking import Step, obstacle, walk

_MOST_IN_A_FOLDER = 100
_LEVELS = 3
_ENDINGS = (".py", ".wsgi")


@dataclass(frozen=True)
class Settings:
    """How it is to be gathered."""

    environment: Mapping[str, str]
    seconds: float
    loads: bool
    unit: Unit | None


@dataclass
class _Seen:
    """What a look has shown of a runner's files."""

    walks: list[list[dict[str, Any]]] = field(default_factory=list)
    program: str = ""
    is_environment: bool = False
    """Its home is a virtual environment."""
    files: dict[str, list[str]] = field(default_factory=dict)
    environments: list[str] = field(default_factory=list)
    modified: dict[str, float] = field(default_factory=dict)


def gather(sites: Sites, brine: Brine, settings: Settings) -> State:
    """All of it."""
    is_root = os.geteuid() == 0
    walks: list[Walk] = []
    loads: list[Load] = []
    modified: dict[str, float] = {}
    seen = [(each, _seen(each, brine, is_root)) for each in runners(sites, brine, is_root) if each.identity]
    environments = sorted({each for _, found in seen for each in found.environments} |
                          {runner.home for runner, _ in seen if runner.home and not runner.chroot})
    for runner, found in seen:
        walks += [Walk(runner, wanted, tuple(_step(each) for each in steps))
                  for wanted, steps in zip(runner.wanted, found.walks, strict=False)]
        modified |= found.modified
    expanded = tuple(_expanded(runner, found) for runner, found in seen)
    for runner, (_, found) in zip(expanded, seen, strict=True):
        is_loaded = settings.loads and not runner.chroot and runner.threads > 0
        if is_loaded and not _is_without_python(runner, found, walks):
            loads += _loads(runner, found, brine, settings, environments)
    unseen = tuple(runner for runner, found in seen if not found.walks and runner.wanted)
    return State(sites, expanded, tuple(walks), tuple(loads),
                 machine.look(sites, settings.environment, modified, brine.module), settings.unit, unseen,
                 _broken_engines(expanded, brine),
                 identities.unknown_accounts(sites.user, sites.user_group) if is_root else ())


def _broken_engines(those: tuple[Runner, ...], brine: Brine) -> dict[str, str]:
    failures = {python: brine.engine_failure(python) for python in {each.python for each in those} if python}
    return {python: failure for python, failure in failures.items() if failure}


def _is_without_python(runner: Runner, found: _Seen, walks: list[Walk]) -> bool:
    """Its home cannot be reached, which the check of paths tells, or is an environment whose Python has gone, which
    httpd -t tells."""
    if found.is_environment and not found.program:
        return True
    return any(obstacle(list(each.steps), runner.identity) is not None for each in walks
               if runner.identity and each.runner.group == runner.group and each.wanted.path == runner.home)


def _loads(runner: Runner, found: _Seen, brine: Brine, settings: Settings, environments: list[str]) -> list[Load]:
    """Of its scripts. Each is run once, however many aliases lead to it."""
    made: dict[tuple[str, str, str], Load] = {}
    loads: list[Load] = []
    for script in runner.scripts:
        key = (script.path, script.callable, script.application_group)
        if script.path not in found.modified:
            continue
        if key not in made:
            made[key] = loading.load(runner, script, _program(runner, found, brine), settings.environment,
                                     settings.seconds, environments, _near(script.path))
        loads.append(replace(made[key], script=script))
    return loads


def _program(runner: Runner, found: _Seen, brine: Brine) -> loading.Program:
    """That of its home, else the Python that the engine was built for, or another of that version."""
    if found.program:
        return loading.Program(found.program)
    return loading.Program(brine.program(runner.python) or loading.own_program(runner.python), runner.home)


def _near(script: str) -> list[str]:
    """The folders in which modules of a script may be meant to be found: its own, and those above."""
    return [str(each) for each in Path(script).parents[:_LEVELS] if len(each.parts) > 2]


def _step(said: dict[str, Any]) -> Step:
    said["acl"] = tuple((tag, rights, number) for tag, rights, number in said["acl"])
    return Step(**said)


def _programs(home: str) -> list[str]:
    """What home may mean: a root, its bin/, or the python in it."""
    folders = [f"{home}/bin", home]
    return [home, *(f"{folder}/{name}" for folder in folders for name in ("python3", "python"))]


def _seen(runner: Runner, brine: Brine, is_root: bool) -> _Seen:
    who = runner.identity if is_root and runner.identity and not runner.identity.is_caller else None
    tries = who is not None or runner.identity is not None and runner.identity.is_caller

    def see() -> dict[str, Any]:
        files = {each.path: _files(each.path) for each in runner.scripts}
        return {"walks": [[asdict(step) for step in walk(each.path, each.access, tries)] for each in runner.wanted],
                "program": next((each for each in (_programs(runner.home) if runner.home else [])
                                 if os.path.isfile(each) and os.access(each, os.X_OK)), ""),
                "is_environment": os.path.isfile(f"{runner.home}/pyvenv.cfg"),
                "files": files, "environments": sorted({each for script in runner.scripts
                                                        for each in _environments(script.path)}),
                "modified": {file: os.stat(file).st_mtime for each in files.values() for file in each
                             if os.path.isfile(file)}}

    if runner.chroot and not is_root:
        return _Seen()  # nobody else can look behind it
    told = look(who, runner.chroot, see)
    return _Seen(**told) if told else _Seen()


def _files(path: str) -> list[str]:
    """The script, or those of a folder."""
    if not os.path.isdir(path):
        return [path]
    try:
        return sorted(entry.path for entry in os.scandir(path) if entry.name.endswith(_ENDINGS)
                      and entry.is_file() and not entry.name.startswith("."))[:_MOST_IN_A_FOLDER]
    except OSError:
        return []


def _environments(script: str) -> list[str]:
    """The virtual environments near a script."""
    return [os.path.dirname(found) for folder in _near(script)
            for found in glob.glob(glob.escape(folder) + "/*/pyvenv.cfg") + glob.glob(
                glob.escape(folder) + "/.*/pyvenv.cfg")]


def _expanded(runner: Runner, found: _Seen) -> Runner:
    scripts: list[Script] = []
    for each in runner.scripts:
        scripts += [replace(each, path=file) for file in found.files.get(each.path, [each.path])]
    return replace(runner, scripts=tuple(scripts))
