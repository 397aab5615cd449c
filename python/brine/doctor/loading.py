"""Loads a script in a child: with its group's Python, as its user, in its folder and its environment."""

import glob
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brine.bounded_child import Outcome, run
from brine.doctor.state import Context, Extension, Load, Raised, Runner, Script
from brine.module_api import API, PARTS
from brine.pythons import running_version

_CHILD = Path(__file__).with_name("child.py")
_MOST_WORDS = 4000


_LIBRARY_PATH = "LD_LIBRARY_PATH"


def question(runner: Runner, script: Script, environments: list[str], folders: list[str],
             variables: Mapping[str, str]) -> str:
    """What the child is told, as JSON."""
    return json.dumps({
        "library_path": variables.get(_LIBRARY_PATH),
        "script": script.path, "callable": script.callable, "paths": [each.path for each in runner.search_path],
        "environments": environments, "folders": folders,
        "module": {"process_group": runner.group, "application_group": script.application_group,
                   "threads": runner.threads, "names": list(API), "parts": list(PARTS)}})


def _prepare(runner: Runner) -> None:
    """In the child: its limits and its folder."""
    for limit, value in ((resource.RLIMIT_DATA, runner.memory_limit), (resource.RLIMIT_AS, runner.space_limit)):
        hard = resource.getrlimit(limit)[1]
        if value:
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (value, value))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        os.chdir(runner.working_folder)
    except OSError:
        pass  # it stays in /; that the user may not enter its folder is told by another check


@dataclass(frozen=True)
class Program:
    """The Python that loads a script."""

    path: str
    prefix: str = ""
    """A home that has no program of its own, or ""."""

    @property
    def libraries(self) -> str:
        """The folder of a libpython of its own, or "". An engine is linked with it, while a program that was built in
        another place may look where its user cannot."""
        folder = os.path.normpath(os.path.join(os.path.realpath(self.path), "../../lib"))
        return folder if glob.glob(f"{glob.escape(folder)}/libpython3.*.so*") else ""


def load(runner: Runner, script: Script, program: Program, environment: Mapping[str, str], seconds: float,
         environments: list[str], folders: list[str]) -> Load:
    """Runs the script. `environment` is httpd's; `environments` and `folders` are where missing modules may be."""
    variables = {**environment, **runner.environment}
    text = question(runner, script, environments, folders, variables)
    if runner.home:
        variables.pop("PYTHONHOME", None)
    if program.prefix:
        variables["PYTHONHOME"] = program.prefix
    if program.libraries:
        variables[_LIBRARY_PATH] = ":".join(filter(None, [program.libraries, variables.get(_LIBRARY_PATH)]))
    utf8 = [] if variables.get("PYTHONUTF8") == "0" else ["-X", "utf8"]
    who = runner.identity
    become: dict[str, Any] = {}
    if who is not None and not who.is_caller and os.geteuid() == 0:
        become = {"user": who.uid, "group": who.gid, "extra_groups": sorted(who.groups)}
    try:
        command = [program.path, *utf8, "-B", "-c", _CHILD.read_text()]
        outcome = run(lambda answer: [*command, str(answer), text], variables,
                      seconds, lambda: _prepare(runner), runner.umask, **become)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Load(runner, script, "no-python", output=f"{program.path}: {getattr(error, 'strerror', None) or error}")
    return understood(runner, script, seconds, outcome)


def understood(runner: Runner, script: Script, seconds: float, outcome: Outcome) -> Load:
    """The child is a stranger: what it says is taken only in the form that is expected. Pure."""
    output = outcome.output.decode("utf-8", "replace")[-_MOST_WORDS:]
    if outcome.code is None:
        return Load(runner, script, "late", seconds, output=output)
    try:
        said = json.loads(outcome.answer)
        raised = tuple(_raised(each) for each in said["raised"])
        return Load(runner, script, "raised" if raised else "loaded", seconds, outcome.code, raised,
                    _text(said["missing"]), tuple(_triple(each) for each in said["found"]), _text(said["callable"]),
                    tuple(map(_text, said["defined"])), _context(said["context"]),
                    tuple(map(_extension, said["extensions"])), _number(said["resident"]), _number(said["data"]),
                    _number(said["space"]), output)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Load(runner, script, "ended", seconds, outcome.code, output=output)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value[:_MOST_WORDS]


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _triple(value: Any) -> tuple[str, str, str]:
    first, second, third = value
    return _text(first), _text(second), _text(third)


def _raised(said: Any) -> Raised:
    return Raised(_text(said["type"]), _text(said["message"]), _text(said["file"]), _number(said["line"]),
                  _text(said["module"]), _number(said["errno"]), _text(said["filename"]), said["lookup"] is True)


def _extension(said: Any) -> Extension:
    name, file, phase, support = said
    return Extension(_text(name), _text(file), _text(phase), None if support is None else _number(support))


def _context(said: Any) -> Context:
    return Context(_number(said["uid"]), _number(said["gid"]), _text(said["cwd"]), _text(said["prefix"]),
                   tuple(map(_text, said["path"])), _text(said["version"]), _text(said["program"]),
                   _text(said["encoding"]), _text(said["stdlib"]))


def own_program(version: str) -> str:
    """A Python of that version, where the engine tells of none."""
    return sys.executable if version in ("", running_version()) else f"/usr/bin/python{version}"
