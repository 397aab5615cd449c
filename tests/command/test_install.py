"""What `cmake --install` puts where, that it works from there, and that `uninstall` takes it away again.

The files are those of the build under test, in a fresh folder that is configured for a prefix of the test's own: nothing is
compiled, and nothing is written into the build.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from brine.installation import version
from serving import BUILD, REPOSITORY, Serving, write_script

MADE = ("mod_brine.so", "brine-worker", "brine_engine.cpython-*.so", "python/brine/*")


def run(*command, environment=None, code=0):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    assert code is None and result.returncode or result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


def default_python():
    """The version and the program of the build's first engine."""
    launcher = (BUILD / "brine").read_text()
    return re.search(r'default_python="([\d.]+)"', launcher)[1], re.match(r"#!(\S+)", launcher)[1]


@pytest.fixture(scope="module")
def configured(public_folder):
    """configured(NAME, OPTION...): a build folder with the files of the build under test; the prefix is NAME/prefix."""
    if not (BUILD / "mod_brine.so").exists():
        pytest.skip(f"{BUILD} has no mod_brine.so")
    cache = (BUILD / "CMakeCache.txt").read_text()
    generator, compiler = (re.search(f"^{name}:.*=(.*)$", cache, re.MULTILINE)[1]
                           for name in ("CMAKE_GENERATOR", "CMAKE_CXX_COMPILER"))

    def configure(name, *options):
        folder = public_folder / name / "build"
        run("cmake", "-S", REPOSITORY, "-B", folder, "-G", generator, f"-DCMAKE_CXX_COMPILER={compiler}",
            f"-DCMAKE_INSTALL_PREFIX={public_folder / name / 'prefix'}", f"-DBRINE_PYTHONS={default_python()[1]}",
            "-DBRINE_TESTS=OFF", *options)
        tag = default_python()[0].replace(".", "")
        for file in (file for pattern in MADE for file in BUILD.glob(pattern)):
            if file.is_file() and not re.search(rf"\.cpython-(?!{tag}\D)", file.name):
                target = folder / file.relative_to(BUILD)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
        run(default_python()[1], "-B", "-m", "brine.manual", folder / "generated/share",
            environment={"PYTHONPATH": str(REPOSITORY / "python")})
        return folder

    return configure


@pytest.fixture(scope="module")
def build(configured):
    return configured("installed")


def files(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir()}


def test_an_installation_serves_and_goes_away_again(build, folder, runtime):
    prefix = build.parent / "prefix"
    run("cmake", "--install", build)
    there = files(prefix)
    tag = default_python()[0].replace(".", "")
    assert {"bin/brine", "lib/brine/mod_brine.so", "lib/brine/brine-worker", f"lib/brine/brine_engine.cpython-{tag}.so",
            "lib/brine/python/brine/cli.py", f"lib/brine/python/brine-{version()}.dist-info/METADATA", "lib/brine/python/brine/_folders.py", "lib/brine/python/mod_wsgi/__init__.pyi",
            "share/man/man1/brine-serve.1", "share/bash-completion/completions/brine", "share/zsh/site-functions/_brine",
            "share/fish/vendor_completions.d/brine.fish"} <= there
    written = (build / "install_manifest.txt").read_text().split()
    assert all(Path(file).is_relative_to(prefix) for file in written)

    script = write_script(folder / "app.wsgi", 'b"installed"')
    brine = prefix / "bin/brine"
    assert run(brine, "module-location").strip() == str(prefix / "lib/brine/mod_brine.so")
    server = Serving([brine, "serve", script, "--port", "0"], {"XDG_RUNTIME_DIR": str(runtime)})
    try:
        assert server.get() == (200, "installed")
    finally:
        server.end()

    other = prefix / "lib/brine/python/other.py"
    other.write_text("")
    run("cmake", "--build", build, "--target", "uninstall")
    assert files(prefix) == {str(other.relative_to(prefix))}, "files that were installed are left, or another was removed"
    other.unlink()
    assert "Nothing was installed" in run("cmake", "--build", build, "--target", "uninstall", code=None)


def test_destdir_is_honoured_by_both(build, tmp_path):
    prefix = build.parent / "prefix"
    before = files(prefix) if prefix.exists() else set()
    environment = {"PATH": "/usr/bin:/bin", "DESTDIR": str(tmp_path)}
    run("cmake", "--install", build, environment=environment)
    staged = tmp_path / prefix.relative_to("/")
    assert "bin/brine" in files(staged) and files(tmp_path) == {f"{staged.relative_to(tmp_path)}/{file}"
                                                                for file in files(staged)}
    run("cmake", "--build", build, "--target", "uninstall", environment=environment)
    assert files(tmp_path) == set() and not (staged / "lib/brine").exists()
    assert (files(prefix) if prefix.exists() else set()) == before


