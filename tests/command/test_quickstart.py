"""conf/quickstart in a clone whose build is ready: what it asks for, where it serves, what it leaves.

The clone is made of copies; a stand-in for cmake notes that it was called.
"""

import os
import shutil
import subprocess

import pytest

from ports import free_port
from serving import PATIENCE, REPOSITORY, Serving, poll


class Quickstart(Serving):
    """A running conf/quickstart."""

    def __init__(self, clone, runtime, directory, path):
        self.port = free_port()
        environment = {"PORT": str(self.port), "XDG_RUNTIME_DIR": str(runtime), "PATH": path}
        before = os.getcwd()
        os.chdir(directory)
        try:
            super().__init__([clone / "conf/quickstart"], environment)
        finally:
            os.chdir(before)


@pytest.fixture
def clone(brine, folder):
    """A clone under a path with blanks."""
    root = folder / "a clone"
    (root / "build").mkdir(parents=True)
    (root / "build/build.ninja").touch()
    for file in brine.parent.iterdir():
        shutil.copy(file, root / "build")
    for part in ("conf/quickstart", "docs/examples/hello.wsgi", "src/engine/probe_python.py"):
        (root / part).parent.mkdir(parents=True)
        shutil.copy(REPOSITORY / part, root / part)
    return root


@pytest.fixture
def stand_ins(folder):
    """A PATH that begins with stand-ins for what the test must not really do."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("cmake", "apt-get", "sudo"):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/calls"\n')
        tool.chmod(0o755)
    return tools


@pytest.fixture
def quickstart(clone, runtime, folder, stand_ins):
    """quickstart(): the script, run from another directory."""
    running = []

    def start():
        running.append(Quickstart(clone, runtime, folder, f"{stand_ins}:/usr/bin:/bin"))
        return running[-1]

    yield start
    for server in running:
        server.end()


def calls(folder):
    return (folder / "calls").read_text().splitlines()


def copies():
    """Folders that quickstart has made for httpd's user."""
    return {name for name in os.listdir("/tmp") if name.startswith("brine-quickstart.")}


def test_it_serves_the_page(quickstart, clone, folder):
    server = quickstart()
    assert server.url == f"http://127.0.0.1:{server.port}"
    status, page = server.get()
    assert status == 200 and "Hello from Brine" in page
    assert str(clone / "docs/examples/hello.wsgi") in page
    assert calls(folder) == [f"cmake --build {clone}/build --target quickstart"]
    assert server.stop() == 0
    assert not server.answers()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_clone_that_httpd_s_user_cannot_reach(quickstart, clone):
    clone.chmod(0o700)
    before = copies()
    server = quickstart()
    page = clone / "docs/examples/hello.wsgi"
    status, text = server.get()
    assert status == 200 and str(page) in text
    page.write_text(page.read_text().replace("Hello from Brine", "Changed in the clone"))
    poll(lambda: "Changed in the clone" in server.get()[1], "the copy to follow")
    assert server.stop() == 0
    poll(lambda: copies() <= before, "the copies to go")  # those of other runs come and go


@pytest.fixture
def without_ninja(stand_ins):
    """A PATH on which everything is but ninja."""
    for name in os.listdir("/usr/bin"):
        if not (stand_ins / name).exists() and name != "ninja":
            (stand_ins / name).symlink_to(f"/usr/bin/{name}")
    return stand_ins


def run(clone, path, *arguments):
    """Runs the script to its end, which comes at the latest with a port that is none."""
    return subprocess.run([clone / "conf/quickstart", *arguments], env={"PATH": str(path), "PORT": "none"}, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)


def test_missing_packages_are_installed_and_nothing_else(clone, folder, without_ninja):
    answer = run(clone, without_ninja)
    install = "apt-get -q install -y --no-install-recommends ninja-build"
    expected = install if os.geteuid() == 0 else f"sudo env DEBIAN_FRONTEND=noninteractive {install}"
    assert [line for line in calls(folder) if "install" in line] == [expected]
    assert "Installing from Debian's packages: ninja-build" in answer.stdout


def test_packages_that_cannot_be_installed(clone, without_ninja):
    for name in ("apt-get", "sudo"):
        (without_ninja / name).write_text("#!/bin/sh\nexit 100\n")
    answer = run(clone, without_ninja)
    assert answer.returncode == 1
    assert answer.stderr == ("quickstart: Debian's packages ninja-build could not be installed; "
                             "apt-get says why above.\n")


def test_packages_are_made_and_installed(clone, folder, stand_ins):
    made = clone / "build/packages"
    (clone / "conf/packages").write_text(f"""#!/bin/sh
echo "packages $*" >> "{folder}/calls"
mkdir -p "$1"
touch "$1/brine_0.0_all.deb"
printf 'Files:\\n aa 1 web optional brine_0.1_all.deb\\n aa 1 web optional brine-dbgsym_0.1_amd64.deb\\n' > "$1/brine_0.1.changes"
""")
    (clone / "conf/packages").chmod(0o755)
    tool = stand_ins / "dpkg-query"  # all but one are installed
    tool.write_text('#!/bin/sh\nfor name; do :; done\n[ "$name" = debhelper ] || echo installed\n')
    tool.chmod(0o755)
    answer = run(clone, f"{stand_ins}:/usr/bin:/bin", "--package")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    called = [line.removeprefix("sudo env DEBIAN_FRONTEND=noninteractive ") for line in calls(folder)
              if "install" in line or line.startswith("packages ")]
    install = "apt-get -q install -y --no-install-recommends "
    assert called == [f"{install}debhelper", f"packages {made}", f"{install}{made}/brine_0.1_all.deb"]
    assert "Installed. brine serve" in answer.stdout


def test_another_word_is_refused(clone, stand_ins):
    answer = run(clone, f"{stand_ins}:/usr/bin:/bin", "--packages")
    assert answer.returncode == 1 and "--packages is neither" in answer.stderr
