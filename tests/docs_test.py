"""Holds the documents to the sources: a page for each directive, and links that lead somewhere."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python"))

from brine.configuration.folders import IN_FOLDERS  # noqa: E402
from brine.migration.differences import DIFFERENCES  # noqa: E402
from brine.module_api import API  # noqa: E402

DIRECTIVES = ROOT / "docs" / "directives"
ROW = re.compile(r'AP_INIT_\w+\(\s*"<?(\w+)')
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PARTS = ("Description", "Syntax", "Default", "Context", "Override")
SECTIONS = ("## Compatibility", "## Example")


def documents():
    """The README and all pages below docs/, as paths below the repository."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page.relative_to(ROOT).as_posix() for page in pages)


def test_the_changelog_has_its_form():
    """That of Keep a Changelog; the newest release in it is the version, or the version is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text()
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    releases = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", title) for title in titles if title != "[Unreleased]"]
    assert titles[0] == "[Unreleased]" and all(releases)
    version = re.search(r'BRINE_VERSION "(.+)"', (ROOT / "include/brine/version.h").read_text())[1]
    numbers = [tuple(map(int, release[1].split("."))) for release in releases]
    assert numbers == sorted(numbers, reverse=True) and (not numbers or numbers[0] <= tuple(map(int, version.split("."))))
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds


def directives():
    return ROW.findall((ROOT / "src" / "apache" / "config" / "directives.cpp").read_text())


def pages():
    return sorted(path.stem for path in DIRECTIVES.glob("*.md") if path.stem != "README")


def prose(page):
    """A page without its code, where brackets mean something else."""
    text = (ROOT / page).read_text()
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(page):
    """The anchors that a page's headings get when it is shown."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL),
                          re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_directives():
    assert len(directives()) > 30, "the search for directives finds none: has the table changed?"


def test_every_directive_has_a_page_and_every_page_its_directive():
    assert pages() == sorted(directives())


def test_the_index_names_every_page():
    index = (DIRECTIVES / "README.md").read_text()
    assert [name for name in pages() if f"]({name}.md)" not in index] == []


@pytest.mark.parametrize("name", pages())
def test_a_directives_page_is_complete(name):
    text = (DIRECTIVES / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert [part for part in PARTS if f"**{part}:**" not in text] == []
    assert [section for section in SECTIONS if f"\n{section}\n" not in text] == []


def contexts():
    """{directive: context}, as the table of directives says."""
    text = (ROOT / "src" / "apache" / "config" / "directives.cpp").read_text()
    table = text[text.index("directive_table[]"):]
    where = {"kServer": "server config, virtual host", "kServerOrDirectory": "server config, virtual host, directory",
             "kAnywhere": "server config, virtual host, directory, .htaccess", "OR_AUTHCFG": "directory, .htaccess"}
    result = {}
    for row in re.split(r"AP_INIT_\w+\(", table)[1:]:
        # The setters for the whole process refuse a virtual host.
        main_only = re.search(r"process_setting<|interpreter_(limit|option<)|options_section|switch_interval|per_interpreter_gil"
                              r"|python_(version|home|path|warnings)|event_log|ignore_(globally|metrics|agent|sockets|telemetry|free_threading)", row)
        flag = re.search(r"\bk(?:Server\w*|Anywhere)\b|OR_AUTHCFG", row)[0]
        result[re.match(r'\s*"<?(\w+)', row)[1]] = "server config" if main_only else where[flag]
    return result


@pytest.mark.parametrize("name", pages())
def test_a_directives_page_tells_its_context(name):
    text = (DIRECTIVES / f"{name}.md").read_text()
    assert re.search(r"\*\*Context:\*\* (.+?) *$", text, re.MULTILINE)[1] == contexts()[name]


def test_what_is_said_to_be_the_same_is_tested():
    """Each item names the tests that hold it, and these exist."""
    page = (ROOT / "docs" / "migrating.md").read_text()
    section = page[page.index("## What is the same"):page.index("## What is not there yet")]
    items = re.findall(r"^- .+?(?=^- |^$)", section, re.MULTILINE | re.DOTALL)
    assert len(items) > 10, "the search for items finds others: has the page's form changed?"
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("*test*.py")}
    for item in items:
        held = re.search(r"<!-- held by ([^>]+?)\s*-->\s*$", item)
        assert held, f"no test is named for: {item}"
        for name in held[1].split():
            file, _, test = name.partition("::")
            assert re.search(rf"^def {test}\(", files.get(file, ""), re.MULTILINE), f"there is no test {name}"


