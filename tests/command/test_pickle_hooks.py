"""conf/pre-commit-config.yaml and conf/pickle-action: whoever copies them has `brine pickle` look at what is committed."""

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from serving import REPOSITORY

yaml = pytest.importorskip("yaml")
HOOKS = REPOSITORY / "conf/pre-commit-config.yaml"
ACTION = REPOSITORY / "conf/pickle-action/action.yml"
CLEAN = "def application(environ, start_response):\n    return []\n"
AT_RISK = "import pickle\nclass Item: pass\n" + CLEAN + "pickle.dumps(Item())\n"
ATTACK = b"cos\nsystem\n(S'id'\ntR."
UNKNOWN = b"cjson.decoder\nJSONDecoder\n."


@pytest.fixture
def environment(tmp_path):
    """With a `brine` on PATH, and nothing of the caller's git and pre-commit."""
    program = tmp_path / "bin/brine"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m brine "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return kept | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                   "HOME": str(tmp_path), "PRE_COMMIT_HOME": str(tmp_path / "hooks"), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def site(tmp_path, environment):
    """A repository; site({NAME: CONTENTS}) adds files to what is to be committed."""
    folder = tmp_path / "site"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True, env=environment)

    def add(files):
        for name, contents in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        subprocess.run(["git", "-C", folder, "add", "-A"], check=True, env=environment)
        return folder

    return add


# pre-commit


def commit(folder, environment):
    """The exit code of the hooks over all files, and what each has said by its id."""
    if not shutil.which("pre-commit"):
        pytest.skip("pre-commit is not installed")
    answer = subprocess.run(["pre-commit", "run", "--all-files", "--verbose", "--color=never"], cwd=folder, env=environment,
                            capture_output=True, text=True)
    said = dict(re.findall(r"^- hook id: ([\w-]+)\n(.*?)(?=^\S[^\n]*(?:Passed|Failed|Skipped)$|\Z)", answer.stdout,
                           re.MULTILINE | re.DOTALL))
    return answer.returncode, said, answer.stdout + answer.stderr


@pytest.mark.parametrize("name, contents, hook, words", [
    ("shop.wsgi", AT_RISK, "brine-pickle-lint", "error naming-script: an instance of class Item"),
    ("shop/wsgi.py", AT_RISK, "brine-pickle-lint", "naming-script"),
    ("shop.wsgi", "def (:\n", "brine-pickle-lint", "invalid syntax"),
    ("a/cart.pkl", ATTACK, "brine-pickle-scan", "error restore-runs-code: os.system"),
    ("model.joblib", UNKNOWN, "brine-pickle-scan", "restore-unknown"),
    ("cut.pickle", b"\x80\x04\x95", "brine-pickle-scan", "ends in the middle")])
def test_a_commit_is_refused(name, contents, hook, words, site, environment):
    code, said, output = commit(site({".pre-commit-config.yaml": HOOKS.read_text(), "good.wsgi": CLEAN, name: contents}),
                                environment)
    assert code == 1, output
    assert words in said[hook], output
    assert name in said[hook]


def test_a_commit_is_let_through(site, environment):
    files = {".pre-commit-config.yaml": HOOKS.read_text(), "shop.wsgi": CLEAN, "shop.py": AT_RISK, "notes.txt": ATTACK,
             "cart with a blank.pickle": pickle.dumps({"total": Decimal(1)}), "mywsgi.py": AT_RISK}
    code, said, output = commit(site(files), environment)
    assert code == 0, output
    assert set(said) == {"brine-pickle-lint", "brine-pickle-scan"} and "shop.wsgi: clean" in output


