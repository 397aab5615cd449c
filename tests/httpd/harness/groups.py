"""A daemon group as httpd's status page shows it."""

import json
import re
from dataclasses import dataclass

LINE = re.compile(r"BrineGroup\[(?P<group>[^]]*)\]\.(?P<key>[^:]*): (?P<value>.*)")
CONFIG = "<Location /server-status>\nSetHandler server-status\n</Location>\n"


@dataclass(frozen=True)
class Row:
    """One process."""

    pid: int
    state: str
    in_flight: int
    served: int
    age: int


class Group:
    """Asks a server, whose configuration has `groups.CONFIG`, for one group."""

    def __init__(self, server, name="site"):
        self.server, self.name = server, name

    def _values(self):
        text = self.server.get("/server-status?auto").text
        found = (LINE.fullmatch(line) for line in text.splitlines())
        return {match["key"]: match["value"] for match in found
                if match and match["group"] == self.name}

    def count(self, key):
        """A counter, or one of the group's sums."""
        return int(self._values()[key])

    def counters(self):
        """{name: number} of all numbers."""
        return {key: int(value) for key, value in self._values().items() if value.isdigit()}

    def rows(self, *states):
        """The processes, or those in these states."""
        rows = []
        for key, value in self._values().items():
            if not key.startswith("process["):
                continue
            facts = dict(pair.split("=") for pair in value.split())
            row = Row(int(key[8:-1]), facts["state"], int(facts["in-flight"]),
                      int(facts["served"]), int(facts["age"]))
            if not states or row.state in states:
                rows.append(row)
        return rows

    def pids(self):
        """Pids of the processes that are ready."""
        return {row.pid for row in self.rows("ready")}


def serving(start_httpd, workspace, options, text, group, more=""):
    """(A server, its group `site` with these options, the script) that has this text and answers at /app."""
    script = workspace.new_folder() / "scripts" / "app.wsgi"
    script.write_text(text)
    server = start_httpd(
        CONFIG + f"WSGIDaemonProcess site {options}\n"
        f"WSGIScriptAlias /app {script} process-group=site application-group={group}\n" + more)
    return server, Group(server), script


def ask(server, path="/app"):
    """What the script says in JSON."""
    answer = server.get(path)
    assert answer.status == 200
    return json.loads(answer.text)
