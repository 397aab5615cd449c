"""Runs the shell commands of the documents, as they stand there.

The fence of each block says by its second word what becomes of it, which no reader sees:

    sh run       it is run: the blocks of a page in one shell, in their order, in a fresh folder that is HOME, too
    sh root      it changes the system, by packages, services or files in /etc: tests/packages does such things in systems of
                 its own
    sh build     it takes minutes, or a network
    sh yours     it is about a server, files or processes of the reader's
    sh synopsis  it shows what can be said, and is no command

All but the last have to be shell. Where commands are run, `brine serve` goes on in the background until the next one, port
8000 is a free one, what sudo has Debian install is there already, and `curl` has to be answered without an error, by what
the comment behind it says if there is one.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ports import free_port

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("BRINE_BUILD") or ROOT / "build").resolve()
WORDS = ("run", "root", "build", "yours", "synopsis")
PATIENCE = 60 * float(os.environ.get("BRINE_TEST_PATIENCE", "1"))
BLOCK = re.compile(r"^(?P<margin> *)```(?:sh|bash|shell|console)(?P<word>.*)\n(?P<text>(?:.*\n)*?) *```$", re.MULTILINE)
# What has to be there for all blocks of a page.
NEEDED = {"docs/getting-started.md": ("flask", "django", "ensurepip")}

HEAD = r"""
set -eu -o pipefail
SERVER=
end_server() {
  [ -z "$SERVER" ] || { kill "$SERVER" && wait "$SERVER" || true; }
  SERVER=
}
end_sites() {
  for site in "$BRINE_SITES"/*/run/httpd.pid; do
    [ ! -e "$site" ] || kill "$(cat "$site")"
  done
}
trap 'end_server; end_sites' EXIT
brine() {
  if [ "$1" != serve ]; then command brine "$@"; return; fi
  shift
  end_server
  rm -f "$HOME/.terminal"
  command brine serve "$@" --port PORT >"$HOME/.terminal" 2>&1 &
  SERVER=$!
  until grep -qs '^http://' "$HOME/.terminal"; do
    kill -0 "$SERVER" 2>/dev/null || { echo "brine serve $*:"; cat "$HOME/.terminal"; SERVER=; exit 1; }
    read -rt 0.1 <> <(:) || true
  done
}
build/brine() { brine "$@"; }
curl() { command curl -fsS --max-time 60 "$@"; }
answers() {  # answers WANTED COMMAND...
  local answer
  answer=$("${@:2}")
  [ "$answer" = "$1" ] || { echo "${*:2} answers '$answer', and not '$1'"; exit 1; }
}
sudo() { [ "$1 $2" = "apt-get install" ] || { echo "sudo $* is for a block of root's"; exit 1; }; }
"""


def pages():
    return sorted(page.relative_to(ROOT).as_posix() for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page, text=None):
    """[(line, word, text)]"""
    text = (ROOT / page).read_text() if text is None else text
    found = []
    for match in BLOCK.finditer(text):
        lines = match["text"].splitlines()
        assert all(not line or line.startswith(match["margin"]) for line in lines)
        body = "\n".join(line[len(match["margin"]):] for line in lines) + "\n"
        found.append((text.count("\n", 0, match.start()) + 1, match["word"].strip(), body))
    return found


def script(texts, port):
    """What bash runs for these blocks."""
    run = "".join(texts)
    # Comments behind a request say the answer.
    run = re.sub(r"^(curl .*?) +# (.+)$", lambda match: f"answers '{match[2]}' {match[1]}", run, flags=re.MULTILINE)
    return (HEAD + run).replace("PORT", str(port)).replace("8000", str(port))


@pytest.mark.parametrize("page", [page for page in pages() if blocks(page)])
def test_each_block_says_what_becomes_of_it_and_is_shell(page):
    for line, word, text in blocks(page):
        assert word in WORDS, f"{page}:{line}: ```sh {word}: the second word is one of {', '.join(WORDS)}"
        if word != "synopsis":
            checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
            assert checked.returncode == 0 and not checked.stderr, f"{page}:{line}: {checked.stderr}"


@pytest.fixture
def clone():
    """A folder with what a clone and its build have; httpd's user can reach it."""
    if not (BUILD / "mod_brine.so").exists():
        pytest.skip(f"{BUILD} has no mod_brine.so")
    folder = Path(tempfile.mkdtemp(prefix="brine-docs-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "build").mkdir()
    for file in (BUILD / "brine", BUILD / "mod_brine.so", BUILD / "brine-worker", *BUILD.glob("brine_engine.*.so")):
        shutil.copy(file, folder / "build")
    (folder / "docs").symlink_to(ROOT / "docs")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run_in(clone, texts, port=None):
    if any("curl " in text for text in texts) and not shutil.which("curl"):
        pytest.skip("there is no curl")
    home = clone / "home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "BRINE_SITES": str(home / "brine-sites"), "PWD": str(clone),
                   "PATH": f"{clone / 'build'}:/usr/bin:{os.environ['PATH']}"}
    for name in ("VIRTUAL_ENV", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "PYTHONPATH", "DJANGO_SETTINGS_MODULE"):
        environment.pop(name, None)
    return subprocess.run(["bash", "-c", script(texts, port or free_port())], cwd=clone, env=environment, timeout=PATIENCE,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("page", [page for page in pages() if any(word == "run" for _, word, _ in blocks(page))])
def test_the_commands_of(page, clone):
    missing = [name for name in NEEDED.get(page, ()) if not importlib.util.find_spec(name)]
    if missing:
        pytest.skip(f"there is no {', '.join(missing)}")
    done = run_in(clone, [text for _, word, text in blocks(page) if word == "run"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text, said", [
    ("false\n", ""), ("brine serve /no/such.wsgi\n", "There is no script"), ("curl http://127.0.0.1:8000/\n", "curl: "),
    ("brine serve docs/examples/hello.wsgi\ncurl http://127.0.0.1:8000/  # Good night\n", "and not 'Good night'"),
    ("sudo rm -r x\n", "for a block of root's")])
def test_what_does_not_work_is_seen(clone, text, said):
    done = run_in(clone, [text])
    assert done.returncode != 0 and said in done.stdout + done.stderr, done.stdout + done.stderr


def test_blocks_are_found():
    text = "a\n```sh run\nb\n```\n- c\n  ```bash\n  d\n\n  e\n  ```\n```python\nf\n```\n```\ng\n```\n"
    assert blocks("", text) == [(2, "run", "b\n"), (6, "", "d\n\ne\n")]
