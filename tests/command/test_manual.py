"""The manual pages and completions that are made from the command's parser: each program takes them as they are."""

import argparse
import os
import re
import shutil
import subprocess
import sys

import pytest

from brine.cli import whole_parser
from brine.manual import bash, fish, zsh
from brine.manual.__main__ import files, write
from brine.manual.commands import described
from brine.manual.pages import page
from serving import REPOSITORY

COMMAND = described(whole_parser())
NAMES = [each.name for each in COMMAND.walk()]
FILES = files()


def odd():
    """A parser with all that is hard to write in one of the languages."""
    parser = argparse.ArgumentParser(prog="brine", description="Odd: it's 50% [sure] `x` \\ $HOME.\n\n.TH is no request.",
                                     epilog="a table:\n  one    1 'quoted'\n  .two   2 \\n\n\n.first: plain\n",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quote", "-q", metavar="FILE", help="it's [a]:b \\ $(touch x) `y` \"z\" 100%%")
    below = parser.add_subparsers(dest="command", metavar="COMMAND")
    command = below.add_parser("go", help="it's .go: [x]")
    command.add_argument("--way", choices=("left", "right"), default="left", help="which way (%(default)s)")
    command.add_argument("--pair", nargs=2, metavar=("CERT", "KEY"))
    command.add_argument("--hidden", help=argparse.SUPPRESS)
    command.add_argument("folder", metavar="DIR", nargs="*")
    return described(parser)


PAGES = [*((name, FILES[f"man/man1/{name}.1"]) for name in NAMES),
         *((f"odd {each.name}", page(each, "1.0")) for each in odd().walk())]


def plain(shown):
    """Without the overstrikes by which bold and italic letters come."""
    return re.sub(r".\x08", "", shown)


def run(*command, text=None, **options):
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("name, text", PAGES, ids=[name for name, _ in PAGES])
def test_man_shows_a_page_without_a_warning(name, text, tmp_path):
    if not shutil.which("man"):
        pytest.skip("there is no man")
    file = tmp_path / "page.1"
    file.write_text(text)
    shown = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", str(file),
                env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
    assert shown.returncode == 0 and shown.stderr == ""
    assert "\nNAME\n" in plain(shown.stdout) and "\nSYNOPSIS\n" in plain(shown.stdout)


def test_what_looks_like_a_request_is_text(tmp_path):
    if not shutil.which("man"):
        pytest.skip("there is no man")
    (tmp_path / "page.1").write_text(page(odd(), "1.0"))
    shown = plain(run("man", "-l", "-Tutf8", str(tmp_path / "page.1"),
                      env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "120"}).stdout)
    for text in (".TH is no request.", "it's 50% [sure] `x` \\ $HOME.", ".two   2 \\n", ".first: plain", "100%"):
        assert text in shown, shown
    assert "hidden" not in page(next(each for each in odd().walk() if each.name == "brine-go"), "1.0")


@pytest.mark.parametrize("command", COMMAND.walk(), ids=NAMES)
def test_a_page_has_each_option_and_each_section(command):
    text = FILES[f"man/man1/{command.name}.1"].replace("\\-", "-")
    assert [flag for each in command.options for flag in each.flags if f"\\fB{flag}\\fR" not in text] == []
    assert [each.name for each in command.commands if f".BR {each.name} (1)" not in text] == []
    titles = re.findall(r"^(\S.*):$", command.epilog, re.MULTILINE)
    assert [title for title in titles if f".SH {title.upper()}\n" not in text] == []


def test_two_runs_write_the_same(tmp_path):
    write(tmp_path / "one")
    run(sys.executable, "-m", "brine.manual", str(tmp_path / "two"), check=True, cwd="/", env={
        **os.environ, "PYTHONPATH": str(REPOSITORY / "python"), "COLUMNS": "30", "PYTHONHASHSEED": "3"})
    assert run("diff", "-r", str(tmp_path / "one"), str(tmp_path / "two")).stdout == ""
    assert {path.name for path in (tmp_path / "one/man/man1").iterdir()} == {f"{name}.1" for name in NAMES}