def test_another_prefix_than_that_of_the_build_is_refused(build, tmp_path):
    said = run("cmake", "--install", build, "--prefix", tmp_path, code=None)
    assert f"-DCMAKE_INSTALL_PREFIX={tmp_path}" in " ".join(said.split()) and not files(tmp_path)


def test_folders_can_be_told(configured, tmp_path):
    """As a package of Debian's has them: the command is told where the engines are."""
    build = configured("told", "-DBRINE_MODULE_DIR=lib/apache2/modules", "-DBRINE_ENGINE_DIR=lib/brine",
                       f"-DBRINE_PYTHON_DIR={tmp_path}/python", "-DCMAKE_INSTALL_MANDIR=man")
    prefix = build.parent / "prefix"
    run("cmake", "--install", build)
    assert {"lib/apache2/modules/mod_brine.so", "lib/brine/brine-worker", "man/man1/brine.1"} <= files(prefix)
    assert not list(prefix.rglob("cli.py")) and (tmp_path / "python/brine/cli.py").exists()
    program = ("import sys; sys.path.insert(0, sys.argv[1]); from brine.installation import find_brine; "
               "found = find_brine(None, None); print(found.module, found.engine(found.default_python), found.pythons())")
    version = default_python()[0]
    engine = prefix / f"lib/brine/brine_engine.cpython-{version.replace('.', '')}.so"
    assert run(default_python()[1], "-I", "-c", program, tmp_path / "python").split(maxsplit=2) == [
        str(prefix / "lib/apache2/modules/mod_brine.so"), str(engine), f"['{version}']\n"]
    (prefix / "lib/apache2/modules/mod_brine.so").unlink()
    assert f"is not in {prefix}/lib/apache2/modules, where it was installed" in run(prefix / "bin/brine", "module-location",
                                                                                    code=2)
    run("cmake", "--build", build, "--target", "uninstall")
    assert not files(prefix) and not (tmp_path / "python/brine").exists()


@pytest.mark.parametrize("prefix, given, usual, other, chosen", [
    ("/usr/local", "", "/usr/lib/apache2/modules", "lib/brine", "/usr/local/lib/brine"),
    ("/usr/local", "", "/usr/local/lib/python3.11/dist-packages", "lib/brine/python",
     "/usr/local/lib/python3.11/dist-packages"),
    ("/usr", "", "/usr/lib/apache2/modules", "lib/brine", "/usr/lib/apache2/modules"),
    ("/usr", "", "/usr/local/lib/python3.11/dist-packages", "lib/brine/python", "/usr/lib/brine/python"),
    ("/usr", "lib/python3/dist-packages", "/usr/x", "lib/brine/python", "/usr/lib/python3/dist-packages"),
    ("/opt/brine", "/usr/lib/apache2/modules", "/usr/lib/apache2/modules", "lib/brine", "/usr/lib/apache2/modules"),
    ("/opt/brine", "", "", "lib64/brine", "/opt/brine/lib64/brine"),
    ("/opt/brine", "", "/opt/brine-httpd/modules", "lib/brine", "/opt/brine/lib/brine"),
    ("/usr/local/apache2", "", "/usr/local/apache2/modules", "lib/brine", "/usr/local/apache2/modules"),
])
def test_the_folder_that_is_chosen(prefix, given, usual, other, chosen, tmp_path):
    script = tmp_path / "choose.cmake"
    script.write_text(f"set(CMAKE_INSTALL_PREFIX {prefix})\ninclude({REPOSITORY}/conf/install/choose-folder.cmake)\n"
                      f'choose_folder(folder "{given}" "{usual}" "{other}")\nmessage(STATUS ${{folder}})\n')
    assert run("cmake", "-P", script).strip() == f"-- {chosen}"


def test_a_plain_build_makes_the_same_bytes_in_any_folder(configured, monkeypatch):
    monkeypatch.delenv("CMAKE_CXX_COMPILER_LAUNCHER", raising=False)
    made = []
    for name in ("one", "another"):
        folder = configured(name)
        if not (folder / "build.ninja").exists():
            pytest.skip("single files are for ninja")
        run("ninja", "-C", folder, "CMakeFiles/mod_brine.dir/src/base/script_file.cpp.o")
        made.append((folder / "CMakeFiles/mod_brine.dir/src/base/script_file.cpp.o").read_bytes())
    assert made[0] == made[1]
    assert str(REPOSITORY).encode() not in made[0]