def differing():
    """The items of what differs on purpose, as plain text."""
    page = (ROOT / "docs" / "migrating.md").read_text()
    section = page[page.index("## What differs on purpose"):]
    items = re.findall(r"^- .+?(?=^- |^$|\Z)", section, re.MULTILINE | re.DOTALL)
    assert len(items) > 40, "the search for items finds others: has the page's form changed?"
    return [re.sub(r"\s+", " ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", item)).replace("**", "").replace("`", "")
            for item in items]


def test_brine_migrate_names_what_differs():
    """Each item of the page is a row of python/brine/migration/differences.py, which has its first words."""
    rows = {row.id: row.says for row in DIFFERENCES}
    items = differing()
    assert [item for item in items if not any(says in item for says in rows.values())] == [], \
        "add a row to DIFFERENCES, with a sentence of the item and what of a configuration it concerns"
    assert [name for name, says in rows.items() if not any(says in item for item in items)] == [], \
        "the page has other words for these"
    assert len(rows) == len(DIFFERENCES)


def without_effect(file):
    subprocess.run([sys.executable, ROOT / "src/apache/config/without_effect.py", ROOT / "src/apache/config", file],
                   check=True)
    tables = {}
    exec(file.read_text(), tables)
    return tables["DIRECTIVES_WITHOUT_EFFECT"], tables["OPTIONS_WITHOUT_EFFECT"]


def test_brine_migrate_knows_what_has_no_effect(tmp_path):
    """What the build reads from the sources is what the pages say."""
    directives, options = without_effect(tmp_path / "tables.py")
    said = [page for page in pages() if "\n**Description:** Accepted, and has no effect."
            in (DIRECTIVES / f"{page}.md").read_text()]
    assert sorted(directives) == said
    page = (DIRECTIVES / "WSGIDaemonProcess.md").read_text()
    lists = re.findall(r"^- These .+?(?=^- |^$)", page, re.MULTILINE | re.DOTALL)
    quiet, missed = (set(re.findall(r"`([\w-]+)(?:=\w+)?`", text.partition(":")[2].partition("):")[2] or text))
                     for text in lists)
    assert {name for name, effect in options.items() if effect[1]} == missed
    assert {name for name, effect in options.items() if not effect[1]} == quiet - missed


def test_brine_migrate_knows_the_module_mod_wsgi():
    source = (ROOT / "src" / "wsgi" / "interpreter_info.cpp").read_text()
    there = re.findall(r'set_item\(gil, (?:names|dict), "([A-Za-z]\w+)"', source)
    bootstrap = (ROOT / "src" / "script" / "bootstrap.py").read_text()
    made = re.search(r"^SERVER_API = \((.*?)\)$", bootstrap, re.MULTILINE | re.DOTALL)[1]
    stubs = (ROOT / "python" / "mod_wsgi" / "__init__.pyi").read_text()
    of_httpd = {"description", "mpm_name", "build_date"}  # those of the module apache alone
    assert {*there, *re.findall(r'"(\w+)"', made), "LogHandler"} - of_httpd == set(API)
    assert set(re.findall(r"^(?:def |class )?([A-Za-z]\w+)", stubs, re.MULTILINE)) - {"from", "import"} == set(API)


def test_brine_migrate_knows_what_folders_may_hold():
    source = (ROOT / "src" / "apache" / "config" / "directives.cpp").read_text()
    rows = re.findall(r'AP_INIT_\w+\(\s*"(\w+)",(.*?)"\s*\),?\n', source, re.DOTALL)
    assert {name.lower() for name, row in rows if re.search(r"\bkAnywhere\b|\bOR_AUTHCFG\b", row)} == IN_FOLDERS


@pytest.mark.parametrize("page", ["docs/migrating.md", "docs/directives/WSGIDaemonProcess.md"])
def test_the_factor_of_mod_wsgis_request_timeout(page):
    text = re.sub(r"\s+", " ", (ROOT / page).read_text())
    for threads, said in ((5, "2.6"), (15, "3.7")):
        assert f"{1 + math.log(threads):.1f}" == said
        assert re.search(rf"{re.escape(said)} times (as long )?with {threads}\b", text)


def test_every_hazard_has_an_entry():
    """Those of the guard as headings, those of `brine pickle scan` alone in its table."""
    page = (ROOT / "docs" / "pickle.md").read_text()
    guard = (ROOT / "python" / "brine" / "pickle" / "_hazards.py").read_text()
    ids = re.findall(r'^    "([a-z-]+)": "(?:error|warning)",$', guard, re.MULTILINE)
    assert len(ids) == 16, "the search for ids finds others: has their form changed?"
    assert [name for name in ids if f"\n### {name}\n" not in page] == []
    rules = (ROOT / "python" / "brine" / "pickle_tools" / "rules.py").read_text()
    named = re.findall(r'Rule\("([a-z-]+)"', rules)
    assert len(named) == 18, "likewise"
    assert [name for name in named if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", documents())
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken
