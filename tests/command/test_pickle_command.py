"""The commands `brine pickle scan` and `brine pickle lint`: files, formats and exit codes."""

import copy
import functools
import io
import json
import os
import pickle
import subprocess
import sys
import types
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import pytest

import brine.pickle
from brine import cli
from brine.installation import version
from brine.pickle_tools import command
from brine.pickle_tools.apart import Ended, apart
from brine.pickle_tools.finding import Finding
from brine.pickle_tools.formats import render
from brine.pickle_tools.formats.sarif import uri
from brine.pickle_tools.result import Failure, Outcome, Result, Totals
from brine.pickle_tools.rules import RULES
from serving import BUILD

ROOT = Path(__file__).resolve().parents[2]
CLEAN = "def application(environ, start_response):\n    return []\n"
AT_RISK = "import pickle\nclass Item: pass\npickle.dumps(Item())\n"


@dataclass(frozen=True)
class Global:
    """As brine.pickle._scan.ScannedGlobal."""

    module: str
    name: str
    position: int = 3
    opcode: str = "GLOBAL"
    kind: str = "safe"
    resolves_to: str = "class in /usr/lib/python3/x.py:1"
    message: str = ""
    remedy: str = ""


class FakeScan:
    """In the place of brine.pickle._scan: keeps what it was given, answers with what it was told."""

    def __init__(self):
        self.blocks, self.allowed = [], []
        self.answer = types.SimpleNamespace(globals=[], error=None, position=0, pickles=1, end=0)

    Lookup = dict

    def scan_blocks(self, blocks, allow=(), look_up=None):
        self.blocks.append([len(block) for block in blocks])
        self.allowed.append(list(allow))
        return self.answer


@pytest.fixture
def scanner(monkeypatch):
    fake = FakeScan()
    monkeypatch.setattr(brine.pickle, "_scan", fake, raising=False)
    return fake


@pytest.fixture
def blob(tmp_path):
    path = tmp_path / "blob.pickle"
    path.write_bytes(b"12345678")
    return str(path)


@pytest.fixture
def scripts(tmp_path):
    """Names of scripts by their kinds."""
    for name, text in {"clean": CLEAN, "risk": AT_RISK, "broken": "def f(:\n"}.items():
        (tmp_path / f"{name}.wsgi").write_text(text)
    return {name: str(tmp_path / f"{name}.wsgi") for name in ("clean", "risk", "broken", "missing")}


def run(*arguments):
    return cli.main(["pickle", *arguments])


