"""The guard as a Python package of its own: what `pip install ./python` and `python -m build` make of the tree.

Nothing is downloaded. The distributions are built once for all tests of this file, from a copy of the tree, so that
nothing is left in it, with an `apxs` on PATH that remembers whether somebody has called it.
"""

import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest
from places import BUILD, REPOSITORY
from test_other_pythons import pythons

pytestmark = pytest.mark.xdist_group("package")
DEBIAN_WHEELS = "/usr/share/python-wheels"  # where Debian keeps setuptools for environments
IN_TREE = ("python", "src/boundary", "src/cpython", "src/pickle", "include", "LICENSE")

CHECK = """
import pickle, brine.pickle
brine.pickle.install("Enforce")
class Order: pass
try:
    pickle.dumps([Order()])
except brine.pickle.UnsafePickleError as error:
    print(error.report.ids, brine.pickle.__file__)
"""


def run(*command, status=0, **options):
    """What a command prints; it must not be seen by it that this test runs inside the source tree."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment.update(options.pop("environment", {}))
    answer = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, **options)
    assert answer.returncode == status, (answer.stdout + answer.stderr)[-5000:]
    return answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def tree():
    """A copy of what a package needs, always at the same place: ccache then knows the files again."""
    folder = BUILD / "package-tree"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in IN_TREE:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def compiler(tree):
    """The environment of a build: the compiler behind ccache, and an apxs that leaves a trace."""
    tools = tree / "tools"
    tools.mkdir()
    (tools / "apxs").write_text(f"#!/bin/sh\ntouch {tools}/called\nexit 1\n")
    (tools / "apxs").chmod(0o755)
    cc = "ccache g++" if shutil.which("ccache") else "g++"
    return {"PATH": f"{tools}:{os.environ['PATH']}", "CC": cc, "CXX": cc, "CFLAGS": "-O0 -g0"}  # quick to compile


@pytest.fixture(scope="module")
def distributions(tree, compiler):
    """The sdist and the wheel that `python -m build` makes: the wheel of what is in the sdist."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tree / "dist", tree / "python", environment=compiler)
    sdist, = (tree / "dist").glob("*.tar.gz")
    wheel, = (tree / "dist").glob("*.whl")
    assert not (tree / "tools/called").exists(), "the package's build asked for httpd"
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(distributions, tmp_path_factory):
    """The folder of the programs of a fresh environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    run(folder / "bin/pip", "install", "--no-index", distributions[1])
    return folder / "bin"


def test_the_guard_works_where_nothing_else_is_installed(installed, tmp_path):
    answer = run(installed / "python", "-c", CHECK, cwd=tmp_path)
    assert answer.startswith("('naming-main',)") and str(installed.parent) in answer


def test_the_command_comes_with_it(installed, tmp_path):
    version = (REPOSITORY / "include/brine/version.h").read_text().split('BRINE_VERSION "')[1].split('"')[0]
    assert run(installed / "brine", "--version").strip() == f"brine {version}"
    (tmp_path / "safe.pickle").write_bytes(pickle.dumps({"a": [1, 2]}))
    (tmp_path / "bad.pickle").write_bytes(b"cposix\nsystem\n(S'id'\ntR.")
    run(installed / "brine", "pickle", "scan", tmp_path / "safe.pickle")
    assert "posix.system" in run(installed / "brine", "pickle", "scan", tmp_path / "bad.pickle", status=1)
    (tmp_path / "shop.wsgi").write_text("import pickle\nclass Item: pass\ndef application(e, s): pickle.dumps(Item())\n")
    assert "Item" in run(installed / "brine", "pickle", "lint", tmp_path / "shop.wsgi", status=1)


@pytest.mark.parametrize("words", [("serve", "shop.wsgi"), ("config", "shop.wsgi"), ("module-location",),
                                   ("migrate", "--check", "httpd.conf")])
def test_what_needs_the_module_says_so(installed, tmp_path, words):
    (tmp_path / "shop.wsgi").write_text("application = None\n")
    answer = run(installed / "brine", *words, status=2, cwd=tmp_path, environment={"PATH": "/nowhere"})
    assert "mod_brine.so is not in" in answer or "httpd was found neither" in answer, answer
    assert "Traceback" not in answer


def test_pytest_finds_the_fixture_by_itself(distributions, tmp_path):
    """An environment that shares this Python's pytest: no `-p`, no conftest.py; and both together do no harm."""
    folder = tmp_path / "fresh"
    venv.create(folder, with_pip=True, system_site_packages=True)
    run(folder / "bin/pip", "install", "--no-index", distributions[1])
    (tmp_path / "test_it.py").write_text(
        "import pickle\n\ndef test_bad(brine_pickle_guard):\n"
        "    try:\n        pickle.dumps(lambda: 0)\n    except Exception:\n        pass\n")
    for words in ((), ("-p", "brine.pytest_plugin")):
        answer = run(folder / "bin/python", "-m", "pytest", "-q", *words, "test_it.py", status=1, cwd=tmp_path)
        assert "the test came upon a pickle hazard" in answer and "1 failed" in answer, answer


SHOP = """\
import pickle
class Item: pass
def application(environ, start_response):
    pickle.dumps(Item())
    pickle.dumps(lambda: 0)  # noqa: BRN102
    return [pickle.dumps({'\u00e4': lambda: 0})]
"""


