"""What is under test: the module file and the engines of a build directory.

BRINE_BUILD names the build directory (default: build/ of the repository). BRINE_MODULE names
another module file, for instance Debian's mod_wsgi, to compare behaviours.
"""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
ENGINE = re.compile(r"brine_engine\.cpython-(\d)(\d+)(t?)\.so$")


@dataclass(frozen=True)
class Build:
    """A module file, ready to load, and what belongs to it."""

    module: Path
    pythons: tuple[str, ...]  # X.Y, or X.Yt of a free-threaded one; the default first
    sanitizer: str  # "" or what BRINE_SANITIZE of the build says
    is_brine: bool

    @property
    def default_python(self):
        return self.pythons[0]

    @property
    def newest_pythons(self):
        """The newest Python, and the newest of the free-threaded ones if there is any."""
        threaded = [python for python in self.pythons if python.endswith("t")]
        others = [python for python in self.pythons if not python.endswith("t")]
        return (*others[-1:], *threaded[-1:])

    def python_before(self, minor):
        """A Python older than 3.`minor`, or None."""
        return next((python for python in self.pythons if int(python[2:].rstrip("t")) < minor), None)


def find_build():
    """The build that the environment names; fails with a sentence where there is none."""
    other = os.environ.get("BRINE_MODULE")
    here = "%d.%d" % sys.version_info[:2]
    if other:
        return Build(Path(other).resolve(), (here,), "", is_brine=False)
    folder = Path(os.environ.get("BRINE_BUILD", REPOSITORY / "build")).resolve()
    module = folder / "mod_brine.so"
    if not module.exists():
        raise SystemExit(f"{module} is missing: build first (tests/run does)")
    pythons = _engine_versions(folder)
    if here in pythons:
        pythons = (here, *(version for version in pythons if version != here))
    return Build(module, pythons, _cached(folder, "BRINE_SANITIZE"), is_brine=True)


def stage(build, folder):
    """Copies module, engines and brine-worker to where httpd's user can read them; returns the Build there."""
    folder.mkdir(mode=0o755)
    target = folder / build.module.name
    shutil.copy(build.module, target)
    if build.is_brine:
        for file in [*build.module.parent.glob("brine_engine.cpython-*.so"), build.module.parent / "brine-worker"]:
            shutil.copy(file, folder / file.name)
    for path in folder.iterdir():
        path.chmod(0o755)
    return Build(target, build.pythons, build.sanitizer, build.is_brine)


def _engine_versions(folder):
    found = (ENGINE.search(path.name) for path in folder.glob("brine_engine.cpython-*.so"))
    versions = [(int(m[1]), int(m[2]), m[3]) for m in found if m]
    if not versions:
        raise SystemExit(f"no brine_engine.cpython-*.so in {folder}: build first (tests/run does)")
    return tuple("%d.%d%s" % version for version in sorted(versions))


def _cached(folder, variable):
    """A variable of the build's CMake cache, or an empty string."""
    cache = folder / "CMakeCache.txt"
    if not cache.exists():
        return ""
    match = re.search(rf"^{variable}:\w+=(.*)$", cache.read_text(), re.MULTILINE)
    return match[1] if match else ""
