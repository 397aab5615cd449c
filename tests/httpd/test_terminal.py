"""`httpd -X` at a terminal: a debugger talks to whoever sits there."""

import os
import pty
import subprocess
import threading

import pytest

from harness import processes
from harness.deadline import SCALE, until
from harness.server import HTTPD, Server, environment

CONFIG = """
WSGIRestrictStdin On
WSGIRestrictStdout On
WSGIScriptAlias /app {apps}/debugged.wsgi
"""


class Terminal:
    """What a program writes to its terminal, and the keyboard."""

    def __init__(self):
        self.keyboard, self.program_end = pty.openpty()
        self.shown = b""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        try:
            while data := os.read(self.keyboard, 4096):
                self.shown += data
        except OSError:  # the program has ended
            pass

    def expect(self, text):
        until(lambda: text in self.shown, f"{text} on the terminal, which shows {self.shown}")
        self.shown = self.shown.partition(text)[2]

    def type(self, line):
        os.write(self.keyboard, line + b"\n")


class ServerAtTerminal(Server):
    """httpd -X"""

    def _start_process(self):
        self.terminal = Terminal()
        end = self.terminal.program_end
        process = subprocess.Popen(
            [HTTPD, "-f", str(self.folder / "httpd.conf"), "-X"],
            env={**environment(self.workspace.build), "TERM": "dumb"}, cwd=self.folder, stdin=end,
            stdout=end, stderr=end, start_new_session=True)
        os.close(end)
        return process

    def _is_ready(self):
        return processes.listens(self.pid, self.port)


@pytest.fixture
def server(workspace, variant):
    server = ServerAtTerminal(workspace, variant, CONFIG)
    yield server
    problems = server.stop()
    assert not problems


def test_pdb(server):
    terminal = server.terminal
    answers = []
    asking = threading.Thread(target=lambda: answers.append(server.get("/app?stop")))
    asking.start()
    terminal.expect(b"(Pdb)")
    terminal.type(b"answer = 'changed'")
    terminal.expect(b"(Pdb)")
    terminal.type(b"continue")
    asking.join(30 * SCALE)
    assert answers and answers[0].text == "changed"
    terminal.expect(b"printed")
    server.expect_log("to the log")


def test_elsewhere_print_goes_to_the_log(start_httpd):
    server = start_httpd(CONFIG.replace("On", "Off"))
    assert server.get("/app").text == "as it was"
    server.expect_log("printed")
    server.expect_log("to the log")