@pytest.fixture(scope="module")
def flake8(distributions, tmp_path_factory):
    """flake8 in a fresh environment that shares this Python's, with the package: flake8(ARGUMENT...) in a folder."""
    pytest.importorskip("flake8")
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True, system_site_packages=True)
    run(folder / "bin/pip", "install", "--no-index", distributions[1])

    def call(*arguments, cwd, status=1, configured="--isolated"):
        answer = run(folder / "bin/python", "-m", "flake8", configured, "--select=BRN", *arguments, cwd=cwd, status=status)
        return answer.splitlines()

    return call


def test_flake8_finds_the_rules_by_itself(flake8, tmp_path):
    for name in ("shop.wsgi", "wsgi.py", "shop.py"):
        (tmp_path / name).write_text(SHOP)
    hazard = "BRN101 class Item reaches pickle.dumps in line 4: the module of a WSGI script has a name in its own process only"
    local = "BRN102 a lambda reaches pickle.dumps in line 6: pickle cannot find it by its name"
    assert sorted(flake8("shop.wsgi", "wsgi.py", "shop.py", cwd=tmp_path)) == [
        "shop.py:6:32: " + local, "shop.wsgi:2:1: " + hazard, "shop.wsgi:6:32: " + local,
        "wsgi.py:2:1: " + hazard, "wsgi.py:6:32: " + local]
    assert flake8("--disable-noqa", "shop.py", cwd=tmp_path)[0].startswith("shop.py:5:18: BRN102")
    assert "brine: " in " ".join(flake8("--version", cwd=tmp_path, status=0))


def test_flake8_is_told_which_files_are_scripts(flake8, tmp_path):
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites/main.py").write_text(SHOP)
    def codes(*arguments):
        return [line.split()[1] for line in flake8(*arguments, cwd=tmp_path)]
    assert codes("sites") == ["BRN102"]
    assert codes("--wsgi-scripts=*.wsgi,sites/*.py", "sites") == ["BRN101", "BRN102"]
    (tmp_path / "flake8.ini").write_text("[flake8]\nwsgi_scripts =\n    *.wsgi\n    main.py\n")
    lines = flake8("sites", cwd=tmp_path, configured="--config=flake8.ini")
    assert [line.split()[1] for line in lines] == ["BRN101", "BRN102"]


def test_flake8_tells_of_users_where_it_is_asked(flake8, tmp_path):
    (tmp_path / "shop.wsgi").write_text("import pickle, json\n")
    assert flake8("shop.wsgi", cwd=tmp_path, status=0) == []
    assert flake8("--enable-extensions=BRN2", "shop.wsgi", cwd=tmp_path) == [
        "shop.wsgi:1:1: BRN201 imports pickle, which pickles what it is given."]


def test_every_finding_of_lint_has_a_code():
    from brine.pickle_tools.flake8_plugin import CODES
    from brine.pickle_tools.rules import LINT_RULES
    assert set(CODES) == set(LINT_RULES) and len(set(CODES.values())) == len(CODES)


def test_the_source_distribution_has_what_it_needs_and_no_more(distributions):
    with tarfile.open(distributions[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py", "brine/pickle/__init__.py", "src/pickle/guard.cpp",
            "src/cpython/ref.hpp", "include/brine/version.h"} <= names
    assert not {name for name in names if name.startswith(("src/apache", "src/daemon", "mod_wsgi", "brine.in"))}


def test_all_packages_of_the_tree_are_in_the_wheel(distributions, installed):
    """A folder that is added to the tree is added to the package."""
    site = next(Path(installed.parent).glob("lib/python3*/site-packages"))
    def modules(folder):
        return {str(file.relative_to(folder)) for pattern in ("*.py", "*.pyi", "*.wsgi", "py.typed")
                for file in (folder / "brine").rglob(pattern)}
    assert modules(REPOSITORY / "python") == modules(site) - {"brine/_version.py"}


@pytest.mark.parametrize("tag, program", pythons()[1:])
def test_each_further_python_builds_the_guard(tag, program, tree, compiler, tmp_path):
    """Without installing it: Debian's setuptools installs for Debian's own Python alone."""
    run(program, "-m", "venv", tmp_path / "fresh")
    python = tmp_path / "fresh/bin/python"
    run(python, "-m", "pip", "install", "--no-index", "--find-links", DEBIAN_WHEELS, "setuptools", "wheel")
    run(python, "setup.py", "build", "--build-base", tmp_path / "made", "--build-lib", tmp_path / "lib",
        cwd=tree / "python", environment=compiler)
    answer = run(python, "-c", CHECK, cwd=tmp_path, environment={"PYTHONPATH": str(tmp_path / "lib")})
    assert answer.startswith("('naming-main',)") and str(tmp_path / "lib") in answer
    (tmp_path / "bad.pickle").write_bytes(b"cposix\nsystem\n(S'id'\ntR.")
    environment = {"PYTHONPATH": str(tmp_path / "lib")}
    for words, status in ((("--version",), 0), (("pickle", "scan", tmp_path / "bad.pickle"), 1)):
        run(python, "-m", "brine", *words, status=status, environment=environment, cwd=tmp_path)
