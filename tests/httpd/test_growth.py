"""Many virtual hosts and daemon groups in one httpd: each costs the same, and little."""

import re
from pathlib import Path

import pytest

from harness import processes
from harness.deadline import until

pytestmark = pytest.mark.modes("groups")

GROUPS = 40
HOSTS = 5  # of each group
HOST = """
<VirtualHost *>
ServerName site{number}.example
WSGIScriptAlias / {{apps}}/hello.wsgi process-group=group{group} application-group=%{{{{GLOBAL}}}}
</VirtualHost>
"""


def config(groups):
    return "".join(f"WSGIDaemonProcess group{group} threads=1\n" for group in range(groups)) + \
        "".join(HOST.format(number=number, group=number % groups) for number in range(groups * HOSTS))


def heap_kib(pid):
    """What a process has of its own: its heap, and memory that no file is behind."""
    text = Path(f"/proc/{pid}/smaps").read_text()
    areas = re.findall(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ 0 *(\[heap\])?\n(?:.*\n)*?Rss: +(\d+) kB", text, re.M)
    return sum(int(size) for _, size in areas)


def seen(start_httpd, groups):
    """The server, when each group has answered; heap and descriptors of httpd's first process; its child."""
    server = start_httpd(config(groups))
    for number in range(groups):
        assert server.get("/", Host=f"site{number}.example").status == 200
    child = min((pid for pid in server.children() if not processes.children(pid)),
                key=lambda pid: len(processes.descriptors(pid)))
    return server, heap_kib(server.pid), len(processes.descriptors(server.pid)), child


def test_many_groups_and_hosts(start_httpd):
    few, few_heap, few_files, _ = seen(start_httpd, 2)
    few.stop()
    many, heap, files, child = seen(start_httpd, GROUPS)
    assert files - few_files == GROUPS - 2, "a group takes one descriptor of httpd's first process"
    # Of connections to daemon processes that are kept for the next request, each is closed when none has come.
    until(lambda: len(processes.descriptors(child)) <= files, "a child keeps no connection for each group", 30)
    if not many.workspace.build.sanitizer:  # keeps freed memory
        assert (heap - few_heap) / (GROUPS - 2) < 60, f"KiB of a group and its {HOSTS} hosts: {few_heap}, {heap}"
