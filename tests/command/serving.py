"""A `brine serve` under test, the scripts that it serves, and how tests wait."""

import http.client
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from late import DeadlineExceeded

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BRINE_BUILD") or REPOSITORY / "build").resolve()
PATIENCE = 30 * float(os.environ.get("BRINE_TEST_PATIENCE", "1"))
_NEVER = threading.Event()


def poll(condition, what):
    """Waits until the condition gives something true, and returns that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        _NEVER.wait(0.02)
    raise DeadlineExceeded(f"waited {PATIENCE:.0f} seconds for {what}")


def write_script(path, body, before=""):
    """Writes a script whose answer is the expression `body`, in one step as editors do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(f"{before}\n"
                   "def application(environ, start_response):\n"
                   f"    body = {body}\n"
                   "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
                   "    return [body]\n")
    new.chmod(0o644)
    new.replace(path)
    return path


def write_held_script(path, gate):
    """A script whose page `/held` says so in the log, and answers when the file `gate` is there."""
    return write_script(path, "held(environ['PATH_INFO'])", f"""import os, time


def held(url):
    if url == '/held':
        print('a request is held')
        while not os.path.exists({str(gate)!r}):
            time.sleep(0.02)
    return b'answered'
""")


class Serving:
    """The process, its output as it comes, and requests to it. `user`: who runs it (pwd's entry)."""

    def __init__(self, command, environment, user=None, folder=None):
        drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, cwd=folder, env={**os.environ, "NO_COLOR": "", **environment}, **drop)
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, pattern):
        """Waits until the output has the pattern; returns the match."""
        def look():
            return re.search(pattern, self.output, re.MULTILINE) or not self._reader.is_alive()
        poll(look, f"{pattern!r} in:\n{self.output}")
        match = re.search(pattern, self.output, re.MULTILINE)
        assert match, f"no {pattern!r} in:\n{self.output}"
        return match

    @property
    def url(self):
        """The URL that the command printed, without a slash at its end."""
        return self.wait_for(r"^(http://\S+?)/?$")[1]

    def get(self, path="/"):
        """Status and body of a page."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_for_page(self, path, text):
        """Waits until a page has exactly this text."""
        def look():
            try:
                return self.get(path) == (200, text)
            except (OSError, http.client.HTTPException):
                return False
        poll(look, f"{text!r} at {path}; output:\n{self.output}")

    def answers(self):
        """Whether anything still listens at the URL."""
        try:
            self.get()
        except OSError:
            return False
        return True

    def stop(self, number=signal.SIGINT):
        """Sends a signal and returns the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        """The exit code, once all of the output is there."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), "something that the command started still holds its output"
        return code

    def end(self):
        """Whatever the test did: nothing is left running."""
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)
        self._reader.join(PATIENCE)
        self.process.stdout.close()
