"""Where Brine and httpd are on this machine."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from brine.refusal import Refusal

MODULE_NAME = "mod_brine.so"

_SOURCE_TREE = Path(__file__).resolve().parents[2]
# Where httpd's modules are when neither the build nor apxs says it: Debian, Fedora, Alpine/Arch, own build.
_USUAL_MODULE_FOLDERS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules",
                         "/usr/lib/apache2", "/usr/local/apache2/modules")
_PROGRAM_NAMES = ("apache2", "httpd")
_ADMINISTRATOR_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/apache2/bin")
# Prints why a library cannot be loaded.
_LOADING = """
import ctypes, os, sys
try:
    ctypes.CDLL(sys.argv[1], os.RTLD_LAZY)
except OSError as error:
    print(error)
"""


def version() -> str:
    """Brine's version: written by the installation, or read where it is written in the source tree."""
    try:
        from brine._version import VERSION  # made by CMake's install step
        return VERSION
    except ImportError:
        header = (_SOURCE_TREE / "include/brine/version.h").read_text()
        match = re.search(r'define BRINE_VERSION "([^"]+)"', header)
        assert match, "include/brine/version.h has no BRINE_VERSION"
        return match[1]


def _ask(*command: str) -> str:
    """What a program prints, or nothing if it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@dataclass(frozen=True)
class Httpd:
    """The httpd program and its modules."""

    program: Path

    @cached_property
    def built_in(self) -> frozenset[str]:
        """Modules that are part of the program: "mod_unixd", "core", ..."""
        listed = _ask(str(self.program), "-l")
        return frozenset(re.findall(r"^\s+(\w+)\.c$", listed, re.MULTILINE))

    @cached_property
    def module_folder(self) -> Path:
        """LIBEXECDIR: where httpd's own modules are."""
        told = [_ask(apxs, "-q", "LIBEXECDIR") for apxs in ("apxs", "apxs2")]
        for folder in [*filter(None, told), *_USUAL_MODULE_FOLDERS]:
            if Path(folder, "mod_authz_core.so").exists():
                return Path(folder)
        raise Refusal("httpd's modules were not found (Debian: apt-get install apache2-bin).")

    def has(self, name: str) -> bool:
        """Whether a module that can be done without is there."""
        return f"mod_{name}" in self.built_in or (self.module_folder / f"mod_{name}.so").exists()

    def load_lines(self, *names: str) -> list[tuple[str, Path]]:
        """Identifier and file of each module that must be loaded, without those that are built in."""
        wanted = [name for name in names if f"mod_{name}" not in self.built_in]
        files = [(f"{name}_module", self.module_folder / f"mod_{name}.so") for name in wanted]
        for _, file in files:
            if not file.exists():
                raise Refusal(f"httpd's module {file} is missing (Debian: apt-get install apache2-bin).")
        return files


def find_httpd() -> Httpd:
    """The httpd on PATH or in the folders for administrators' programs, which a user's PATH may lack."""
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), *_ADMINISTRATOR_FOLDERS])
    for name in _PROGRAM_NAMES:
        found = shutil.which(name, path=search)
        if found:
            return Httpd(Path(found))
    raise Refusal("Apache httpd was found neither on PATH nor in /usr/sbin (Debian: apt-get install apache2-bin).")


@dataclass(frozen=True)
class Brine:
    """The folder of mod_brine.so, that of the engines, and the Python that is used untold."""

    folder: Path
    default_python: str | None = None
    engine_folder: Path | None = None
    """Where engines are that do not lie beside the module, which looks there too, in this order."""

    @property
    def module(self) -> Path:
        return self.folder / MODULE_NAME

    @property
    def engine_folders(self) -> list[Path]:
        """Where engines are looked for, each folder once."""
        return list(dict.fromkeys([self.folder, self.engine_folder or self.folder]))

    def engine(self, python: str) -> Path:
        """Where the engine for Python X.Y, or the free-threaded X.Yt, is or would be."""
        places = [folder / f"brine_engine.cpython-{python.replace('.', '')}.so" for folder in self.engine_folders]
        return next((place for place in places if place.exists()), places[-1])

    def engine_failure(self, python: str) -> str:
        """Why the engine for X.Y cannot be loaded, as the dynamic linker says it: the libpython of a Python that was
        removed, say. "" where it can be, or is not there."""
        engine = self.engine(python)
        if not engine.exists():
            return ""
        # In a process of its own, which ends with what it has loaded.
        return _ask(sys.executable, "-I", "-c", _LOADING, str(engine))

    def program(self, python: str) -> str:
        """The python that the engine for X.Y was built with, as the engine itself says; "" where it is not there."""
        try:
            # It is a constant of the engine's; what it says is read, nothing is loaded.
            engine = self.engine(python).read_bytes()
        except OSError:
            return ""
        found = map(os.fsdecode, re.findall(rb"(?:/[\w.+-]+)+/bin/python3(?:\.\d+t?)?", engine))
        return next((path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)), "")

    def pythons(self) -> list[str]:
        """The X.Y and X.Yt that there are engines for, oldest first."""
        files = [file for folder in self.engine_folders for file in folder.glob("brine_engine.cpython-*.so")]
        tags = [re.fullmatch(r"brine_engine\.cpython-(\d)(\d+)(t?)\.so", file.name) for file in files]
        versions = sorted({(int(tag[1]), int(tag[2]), tag[3]) for tag in tags if tag})
        return [f"{major}.{minor}{threading}" for major, minor, threading in versions]


def _installed() -> Brine | None:
    """What this very package was installed with, if it was."""
    try:
        from brine._folders import DEFAULT_PYTHON, ENGINES, MODULE  # made by CMake's install step
    except ImportError:
        return None
    return Brine(Path(MODULE), DEFAULT_PYTHON, Path(ENGINES))


def find_brine(folder: str | None, default_python: str | None) -> Brine:
    """The module that belongs to this command: its launcher's, else that of its installation, else one in build/ or
    among httpd's modules."""
    installed = None if folder else _installed()
    if installed:
        if installed.module.is_file():
            return installed
        raise Refusal(f"{MODULE_NAME} is not in {installed.folder}, where it was installed: install it again (Debian: "
                      "apt-get install libapache2-mod-brine).")
    folders = [Path(folder)] if folder else []
    if not folders:
        told = [_ask(apxs, "-q", "LIBEXECDIR") for apxs in ("apxs", "apxs2")]
        folders = [_SOURCE_TREE / "build", *map(Path, filter(None, told)), *map(Path, _USUAL_MODULE_FOLDERS)]
    for candidate in folders:
        if (candidate / MODULE_NAME).is_file():
            return Brine(candidate.resolve(), default_python)
    looked = ", ".join(dict.fromkeys(map(str, folders)))
    raise Refusal(f"{MODULE_NAME} is not in {looked}: build it with `cmake -S . -B build && cmake --build build`.")
