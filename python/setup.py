"""What pyproject.toml cannot say: the extension module is made of C++ files that lie beside this folder, in ../src.

A source distribution holds these files itself, below src/ and include/.
"""

import re
import shutil
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent.resolve()
ROOT = HERE if (HERE / "src").is_dir() else HERE.parent  # of src/ and include/: a source distribution's, or the tree's
VERSION_HEADER = ROOT / "include/brine/version.h"
SOURCES = [file for folder in ("cpython", "pickle") for file in sorted((ROOT / "src" / folder).glob("*.cpp"))]
HEADERS = [file for folder in ("boundary", "cpython", "pickle") for file in (ROOT / "src" / folder).glob("*.hpp")]


def version() -> str:
    """The version, which is written in one place."""
    match = re.search(r'define BRINE_VERSION "([^"]+)"', VERSION_HEADER.read_text())
    assert match, f"{VERSION_HEADER} has no BRINE_VERSION"
    return match[1]


class BuildPackage(build_py):
    """Writes the version where `brine.installation` looks for it, as CMake's installation does."""

    def run(self) -> None:
        super().run()
        target = Path(self.build_lib, "brine/_version.py")
        target.write_text(f'"""Written by the installation."""\n\nVERSION = "{version()}"\n')


class BuildGuard(build_ext):
    """Compiles the guard; its files are no part of this folder, so the list of sources leaves them out."""

    def get_source_files(self) -> list[str]:
        return []


class SourceDistribution(sdist):
    """Puts the C++ files, and the licence, beside the package."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        for file in [*SOURCES, *HEADERS, VERSION_HEADER, ROOT / "LICENSE"]:
            target = Path(base_dir, file.relative_to(ROOT))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


setup(
    version=version(),
    packages=find_packages(str(HERE), include=["brine", "brine.*"]),
    package_data={"brine": ["*.pyi", "py.typed"], "brine.django": ["*.wsgi"]},
    ext_modules=[Extension(
        "brine._guard", [str(file) for file in SOURCES], include_dirs=[str(ROOT / "src"), str(ROOT / "include")],
        depends=[str(file) for file in HEADERS], define_macros=[("PY_SSIZE_T_CLEAN", None)], language="c++",
        extra_compile_args=["-std=c++20", "-fvisibility=hidden", "-fvisibility-inlines-hidden"])],
    cmdclass={"build_py": BuildPackage, "build_ext": BuildGuard, "sdist": SourceDistribution},
)