def output(capsys, *arguments):
    """Exit code, standard output and standard error."""
    code = run(*arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# Exit codes


@pytest.mark.parametrize("kinds, code", [
    (["clean"], 0), (["clean", "clean"], 0), (["risk"], 1), (["clean", "risk", "clean"], 1), (["broken"], 2),
    (["missing"], 2), (["broken", "risk"], 2), (["risk", "missing", "clean"], 2)])
def test_the_worst_file_decides_the_exit_code(kinds, code, scripts, capsys):
    got, out, err = output(capsys, "lint", *(scripts[kind] for kind in kinds))
    assert got == code
    assert ("risk" in kinds) == ("naming-script" in out)  # one that cannot be read does not stop the others
    assert (code == 2) == bool(err)


@pytest.mark.parametrize("kind, code", [
    ("safe", 0), ("runs-code", 1), ("computed", 1), ("unknown", 3), ("naming-script", 4), ("naming-main", 4),
    ("restore-no-module", 5), ("restore-no-attribute", 5)])
def test_each_kind_of_global(kind, code, scanner, blob, capsys):
    scanner.answer.globals = [Global("shop", "Cart", kind=kind, message="is it so?", remedy="Do it.")]
    got, out, _ = output(capsys, "scan", blob)
    assert got == code
    assert "shop.Cart (class in /usr/lib/python3/x.py:1)" in out  # the safe ones too
    assert ("is it so?" in out) == (code != 0)


@pytest.mark.parametrize("kinds, broken, code", [
    (["unknown", "runs-code", "safe"], False, 1), (["restore-no-module", "unknown"], False, 3),
    (["restore-no-module", "naming-main"], False, 4), (["restore-no-module"], True, 2), (["safe"], True, 2),
    (["runs-code"], True, 1)])
def test_the_worst_grade_decides(kinds, broken, code, scanner, blob, capsys):
    scanner.answer.globals = [Global("shop", "Cart", kind=kind) for kind in kinds]
    scanner.answer.error = "ends in the middle of a pickle" if broken else None
    assert output(capsys, "scan", blob)[0] == code


def test_notes_do_not_count(tmp_path, capsys):
    script = tmp_path / "app.wsgi"
    script.write_text("import pickle\npickle.dumps({})\n" + CLEAN)
    code, out, _ = output(capsys, "lint", str(script))
    assert code == 0
    assert out.endswith("app.wsgi: clean, 1 note\n")


@pytest.mark.parametrize("arguments", [
    [], ["scan"], ["lint"], ["dump", "x"], ["scan", "x", "--format", "xml"], ["scan", "x", "--limit", "0"],
    ["scan", "x", "--limit", "4T"], ["scan", "x", "--limit", "-1"], ["scan", "x", "--limit", ""],
    ["scan", "x", "--allow", ""], ["scan", "x", "--allow", "a b"], ["scan", "x", "--allow", "a."],
    ["lint", "x", "--allow", "a"], ["lint", "x", "--limit", "1"]])
def test_command_lines_that_make_no_sense(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert "usage: brine" in capsys.readouterr().err


# Files that cannot be read or understood


def test_a_syntax_error_is_told_with_its_line(scripts, capsys):
    code, _, err = output(capsys, "lint", scripts["broken"])
    assert code == 2
    assert err.startswith(f"brine: {scripts['broken']}:1:")
    assert "invalid syntax" in err


@pytest.mark.parametrize("command", ["lint", "scan"])
def test_files_that_are_none(command, tmp_path, scanner, capsys):
    wrong = [(tmp_path / "missing", "No such file"), ("a\0b", "null")]
    for path, words in wrong + ([(tmp_path, "Is a directory")] if command == "lint" else []):
        code, out, err = output(capsys, command, str(path))
        assert code == 2
        assert "cannot be read" in err and words in err
        assert err.count("\n") == 1
        assert out.count("\n") == 1 and out.endswith(": error\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_the_caller_may_not_read(scripts, capsys):
    os.chmod(scripts["clean"], 0)
    code, _, err = output(capsys, "lint", scripts["clean"])
    assert code == 2 and "Permission denied" in err


def test_a_broken_stream_is_an_error_and_what_was_found_before_counts(scanner, blob, capsys):
    scanner.answer.globals = [Global("shop", "Cart", kind="restore-no-module", message="there is no module shop.")]
    scanner.answer.error, scanner.answer.position = "ends in the middle of a pickle", 8
    code, out, err = output(capsys, "scan", blob)
    assert code == 2
    assert "there is no module shop." in out
    assert out.endswith("blob.pickle: error, grade missing, 1 hazard, 1 pickle with 1 global\n")
    assert err == f"brine: {blob}:8: ends in the middle of a pickle\n"


def test_nothing_is_no_pickle(scanner, blob, capsys):
    scanner.answer.pickles = 0
    code, _, err = output(capsys, "scan", blob)
    assert code == 2 and "is empty" in err


# How much is read


def test_files_are_read_in_blocks(scanner, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(5 << 19))
    assert run("scan", str(path)) == 0
    assert scanner.blocks == [[1 << 20, 1 << 20, 1 << 19]]


@pytest.mark.parametrize("limit, read, code", [
    ("8", [8], 0), ("9", [8], 0), ("7", [7], 2), ("1", [1], 2), ("1k", [8], 0)])
def test_no_more_is_read_than_the_limit(limit, read, code, scanner, blob, capsys):
    got, _, err = output(capsys, "scan", "--limit", limit, blob)
    assert got == code
    assert scanner.blocks == [read]
    assert (f"longer than the limit of {limit} bytes" in err) == (code == 2)


@pytest.mark.parametrize("text, size", [("1", 1), ("10k", 10 << 10), ("3M", 3 << 20), ("4G", 4 << 30)])
def test_sizes(text, size):
    assert command.Size()(text) == size


def test_an_endless_file_ends_at_the_limit(scanner, capsys):
    code, _, err = output(capsys, "scan", "--limit", "3M", "/dev/zero")
    assert code == 2 and "limit" in err
    assert sum(scanner.blocks[0]) == 3 << 20


def test_standard_input(scanner, tmp_path, monkeypatch, capsys):
    path = tmp_path / "in"
    path.write_bytes(b"abc")
    scanner.answer.globals = [Global("os", "system", kind="runs-code", message="m")]
    with path.open("rb") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        code, out, _ = output(capsys, "scan", "-")
    assert code == 1
    assert scanner.blocks == [[3]]
    assert out.startswith("<stdin>:3: error restore-runs-code: os.system (")


def test_what_the_caller_trusts_is_passed_on(scanner, blob):
    run("scan", blob, "--allow", "shop.models", "--allow", "decimal.Decimal")
    assert scanner.allowed == [["shop.models", "decimal.Decimal"]]


# Formats


def test_text(scripts, capsys):
    code, out, err = output(capsys, "lint", scripts["risk"])
    path = scripts["risk"]
    assert (code, err) == (1, "")
    assert out == (
        f"{path}:1:1: note pickle-user: imports pickle, which pickles what it is given.\n"
        "    Keep to built-in types and to classes of imported modules in what goes there.\n"
        f"{path}:2:1: error naming-script: an instance of class Item, defined in this WSGI script, reaches "
        "pickle.dumps in line 3. A script's module name exists in its own process only, so the pickle cannot be loaded "
        "by another one.\n"
        "    Move class Item into a module on sys.path and import it from the script.\n"
        f"{path}: 1 hazard, 1 note\n")


def test_text_of_scan_lists_every_global_in_order(scanner, capsys, blob):
    scanner.answer.globals = [Global("a", "A", 1), Global("b", "B", 2, kind="unknown", message="why", remedy="Do."),
                              Global("c", "C", 3)]
    code, out, _ = output(capsys, "scan", blob)
    assert code == 3
    assert out == (f"{blob}:1: ok: a.A (class in /usr/lib/python3/x.py:1)\n"
                   f"{blob}:2: warning restore-unknown: b.B (class in /usr/lib/python3/x.py:1): why\n    Do.\n"
                   f"{blob}:3: ok: c.C (class in /usr/lib/python3/x.py:1)\n"
                   f"{blob}: grade unknown, 1 hazard, 1 pickle with 3 globals\n")


def test_nothing_in_a_pickle_or_a_path_acts_upon_the_terminal(scanner, tmp_path, capsys):
    path = tmp_path / "a\x1b[2Jb\nc"
    path.write_bytes(b"x")
    hostile = Global("\x1b]0;x\x07", "\x9b31m\r\n", kind="unknown", message="\x1b[31m", remedy="\x08")
    scanner.answer.globals = [hostile]
    scanner.answer.error = "is \x1b[1m"
    _, out, err = output(capsys, "scan", str(path))
    assert out.count("\n") == 3 and err.count("\n") == 1
    assert not any(character < " " and character != "\n" or "\x7f" <= character < "\xa0" for character in out + err)


def test_text_that_the_terminal_s_encoding_lacks(scanner, blob, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    scanner.answer.globals = [Global("caf\xe9", "\udcff")]
    assert run("scan", blob) == 0
    assert b"caf\\xe9.\\udcff" in raw.getvalue()


def test_json_of_lint(scripts, capsys):
    code, out, _ = output(capsys, "lint", "--format", "json", *scripts.values())
    document = json.loads(out)
    assert document["brine"] == version()
    assert (document["command"], document["exit_code"], code) == ("lint", 2, 2)
    assert [(file["file"], file["verdict"]) for file in document["files"]] == [
        (scripts["clean"], "clean"), (scripts["risk"], "findings"), (scripts["broken"], "error"),
        (scripts["missing"], "error")]
    note, hazard = document["files"][1]["findings"]
    assert note["severity"] == "note"
    assert {key: hazard[key] for key in ("id", "severity", "line", "column", "offset")} == {
        "id": "naming-script", "severity": "error", "line": 2, "column": 1, "offset": None}
    assert hazard["details"]["reaches_line"] == 3
    assert document["files"][2]["errors"][0]["line"] == 1
    assert "No such file" in document["files"][3]["errors"][0]["reason"]
    assert all("globals" not in file for file in document["files"])


def test_json_of_scan_lists_every_global(scanner, blob, capsys):
    scanner.answer.globals = [Global("builtins", "set"),
                              Global("shop", "Cart", 17, "STACK_GLOBAL", "unknown", "x", "m", "r")]
    scanner.answer.pickles = 2
    _, out, _ = output(capsys, "scan", "--format", "json", blob)
    file, = json.loads(out)["files"]
    assert file["pickles"] == 2
    assert [each["name"] for each in file["globals"]] == ["set", "Cart"]
    assert file["globals"][1] == {"module": "shop", "name": "Cart", "position": 17, "opcode": "STACK_GLOBAL",
                                  "kind": "unknown", "resolves_to": "x", "message": "m", "remedy": "r", "member": ""}
    finding, = file["findings"]
    assert (finding["id"], finding["offset"], finding["line"]) == ("restore-unknown", 17, None)


def records(text):
    """The objects of JSON lines."""
    assert text.endswith("\n")
    return [json.loads(line) for line in text[:-1].split("\n")]


def test_json_lines_say_what_the_json_document_says(scripts, capsys):
    """Another form of the same facts: a line for each, in the order in which they are told."""
    code, out, err = output(capsys, "lint", "--format", "jsonl", *scripts.values())
    *lines, end = records(out)
    assert end == {"type": "run", "brine": version(), "command": "lint", "exit_code": code}
    document = json.loads(output(capsys, "lint", "--format", "json", *scripts.values())[1])
    files = []
    for line in lines:
        type_, name = line.pop("type"), line.pop("file")
        if not files or files[-1]["file"] != name:
            files.append({"file": name, "errors": [], "findings": []})
        if type_ == "file":
            files[-1] |= line
        else:
            files[-1][f"{type_}s"].append(line)
    assert files == document["files"]
    assert code == document["exit_code"] == 2 and err.count("\n") == 2


def test_json_lines_of_scan(scanner, tmp_path, capsys):
    folder = tmp_path / "cache"
    folder.mkdir()
    for name in ("a.pickle", "b\nc.pickle"):
        (folder / name).write_bytes(b"12345678")
    scanner.answer.globals = [Global("builtins", "set"), Global("shop", "Ca\nrt", 17, kind="unknown", message="m\u2028")]
    code, out, _ = output(capsys, "scan", "--format", "jsonl", str(folder))
    *lines, end = records(out)
    assert [line["type"] for line in lines] == ["finding", "file"] * 2
    assert [(line["id"], line["offset"]) for line in lines[::2]] == [("restore-unknown", 17)] * 2
    assert lines[3]["file"] == str(folder / "b\nc.pickle")
    assert [each["name"] for each in lines[1]["globals"]] == ["set", "Ca\nrt"]
    assert (lines[1]["grade"], lines[1]["verdict"], lines[1]["pickles"]) == ("unknown", "findings", 1)
    assert end["exit_code"] == code == 3 and end["totals"]["files"] == 2
    assert out.isascii()  # so that no reader takes another character for the end of a line


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif"])
def test_documents_are_unicode(form, scanner, tmp_path, capsys):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(path).write_bytes(b"x")
    scanner.answer.globals = [Global("a\ud800", "b", kind="unknown", message="m\udfff")]
    _, out, _ = output(capsys, "scan", "--format", form, path)
    for each in records(out) if form == "jsonl" else [json.loads(out)]:
        json.dumps(each, ensure_ascii=False).encode()  # raises for a lone surrogate


# SARIF 2.1.0: its schema, and what its sections say `shall`

SCHEMA = BUILD / "sarif-2.1.0.json"  # tests/run gets it


@functools.lru_cache
def schema():
    """A validator; None where the schema is not there."""
    if not SCHEMA.exists():
        return None
    jsonschema = pytest.importorskip("jsonschema")
    contents = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(contents)
    validator.check_schema(contents)
    return validator(contents, format_checker=jsonschema.FormatChecker())


def check_text(message):
    assert isinstance(message, dict) and message["text"]  # 3.11.8, 3.12.3


def check_location(location):
    physical = location["physicalLocation"]  # 3.28.3
    assert set(physical) <= {"artifactLocation", "region"}  # 3.29.2: one of address and artifactLocation
    assert set(physical["artifactLocation"]) == {"uri"}  # 3.4.2: one of uri and index
    assert " " not in physical["artifactLocation"]["uri"]
    region = physical.get("region")
    if region is not None:  # 3.30.2: a text region begins with startLine, a binary one with byteOffset
        assert ("startLine" in region) != ("byteOffset" in region)
        assert region.get("startLine", 1) >= 1 and region.get("startColumn", 1) >= 1
        assert region.get("byteOffset", 0) >= 0 and region.get("byteLength", 0) >= 0
        assert set(region) <= ({"startLine", "startColumn"} if "startLine" in region else {"byteOffset", "byteLength"})


def check_rule(rule):
    assert rule["id"]  # 3.49.3
    for part in ("shortDescription", "fullDescription", "help"):
        check_text(rule[part])
    assert rule["shortDescription"]["text"].count(". ") == 0  # 3.49.9: a single sentence
    assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")  # 3.50.3
    assert "helpUri" not in rule


def check_sarif(log):
    if schema():
        schema().validate(log)
    assert log["version"] == "2.1.0"  # 3.13.2
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")  # 3.13.3
    run, = log["runs"]  # 3.13.4
    driver = run["tool"]["driver"]  # 3.14.6, 3.18.2
    assert driver["name"] == "brine" and driver["version"] == version()  # 3.19.8, 3.19.13
    rules = driver["rules"]
    for rule in rules:
        check_rule(rule)
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")  # 3.14.17
    invocation, = run["invocations"]
    assert isinstance(invocation["executionSuccessful"], bool)  # 3.20.14
    for notification in invocation.get("toolExecutionNotifications", []):
        check_text(notification["message"])  # 3.58.5
        assert notification["level"] in ("none", "note", "warning", "error")  # 3.58.6
        for location in notification["locations"]:
            check_location(location)
    assert isinstance(run["results"], list)  # 3.14.23: an empty array if nothing was found
    for result in run["results"]:
        check_text(result["message"])  # 3.27.11
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]  # 3.27.6
        assert result["level"] in ("none", "note", "warning", "error")  # 3.27.10
        for location in result["locations"] + result.get("relatedLocations", []):
            check_location(location)
        assert isinstance(result.get("properties", {}), dict)
    return run


def test_the_schema_refuses_what_is_no_sarif(scripts, capsys):
    """So that a log that passes says something."""
    if not schema():
        pytest.skip(f"{SCHEMA} is not there: tests/run gets it where there is npm")
    log = json.loads(output(capsys, "lint", "--format", "sarif", scripts["risk"])[1])
    schema().validate(log)
    for break_it in (lambda run: run["results"][0].pop("message"), lambda run: run["results"][0].update(level="high"),
                     lambda run: run["invocations"][0].pop("executionSuccessful"),
                     lambda run: run["tool"]["driver"].update(rule=[]),
                     lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0)):
        broken = copy.deepcopy(log)
        break_it(broken["runs"][0])
        assert list(schema().iter_errors(broken))


def test_sarif_of_everything(scanner, tmp_path, capsys):
    """Members, failures, strange names and a place for each: whatever the commands can say."""
    (tmp_path / "a b\x1f\udcff").write_bytes(b"x")
    finding = Finding("restore-unknown", "warning", "m", "", "x y/\udcff", offset=7, member="a/b \udc00",
                      details={"grade": "unknown", "module": "\ud800"})
    failures = [Failure("is broken"), Failure("is none", offset=3), Failure("is", 2, 5), Failure("was", offset=1, member="m")]
    for command_ in ("scan", "lint"):
        results = [Result("x y/\udcff", [finding] if command_ == "scan" else [], failures), Result("/", [], [])]
        outcome = Outcome(command_, results, 2, Totals())
        check_sarif(json.loads(render("sarif", outcome)))


def test_sarif_of_lint(scripts, capsys):
    code, out, _ = output(capsys, "lint", "--format", "sarif", *scripts.values())
    run_ = check_sarif(json.loads(out))
    assert code == 2 and run_["invocations"][0]["exitCode"] == 2
    assert not run_["invocations"][0]["executionSuccessful"]
    broken, missing = run_["invocations"][0]["toolExecutionNotifications"]
    assert broken["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    assert "region" not in missing["locations"][0]["physicalLocation"]
    note, hazard = run_["results"]
    assert (note["level"], hazard["level"], hazard["ruleId"]) == ("note", "error", "naming-script")
    place = hazard["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"file://{scripts['risk']}"
    assert place["region"] == {"startLine": 2, "startColumn": 1}
    assert hazard["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_sarif_of_scan(scanner, blob, capsys):
    kinds = ["safe", "unknown", "naming-script", "naming-main", "restore-no-module", "restore-no-attribute", "computed"]
    scanner.answer.globals = [Global("m", kind, 10 + index, kind=kind, message="m") for index, kind in enumerate(kinds)]
    code, out, _ = output(capsys, "scan", "--format", "sarif", blob)
    run_ = check_sarif(json.loads(out))
    assert code == 1 and run_["invocations"][0] == {"executionSuccessful": True, "exitCode": 1}
    assert [result["ruleId"] for result in run_["results"]] == [
        "restore-unknown", "naming-script", "naming-main", "restore-no-module", "restore-no-attribute",
        "restore-computed"]
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in run_["results"]]
    assert regions[0] == {"byteOffset": 11, "byteLength": 0}


def test_sarif_of_nothing(scripts, capsys):
    _, out, _ = output(capsys, "lint", "--format", "sarif", scripts["clean"])
    assert check_sarif(json.loads(out))["results"] == []


@pytest.mark.parametrize("path, wanted", [
    ("app.wsgi", "app.wsgi"), ("a b/c#d?e%f:g.wsgi", "a%20b/c%23d%3Fe%25f%3Ag.wsgi"),
    ("/srv/caf\xe9", "file:///srv/caf%C3%A9"), ("<stdin>", "%3Cstdin%3E"), ("\udcff", "%FF")])
def test_uris(path, wanted):
    assert uri(path) == wanted


def test_every_rule_can_be_rendered():
    findings = [Finding(id_, rule.severity, "m", "r", "f", 1, 1) for id_, rule in RULES.items()]
    for name in ("scan", "lint", "check"):
        known = [finding for finding in findings
                 if render("sarif", Outcome(name, [], 0)).count(f'"{finding.id}"')]
        assert known
        check_sarif(json.loads(render("sarif", Outcome(name, [Result("f", known, [Failure("x")])], 2))))
    in_all = {finding.id for finding in findings}
    listed = {rule["id"] for name in ("scan", "lint", "check") for rule in
              json.loads(render("sarif", Outcome(name, [], 0)))["runs"][0]["tool"]["driver"]["rules"]}
    assert listed == in_all


# The command itself


def python(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, **options)


def test_other_commands_do_not_import_what_is_of_pickle():
    code = ("import sys; from brine.cli import main\n"
            "try: main(['--help'])\nexcept SystemExit: pass\n"
            "print([name for name in sys.modules if name.startswith('brine.pickle')])")
    answer = python("-c", code)
    assert answer.stdout.endswith("[]\n"), answer.stderr
    assert "\n    pickle " in answer.stdout


def test_lint_works_without_the_extension_module(scripts):
    code = ("import sys; sys.modules['brine._guard'] = None\n"  # to import it is an ImportError
            "from brine.cli import main; sys.exit(main(sys.argv[1:]))")
    answer = python("-c", code, "pickle", "lint", scripts["risk"])
    assert answer.returncode == 1, answer.stderr
    assert "naming-script" in answer.stdout


def test_the_command_of_a_build_lints(brine, folder):
    (folder / "app.wsgi").write_text(AT_RISK)
    answer = subprocess.run([brine, "pickle", "lint", "app.wsgi"], capture_output=True, text=True, cwd=folder)
    assert answer.returncode == 1, answer.stderr
    assert answer.stdout.splitlines()[-1] == "app.wsgi: 1 hazard, 1 note"


def test_the_command_of_a_build_scans(brine, folder):
    (folder / "good").write_bytes(pickle.dumps(OrderedDict(a={1, 2})))
    (folder / "bad").write_bytes(b"cshop.nowhere\nCart\n.")
    (folder / "none").write_bytes(b"hello")
    for names, code in ((["good"], 0), (["good", "bad"], 5), (["bad", "none", "good"], 2)):
        answer = subprocess.run([brine, "pickle", "scan", *names], capture_output=True, text=True, cwd=folder)
        assert answer.returncode == code, answer.stdout + answer.stderr
        assert len(answer.stdout.splitlines()) >= 2 * len(names) - names.count("none")
    answer = subprocess.run([brine, "pickle", "scan", "--format", "sarif", "-"], capture_output=True,
                            input=b"cshop.nowhere\nCart\n.", cwd=folder)
    result, = check_sarif(json.loads(answer.stdout))["results"]
    assert result["ruleId"] == "restore-no-module"


@pytest.mark.parametrize("source, code, words", [
    ("obj = [1, {2}]", 0, "clean"), ("def obj(): return {'a': 1}", 0, "clean"),
    ("class Bad(Exception):\n    def __init__(self, a, b): super().__init__(a)\nobj = Bad(1, 2)", 1,
     "error restore-signature: "),
    ("class State:\n    x = 1\n    def __getstate__(self): return 1\n    def __setstate__(self, state): raise KeyError(1)\n"
     "obj = State", 1, "error restore-fails: "),
    ("obj = 1/0", 2, ""), ("other = 1", 2, "")], ids=["value", "function", "signature", "state", "raises", "missing"])
def test_check_of_a_module(tmp_path, source, code, words):
    tmp_path.joinpath("checked.py").write_text(source)
    run = subprocess.run([BUILD / "brine", "pickle", "check", "checked:obj"], cwd=tmp_path,
                         capture_output=True, text=True)
    assert (run.returncode, words in run.stdout) == (code, True), run.stdout + run.stderr
    assert bool(run.stderr) == (code == 2)


REDUCED = "import os, sys\nclass Odd:\n    def __reduce__(self):\n        {}\n        return list, ()\nobj = Odd"

FORKS = """
import os, time
if os.fork() == 0:
    os.closerange(0, 3)
    while os.path.exists("odd.py"):
        time.sleep(0.01)
os._exit(4)
"""

WRITES = """
import os
for file in range(3, 100):
    try:
        os.write(file, b"\\1" + bytes(7) + b"?")
    except OSError:
        pass
obj = 1
"""


@pytest.mark.parametrize("source, code, words", [
    ("import sys\ndef obj(): sys.exit(0)", 2, "ends the program: SystemExit: 0"),
    ("import os\nos._exit(0)", 2, "ends the process, with exit status 0"),
    (REDUCED.format("sys.exit(0)"), 2, "ends the program: SystemExit: 0"),
    (REDUCED.format("os._exit(0)"), 2, "ends the process, with exit status 0"),
    (REDUCED.format("raise KeyboardInterrupt"), 2, "ends the program: KeyboardInterrupt"),
    (REDUCED.format("print('noise'); sys.stdout.flush(); os.write(1, b'more')"), 1, "noise"),
    (WRITES, 2, "its code has written to the pipe"), ("import os\nos.closerange(3, 100)\nobj = 1", 2, "exit status 1"),
    (FORKS, 2, "ends the process, with exit status 4"),
], ids=["exit", "exits hard", "exit when pickled", "exits hard when pickled", "interrupt", "prints",
        "writes to all files", "closes all files", "forks and ends"])
def test_check_of_what_does_not_behave(tmp_path, source, code, words):
    """What comes after it is checked too, and what it prints is in no report."""
    (tmp_path / "odd.py").write_text(source)
    (tmp_path / "file").write_bytes(pickle.dumps([1]))
    run = subprocess.run([BUILD / "brine", "pickle", "check", "--format", "json", "odd:obj", "file"],
                         cwd=tmp_path, capture_output=True, text=True)
    (tmp_path / "odd.py").unlink()  # who waits for it ends
    assert (run.returncode, words in run.stderr) == (code, True), run.stdout + run.stderr
    assert len(json.loads(run.stdout)["files"]) == 2


class Text(str):
    pass


def test_what_is_told_of_an_object_is_text():
    """marshal writes no text of a class of the application's."""
    told = apart([{Text("a"): Text("b")}, (Text("c"),)].copy, 60)
    assert told == [{"a": "b"}, ("c",)] and {type(text) for text in (*told[0], *told[0].values(), *told[1])} == {str}


def test_what_cannot_be_told_of_an_object_is_said():
    with pytest.raises(Ended, match="cannot be written: unmarshallable object"):
        apart(object, 60)


@pytest.mark.parametrize("data, code", [(pickle.dumps([1]) * 2, 0), (b"cos\nsystem\n(S'true'\ntR.", 2), (b"", 2), (b"x", 2),
                                        (b"cno_such_module\nItem\n.", 1)])
def test_check_of_a_file(tmp_path, data, code):
    tmp_path.joinpath("file").write_bytes(data)
    run = subprocess.run([BUILD / "brine", "pickle", "check", "file", "--format", "json"],
                         cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == code, run.stdout + run.stderr
