"""Holds the log codes of src/ and docs/errors.md to each other.

A code is used where a string literal begins with it and a colon ("BRINE0401: ..."). To mention one
inside a sentence ("see BRINE0001") is no use.
"""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
USE = re.compile(r"""["'](BRINE\d+):""")
ENTRY = re.compile(r"^## (BRINE\d+)$", re.MULTILINE)
COMMENT = {".cpp": r"//.*", ".hpp": r"//.*", ".py": r"#.*"}
PARTS = ("When", "Client", "Log", "Do")


@cache
def uses():
    """{code: [file:line]} of src/."""
    found = defaultdict(list)
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in COMMENT:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = re.sub(rf"^\s*({COMMENT[path.suffix]})$", "", line)
            for name in USE.findall(code):
                found[name].append(f"{path.relative_to(ROOT)}:{number}")
    return dict(found)


@cache
def entries():
    """{code: text} of docs/errors.md, in its order."""
    pieces = ENTRY.split((ROOT / "docs" / "errors.md").read_text())
    return dict(zip(pieces[1::2], pieces[2::2]))


def headings():
    return ENTRY.findall((ROOT / "docs" / "errors.md").read_text())


def test_there_are_codes():
    assert len(uses()) > 30, "the search for codes finds none: has their form changed?"


def test_no_code_is_used_in_two_places():
    assert {code: places for code, places in uses().items() if len(places) > 1} == {}


def test_every_code_has_an_entry():
    missing = {code: places for code, places in uses().items() if code not in entries()}
    assert missing == {}, "add them to docs/errors.md"


def test_every_entry_has_its_code():
    assert [code for code in entries() if code not in uses()] == [], "take them out of docs/errors.md"


def test_entries_stand_once_and_in_order():
    assert headings() == sorted(set(headings()))


def test_codes_have_four_digits():
    assert [code for code in uses() if not re.fullmatch(r"BRINE0\d{3}", code)] == []


@pytest.mark.parametrize("code", headings())
def test_an_entry_says_all_there_is_to_know(code):
    text = entries()[code]
    missing = [part for part in PARTS if f"**{part}.**" not in text]
    assert not missing
    assert f"{code}: " in text, "show the line as the log has it"