def by_bash(script, *words, folder="/"):
    """What is offered for the last word."""
    asked = "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _brine; printf '%s\\n' \"${COMPREPLY[@]}\""
    done = run("bash", "-c", f"{script}\n{asked}", "bash", *words, cwd=folder)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize("words, offered, not_offered", [
    ("", {"serve", "config", "migrate", "doctor", "pickle", "--version"}, {"scan", "--json"}),
    ("do", {"doctor"}, {"serve"}),
    ("doctor --", {"--json", "--timeout", "--no-load", "--unit", "--help"}, {"--mount", "--version"}),
    ("doctor -", {"-D", "-h"}, set()),
    ("doctor --timeout ", set(), {"site", "--json"}),
    ("doctor --unit ", {"site", "app.wsgi"}, {"--json"}),
    ("doctor ", {"site", "app.wsgi"}, set()),
    ("serve --mpm ", {"event", "worker", "prefork"}, {"site"}),
    ("serve --mpm p", {"prefork"}, {"event"}),
    ("serve --mpm = p", {"prefork"}, {"event"}),
    ("serve --mpm =", {"event", "worker", "prefork"}, set()),
    ("serve --reload --chdir ", {"site"}, {"app.wsgi"}),
    ("pickle ", {"scan", "lint"}, {"serve"}),
    ("pickle scan --", {"--allow"}, {"--mpm"}),
])
def test_bash_completes(words, offered, not_offered, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "app.wsgi").write_text("")
    found = by_bash(FILES["bash-completion/completions/brine"], "brine", *words.split(" "), folder=tmp_path)
    assert offered <= found and not found & not_offered, found


def test_bash_runs_nothing_that_a_help_says(tmp_path):
    assert {"go", "--quote", "-q"} <= by_bash(bash.completion(odd()), "brine", "", folder=tmp_path)
    assert by_bash(bash.completion(odd()), "brine", "go", "--way", "", folder=tmp_path) == {"left", "right"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [COMMAND, odd()], ids=["brine", "odd"])
@pytest.mark.parametrize("shell, arguments, made", [
    ("bash", ["-n"], bash.completion), ("zsh", ["-n"], zsh.completion), ("fish", ["--no-execute"], fish.completion)])
def test_a_shell_takes_the_syntax(shell, arguments, made, command, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(made(command))
    done = run(shell, *arguments, str(tmp_path / "script"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("line, offered, not_offered", [
    ("brine ", {"serve", "doctor", "pickle"}, {"scan", "site/"}),
    ("brine doctor --", {"--json", "--timeout", "--unit"}, {"--mpm", "--version"}),
    ("brine serve --mpm ", {"event", "worker", "prefork"}, {"serve"}),
    ("brine serve --chdir ", {"site/"}, {"app.wsgi"}),
    ("brine doctor --unit ", {"site/", "app.wsgi"}, {"--json"}),
    ("brine pickle ", {"scan", "lint"}, {"serve"}),
    ("brine pickle scan --", {"--allow"}, {"--mpm"}),
])
def test_fish_completes(line, offered, not_offered, tmp_path):
    if not shutil.which("fish"):
        pytest.skip("there is no fish")
    (tmp_path / "site").mkdir()
    (tmp_path / "app.wsgi").write_text("")
    (tmp_path / "brine.fish").write_text(FILES["fish/vendor_completions.d/brine.fish"])
    done = run("fish", "--no-config", "-c", f"source brine.fish; complete -C '{line}'", cwd=tmp_path,
               env={**os.environ, "HOME": str(tmp_path)})
    found = {each.split("\t")[0] for each in done.stdout.splitlines()}
    assert done.stderr == "" and offered <= found and not found & not_offered, found


def by_zsh(script, line, folder):
    """What zsh's completion system is told to offer: compadd is asked in the place of a terminal."""
    (folder / "functions").mkdir()
    (folder / "functions/_brine").write_text(script)
    (folder / "ask").write_text(f"""
        zmodload zsh/zpty
        fpath=({folder}/functions $fpath)
        zpty asked zsh -f -i
        zpty -w asked 'PS1=; PS2=; fpath=({folder}/functions $fpath); autoload -U compinit; compinit -u -D'
        zpty -w asked 'compadd() {{ if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi;
typeset -a hits; builtin compadd -A hits "$@"; print -l -- "hit:"$^hits; }}'
        zpty -w asked 'done-it() {{ zle -M x; print; print end-of-it; }}; zle -N done-it; bindkey "^X" done-it'
        zpty -w asked 'bindkey "^I" complete-word; print ready-to-go'
        zpty -r asked seen '*ready-to-go*ready-to-go*'
        zpty -w -n asked '{line}'$'\\t'$'\\x18'
        zpty -r asked seen '*end-of-it*'
        print -r -- $seen
        zpty -d asked
    """)
    done = run("zsh", "-f", str(folder / "ask"), cwd=folder, env={**os.environ, "HOME": str(folder), "TERM": "dumb"})
    return set(re.findall(r"(?:hit:|^)([\w-]+)\s*$", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("line, offered", [
    ("brine ", {"serve", "doctor", "pickle"}), ("brine serve --mpm ", {"event", "worker", "prefork"}),
    ("brine pickle ", {"scan", "lint"}), ("brine doctor --ti", {"--timeout"})])
def test_zsh_completes(line, offered, tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh")
    assert offered <= by_zsh(FILES["zsh/site-functions/_brine"], line, tmp_path)
