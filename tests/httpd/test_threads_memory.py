"""What each thread of a process costs, whether it uses it or not."""

import re
import subprocess

import pytest

pytestmark = pytest.mark.modes("groups")


def test_variables_of_threads_are_small(workspace):
    """glibc makes and clears all of a module's for each thread that uses one of them: httpd's child may have hundreds."""
    if workspace.build.sanitizer:
        pytest.skip("the sanitizers have variables of their own")
    folder = workspace.build.module.parent
    files = [workspace.build.module, folder / "brine-worker", *folder.glob("brine_engine.*.so")]
    assert len(files) >= 3
    for file in files:
        headers = subprocess.run(["readelf", "-lW", file], check=True, capture_output=True, text=True).stdout
        sizes = [int(line.split()[5], 16) for line in headers.splitlines() if re.match(r" +TLS ", line)]
        assert sum(sizes) < 4096, file
