"""What conf/debian/prepare makes of CHANGELOG.md and control.in. That the packages work is what tests/packages tries."""

import importlib.machinery
import importlib.util

import pytest

from brine.installation import version
from serving import REPOSITORY

BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
EPOCH = 1893456000  # 2030-01-01


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """The program, where conf/packages puts it: in a folder beside include/."""
    monkeypatch.setenv("DEBFULLNAME", "A. Packager")
    monkeypatch.setenv("DEBEMAIL", "packager@example.org")
    (tmp_path / "include").symlink_to(REPOSITORY / "include")
    path = tmp_path / "debian/prepare"
    path.parent.mkdir()
    path.write_text((REPOSITORY / "conf/debian/prepare").read_text())
    loader = importlib.machinery.SourceFileLoader("prepare", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("prepare", loader))
    loader.exec_module(module)
    return module


def test_what_is_not_released_has_a_version_before_the_release(prepare):
    text = prepare.changelog("# C\n\n## [Unreleased]\n\nWords.\n\n### Added\n\n- [`a`](b.md), and\n  more.\n- c\n", BOOKWORM, EPOCH)
    assert text == (f"brine ({version()}~20300101.000000+deb12) bookworm; urgency=medium\n\n  * a, and more.\n  * c\n\n"
                    " -- A. Packager <packager@example.org>  Tue, 01 Jan 2030 00:00:00 +0000\n")


def test_each_release_is_an_entry(prepare):
    text = prepare.changelog("## [Unreleased]\n\n## [0.2.0] - 2026-12-02\n- x\n\n## [0.1.0] - 2026-11-01\n- y\n", BOOKWORM, EPOCH)
    assert [line for line in text.splitlines() if line.startswith(("brine", " --"))] == [
        "brine (0.2.0+deb12) bookworm; urgency=medium",
        " -- A. Packager <packager@example.org>  Wed, 02 Dec 2026 00:00:00 +0000",
        "brine (0.1.0+deb12) bookworm; urgency=medium",
        " -- A. Packager <packager@example.org>  Sun, 01 Nov 2026 00:00:00 +0000"]


def test_this_changelog_gives_entries_of_debian_s_width(prepare):
    text = prepare.changelog((REPOSITORY / "CHANGELOG.md").read_text(), BOOKWORM, EPOCH)
    assert text.startswith(f"brine ({version()}") and all(len(line) <= 80 for line in text.splitlines())
    assert "](" not in text and "`" not in text


def test_each_python_has_an_engine_of_its_own(prepare):
    text = prepare.control((REPOSITORY / "conf/debian/control.in").read_text(), ["3.13", "3.12"])
    packages = [line.split()[1] for line in text.splitlines() if line.startswith("Package:")]
    assert packages == ["libapache2-mod-brine", "brine-engine-python3.13", "brine-engine-python3.12", "python3-brine", "brine"]
    assert "Depends: ${misc:Depends}, ${shlibs:Depends}, brine-engine-python3.13 (= ${binary:Version})\n" in text
    assert "@" not in text.replace("packager@example.org", "")
