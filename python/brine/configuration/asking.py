"""Asking httpd: it reads a configuration, and its answer is taken apart. Nothing is started, no log is opened."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from brine.installation import Brine, Httpd
from brine.refusal import Refusal

_PATIENCE_SECONDS = 120
# Of a message: "AH00526: Syntax error on line 3 of FILE:" with the reason in the next line, or in the same line;
# for a file that is included at a section's start, one such text within another.
_ERROR = re.compile(r"Syntax error on line (\d+) of (.+?)(?::\n|: (?=[^:\n]*[^\n])|:?$)(.*)", re.DOTALL)
_LOGGED = re.compile(r"^\[[^\]]*\] (?:\[[^\]]*\] )+(.*)$")
_OPENING = re.compile(r"^\[[^\]]*\] \[[\w-]+:(\w+)\] ")


@dataclass(frozen=True)
class Record:
    """A line of httpd's log."""

    level: str
    text: str


@dataclass(frozen=True)
class Answer:
    """What httpd has said about a configuration."""

    accepted: bool
    output: str
    messages: str

    @property
    def error(self) -> tuple[int, str, str] | None:
        """Line, file (or macro) and reason of the line at which httpd stopped; None where it names none."""
        start = self.messages.rfind("Syntax error on line ")
        match = _ERROR.match(self.messages, start) if start >= 0 else None
        if not match:
            return None
        source, reason = match[2], match[3].strip()
        return int(match[1]), source, reason.split("\n")[0]

    @property
    def records(self) -> list[Record]:
        """What was logged, with its level."""
        found: list[Record] = []
        for line in self.messages.split("\n"):
            opening, logged = _OPENING.match(line), _LOGGED.match(line)
            if opening and logged:
                found.append(Record(opening[1], logged[1]))
        return found

    @property
    def last_words(self) -> str:
        """What httpd said last, for an error that names no line."""
        lines = [line.strip() for line in self.messages.split("\n") if line.strip()]
        told = [line for line in lines if not re.search(r"AH00014|AH00016|AH01574", line)]
        return re.sub(r"^(\[[^\]]*\] )+", "", told[-1]) if told else "it ended without a word"


class Asker:
    """httpd with mod_brine.so in the place of mod_wsgi.so, and in the environment in which it would be started."""

    def __init__(self, httpd: Httpd, brine: Brine, environment: dict[str, str], defines: list[str]) -> None:
        self._program = httpd.program
        lines = [f"LoadModule wsgi_module {brine.module}"]
        lines += [f"LoadModule {name} {file}" for name, file in httpd.load_lines("info", "env")]
        # What is loaded first stays: httpd skips the configuration's own LoadModule lines of these names.
        self._loading = [word for line in lines for word in ("-C", line)]
        # In the place of the configuration's own, whose folder need not be there for who asks.
        self._loading += ["-c", f"ErrorLog {os.devnull}"]
        self._defines = [word for name in defines for word in ("-D", name)]
        self._environment = environment

    def ask(self, configuration: Path, *dumps: str) -> Answer:
        """`httpd -t` of the copy; `dumps` are names such as DUMP_CONFIG."""
        return self._run([*(word for dump in dumps for word in ("-D", dump)), *self._loading, "-f", str(configuration)])

    def plain(self, configuration: Path) -> Answer:
        """`httpd -t` of the configuration as it is."""
        return self._run(["-f", str(configuration)])

    def _run(self, arguments: list[str]) -> Answer:
        command = [str(self._program), "-t", *self._defines, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS,
                                  env=self._environment)
        except subprocess.TimeoutExpired:
            raise Refusal(f"{self._program} -t took more than {_PATIENCE_SECONDS} seconds to read the "
                          "configuration.") from None
        if done.returncode < 0:
            raise Refusal(f"{self._program} -t was ended by signal {-done.returncode} while it read the configuration.")
        decode = [text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr)]
        return Answer(done.returncode == 0, *decode)


_ASSIGNMENT = re.compile(r"""^\s*(?:export\s+)?([A-Za-z_]\w*)=("[^"]*"|'[^']*'|[^\s;"']*)\s*(?:;.*|#.*)?$""")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")


def variables(text: str, environment: dict[str, str]) -> dict[str, str]:
    """What a file of variables (Debian: envvars) adds to an environment. It is a shell script, and is read, not run:
    plain assignments count, the last of each name; one whose value a command makes does not, and what the environment
    has then stays."""
    result = dict(environment)
    for line in text.split("\n"):
        match = _ASSIGNMENT.match(line)
        if not match or line.lstrip().startswith("#"):
            continue
        name, value = match[1], match[2]
        quote = value[:1] if value[:1] in ("'", '"') else ""
        value = value.strip(quote) if quote else value
        if quote != "'":
            value = _VARIABLE.sub(lambda each: result.get(each[1] or each[2]) or each[3] or "", value)
        is_plain = quote == "'" or not re.search(r"[$`]", value)
        if is_plain and "\0" not in value:  # no environment can have a NUL, which a shell leaves out
            result[name] = value
    return result


def environment_for(configuration: Path, file: str | None) -> dict[str, str]:
    """That in which httpd is started: this command's, and what the file `envvars` beside the configuration says."""
    path = Path(file) if file else configuration.parent / "envvars"
    environment = dict(os.environ)
    try:
        return variables(path.read_text(errors="surrogateescape"), environment)
    except OSError as error:
        if file or path.exists():
            raise Refusal(f"The file of variables {path} cannot be read: {error.strerror}.") from None
        return environment
