"""Holds src/ to the table of layers in docs/architecture.md, and compiles every header alone.

The table is the one whose header row starts with "| folder | may include |". A folder may include
itself, the folders named in its row, and what those may include; a row may also name single files.
The columns <httpd.h>, APR and <Python.h> are held over everything that a file includes, directly or
through the project's headers.
"""

import os
import re
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
LIBRARIES = {  # column of the table -> which angle-bracket includes belong to it
    "<httpd.h>": re.compile(r"^(httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|mpm_common|scoreboard)\.h$"),
    "APR": re.compile(r"^ap[ru]_\w+\.h$"),
    "<Python.h>": re.compile(r"^(Python|structmember|frameobject|pythread|internal/.*)\.h$"),
}


def sources():
    """All C++ files of src/, as paths below it."""
    return sorted(path.relative_to(SRC).as_posix() for path in SRC.rglob("*")
                  if path.suffix in {".cpp", ".hpp"})


def includes(file):
    """(project's files, library headers) that a file includes itself."""
    found = INCLUDE.findall((SRC / file).read_text())
    own = [name for kind, name in found if kind == '"' and (SRC / name).exists()]
    return own, [name for kind, name in found if kind == "<"]


def closure(file):
    """A file and all of the project's files that it includes, directly or not."""
    seen, todo = set(), [file]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += includes(current)[0]
    return seen


def read_table():
    """{folder: {column: cell}} of docs/architecture.md; a row for several folders gives several."""
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if re.match(r"\|\s*folder\s*\|\s*may include", line))
    columns = [cell.strip().replace("`", "") for cell in lines[head].strip("| ").split("|")]
    table = {}
    for line in lines[head + 2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        for folder in re.findall(r"\w+", cells[0]):
            table[folder] = dict(zip(columns[1:], cells[1:]))
    return table


def may_include(table, folder, seen=frozenset()):
    """(folders, single files) that a folder's files may include."""
    cell = re.sub(r"\([^)]*\)", "", table[folder]["may include"])
    files = set(re.findall(r"[\w/]+\.hpp", cell))
    folders = {folder}
    for name in re.findall(r"\w+", re.sub(r"`[^`]*`|[\w/]+\.hpp", "", cell)):
        if name in table and name not in seen:
            more_folders, more_files = may_include(table, name, seen | {folder})
            folders |= more_folders
            files |= more_files
    return folders, files


def allowed(cell, file):
    """What a "yes", "no", "yes (not in `a.hpp`)" or "`a.cpp` only" says of a file."""
    named = Path(file).name in re.findall(r"[\w.]+\.[ch]pp", cell)
    if "only" in cell:
        return named
    if cell.startswith("yes"):
        return not named
    return False


@pytest.fixture(scope="module")
def table():
    return read_table()


def test_every_folder_is_in_the_table(table):
    folders = {file.split("/")[0] for file in sources() if "/" in file}
    assert folders <= set(table)


def test_includes_follow_the_table(table):
    wrong = []
    for file in sources():
        if "/" not in file:
            continue  # mod_brine.cpp joins the parts
        folders, files = may_include(table, file.split("/")[0])
        wrong += [f"{file} includes {other}" for other in includes(file)[0]
                  if other.split("/")[0] not in folders and other not in files]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_stay_on_their_side(table, library):
    wrong = []
    for file in sources():
        if "/" not in file or allowed(table[file.split("/")[0]][library], file):
            continue
        wrong += [f"{file} reaches <{header}> through {through}" for through in closure(file)
                  for header in includes(through)[1] if LIBRARIES[library].match(header)]
    assert not wrong, "\n".join(wrong)


def test_httpd_and_python_never_meet():
    wrong = []
    for file in sources():
        headers = [header for part in closure(file) for header in includes(part)[1]]
        if all(any(LIBRARIES[name].match(header) for header in headers)
               for name in ("<httpd.h>", "<Python.h>")):
            wrong.append(file)
    assert not wrong


def test_every_header_compiles_alone():
    flags = ["-std=c++20", "-Wall", "-Wextra", "-fsyntax-only", "-x", "c++", f"-I{SRC}",
             f"-I{ROOT / 'include'}", f"-I{_generated()}", f"-isystem{sysconfig.get_path('include')}",
             *_httpd_flags()]

    def compile_alone(header):
        result = subprocess.run(["g++", *flags, "-include", str(SRC / header), "/dev/null"],
                                capture_output=True, text=True)
        return "" if result.returncode == 0 else f"{header}:\n{result.stderr}"

    headers = [file for file in sources() if file.endswith(".hpp")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = [error for error in pool.map(compile_alone, headers) if error]
    assert not errors, "\n".join(errors)


def _generated():
    return Path(os.environ.get("BRINE_BUILD", ROOT / "build")) / "generated"


def _httpd_flags():
    def ask(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return [f"-isystem{ask('apxs', '-q', 'INCLUDEDIR')}",
            f"-isystem{ask('apr-1-config', '--includedir')}",
            *ask("apr-1-config", "--cppflags").split()]