def test_the_hooks_are_sound():
    """As pre-commit's own check of its schema says, where that is there; and each calls a command that there is."""
    repository, = yaml.safe_load(HOOKS.read_text())["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == ["brine pickle lint", "brine pickle scan"]
    if shutil.which("pre-commit"):
        subprocess.run(["pre-commit", "validate-config", HOOKS], check=True)


# The action


def evaluated(text, inputs):
    """What `${{ inputs.NAME }}` stands for."""
    return re.sub(r"\$\{\{\s*inputs\.(\w+)\s*\}\}", lambda match: inputs[match[1]], text)


def condition(text, inputs):
    """Of a step: of the two forms that the file has."""
    *always, test = (text or "").split(" && ")
    match = re.fullmatch(r"inputs\.(\w+) != ''", test)
    assert always in ([], ["always()"]) and (match or not text), text
    return match is None or inputs[match[1]] != ""


def act(folder, environment, **given):
    """Runs the action's steps as a runner does; gives their exit codes by their names, and all that they have written."""
    action = yaml.safe_load(ACTION.read_text())
    inputs = {name: about["default"] for name, about in action["inputs"].items()} | given
    codes, output = {}, ""
    for step in action["runs"]["steps"]:
        failed = any(codes.values())
        if not condition(step.get("if"), inputs) or (failed and not step.get("if", "").startswith("always()")):
            continue
        variables = {name: evaluated(value, inputs) for name, value in step.get("env", {}).items()}
        answer = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=folder,
                                env=environment | variables, capture_output=True, text=True)
        codes[step["name"]] = answer.returncode
        output += answer.stdout + answer.stderr
    return codes, output


LINT, SCAN = "What of WSGI scripts gets into a pickle", "What loading stored pickles runs or misses"


def test_the_action_has_what_a_runner_asks_for():
    action = yaml.safe_load(ACTION.read_text())
    assert action["name"] and action["description"] and action["runs"]["using"] == "composite"
    assert all(about["description"] and isinstance(about["default"], str) for about in action["inputs"].values())
    assert all(about["description"] and about["value"] for about in action["outputs"].values())
    for step in action["runs"]["steps"]:
        assert step["shell"] == "bash" and step["name"]
        assert "${{" not in step["run"]  # what an input says would be the shell's to run
    named = set(re.findall(r"inputs\.(\w+)", ACTION.read_text()))
    assert named == set(action["inputs"])


def test_the_action_fails_for_what_it_finds(site, environment):
    folder = site({"shop.wsgi": AT_RISK, "data/bad.pickle": ATTACK, "data/good.pickle": pickle.dumps([1])})
    codes, output = act(folder, environment, pickles="data")
    assert (codes[LINT], codes[SCAN]) == (1, 1)
    assert "naming-script" in output and "restore-runs-code: os.system" in output
    for name, rule in (("lint", "naming-script"), ("scan", "restore-runs-code")):
        log = json.loads((folder / f"pickle-reports/{name}.sarif").read_text())
        assert rule in [result["ruleId"] for result in log["runs"][0]["results"]]


def test_the_action_passes_a_clean_repository(site, environment):
    folder = site({"a b.wsgi": CLEAN, "deep/er/shop.wsgi": CLEAN, "x.pickle": UNKNOWN, "y z.pickle": pickle.dumps([1])})
    codes, output = act(folder, environment, scripts="**/*.wsgi", pickles="x.pickle y*.pickle",
                        allow="shop.models json.decoder.JSONDecoder", reports="out put")
    assert set(codes.values()) == {0}, output
    assert "a b.wsgi: clean" in output and "deep/er/shop.wsgi: clean" in output
    assert {path.name for path in (folder / "out put").iterdir()} == {"lint.sarif", "scan.sarif"}
    assert act(folder, environment, pickles="*.pickle")[0][SCAN] == 3


def test_the_action_runs_no_input(site, environment):
    folder = site({"shop.wsgi": CLEAN})
    for value in ("$(touch ran)", "`touch ran`", "; touch ran", '" ; touch ran ; "'):
        for name in ("scripts", "pickles", "allow"):
            codes, output = act(folder, environment, **({"pickles": "shop.wsgi"} | {name: value}))
            assert any(codes.values()), output
    assert not (folder / "ran").exists()


def test_patterns_that_name_nothing_are_an_error(site, environment):
    codes, output = act(site({"x": ""}), environment, scripts="*.wsgi", pickles="*.pickle")
    assert (codes[LINT], codes[SCAN]) == (2, 2) and "No file is called *.wsgi." in output
    assert list(act(Path(site({})), environment, scripts="")[0]) == ["The folder of the reports"]
