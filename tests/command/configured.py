"""A configuration in a folder, and what a command that looks at it says."""

import json
import os
import subprocess

from brine.installation import find_httpd

OLD_MODULE = "/usr/lib/apache2/modules/mod_wsgi_that_is_not_there.so"


class Site:
    """It, and the command."""

    def __init__(self, brine, folder, command):
        self.brine, self.command, self.folder, self.file = brine, command, folder, folder / "httpd.conf"
        httpd = find_httpd()
        loads = [f"LoadModule {name} {file}" for name, file in
                 httpd.load_lines("mpm_event", "authz_core", "alias", "macro", "ssl")]
        user = ["User www-data", "Group www-data"] if os.geteuid() == 0 else []
        self.head = [f'ServerRoot "{folder}"', *loads, *user, "Listen 127.0.0.1:1", "ServerName check.example",
                     "ErrorLog /nonexistent/folder/error.log", "LogLevel crit"]

    def write(self, text, load=f"LoadModule wsgi_module {OLD_MODULE}"):
        self.file.write_text("\n".join([*self.head, load]) + "\n" + text)
        return self

    def line(self, text):
        """The number of the first line that begins so."""
        lines = self.file.read_text().split("\n")
        return next(number for number, line in enumerate(lines, 1) if line.strip().startswith(text))

    def run(self, *arguments, code=None, **options):
        done = subprocess.run([self.brine, self.command, *arguments, self.file], capture_output=True, text=True, **options)
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def report(self, *arguments, code=None, **options):
        return json.loads(self.run("--json", *arguments, code=code, **options))

    def check(self, code=None, *arguments):
        """[(id, severity, message, [(file name, line)])]"""
        report = self.report(*arguments, code=code)
        return [(each["id"], each["severity"], each["message"],
                 [(os.path.basename(place["file"]), place["line"]) for place in each["places"]])
                for each in report["findings"]]
