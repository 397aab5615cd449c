"""Holds src/ to the table of layers in docs/architecture.md, and each file to its own #includes.

The table is the one whose header row starts with "| folder | may include |". A folder may include
itself, the folders named in its row, and what those may include; a row may also name single files.
The columns <httpd.h>, APR and <Python.h> are held over everything that a file includes, directly or
through the project's headers.

Each header compiles alone, with GCC and with clang. What compiles with one release's headers need not with the next
one's, so each file also includes itself what it uses of the standard library (`standard_headers.py`).

Comments are sentences: they begin with a verb ("Returns true if ...") or with the noun that they describe.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from standard_headers import NAMES, code_of, missing, unknown

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
LIBRARIES = {  # column of the table -> which angle-bracket includes belong to it
    "<httpd.h>": re.compile(r"^(httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|mpm_common|scoreboard)\.h$"),
    "APR": re.compile(r"^ap[ru]_\w+\.h$"),
    "<Python.h>": re.compile(r"^(Python|structmember|frameobject|pythread|internal/.*)\.h$"),
}


@cache
def sources():
    """All C++ files of src/, as paths below it."""
    return sorted(path.relative_to(SRC).as_posix() for path in SRC.rglob("*")
                  if path.suffix in {".cpp", ".hpp"})


@cache
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
        for folder in re.findall(r"[\w/]+", cells[0]):
            table[folder] = dict(zip(columns[1:], cells[1:]))
    return table


def may_include(table, folder, seen=frozenset()):
    """(folders, single files) that a folder's files may include."""
    cell = re.sub(r"\([^)]*\)", "", table[folder]["may include"])
    files = set(re.findall(r"[\w/]+\.hpp", cell))
    folders = {folder}
    for name in re.findall(r"[\w/]+", re.sub(r"`[^`]*`|[\w/]+\.hpp", "", cell)):
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


def folder_of(file):
    """`daemon/client` of `daemon/client/client.hpp`; "" of a file that lies in src/ itself."""
    return file.rpartition("/")[0]


@pytest.fixture(scope="module")
def table():
    return read_table()


def test_every_folder_is_in_the_table(table):
    folders = {folder_of(file) for file in sources() if "/" in file}
    assert folders == set(table)


def test_includes_follow_the_table(table):
    wrong = []
    for file in sources():
        if "/" not in file:
            continue  # mod_brine.cpp joins the parts
        folders, files = may_include(table, folder_of(file))
        wrong += [f"{file} includes {other}" for other in includes(file)[0]
                  if folder_of(other) not in folders and other not in files]
    assert not wrong, "\n".join(wrong)


def test_who_carries_a_scripts_settings_names_none_of_them():
    """So that one more costs its own place, its directive and its use; see "Add a setting of a script"."""
    struct = re.search(r"struct ScriptSettings \{(.+?)\n\};", (SRC / "boundary/script_settings.hpp").read_text(), re.S)
    names = re.findall(r"^  [\w:]+ (\w+) = ", struct[1], re.MULTILINE)
    assert len(names) > 4, "the search for members finds others: has the struct's form changed?"
    # fields.hpp also lists engine::Config, which has a policy of its own for threads that serve no request.
    carriers = [file for file in sources()
                if folder_of(file) == "daemon/shared" and file != "daemon/shared/fields.hpp"]
    carriers += ["apache/config/given_script_settings.hpp", "apache/config/daemon_groups.cpp",
                 "apache/request/selection.cpp", "boundary/request.hpp", "script/loader.hpp"]
    wrong = [f"{file} names {name}" for file in carriers for name in names
             if re.search(rf"\b{name}\b", code_of((SRC / file).read_text()))]
    assert not wrong, "\n".join(wrong)


PROCESSES = ("httpd's first process", "httpd's children", "supervisor", "daemon process")


def process_rows():
    """(files, processes) for each row of the table of docs/architecture.md that says which file runs where."""
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    head = lines.index("| files | " + " | ".join(PROCESSES) + " |")
    for line in lines[head + 2:]:
        if not line.startswith("|"):
            return
        what, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        folder, names = re.fullmatch(r"`([\w/]+)/`(?:: ([\w, ]+))?", what).groups()
        stems = names.split(", ") if names else {Path(file).stem for file in sources() if folder_of(file) == folder}
        files = [file for stem in stems for file in (f"{folder}/{stem}.cpp", f"{folder}/{stem}.hpp")
                 if file in sources()]
        yield files, {process for process, cell in zip(PROCESSES, cells) if cell != "–"}
        assert {Path(file).stem for file in files} == set(stems), f"a file of {what} is not there"


@cache
def processes_of_files():
    return {file: processes for files, processes in process_rows() for file in files}


def linked(*entries):
    """The files of a program that begins in `entries`: what they include, and the source beside each header."""
    there, seen, todo = set(sources()), set(), list(entries)
    while todo:
        file = todo.pop()
        if file in there and file not in seen:
            seen.add(file)
            stem = file.rpartition(".")[0]
            todo += [*includes(file)[0], f"{stem}.cpp", f"{stem}.hpp"]
            todo += [other for other in there if file == f"{stem}.cpp" and other.startswith(f"{stem}_")]
    return seen


def test_each_file_of_the_processes_is_in_their_table_once():
    listed = [file for files, _ in process_rows() for file in files]
    assert sorted(listed) == [file for file in sources() if file.startswith(("daemon/", "apache/"))]


@pytest.mark.parametrize("process, entries, own", [
    ("daemon process", ["daemon/worker/main.cpp"], "daemon/worker"),
    ("supervisor", ["daemon/supervisor/supervisor.cpp", "apache/process/daemons.cpp"], "daemon/supervisor"),
    ("httpd's children", ["daemon/client/client.cpp", "daemon/shared/endpoints.cpp"], "daemon/client"),
    ("httpd's first process", ["daemon/shared/endpoints.cpp"], None),
])
def test_a_file_runs_where_something_includes_it(process, entries, own):
    """Of src/apache nearly all is reached from the module's record; who runs it, its hooks say."""
    table = processes_of_files()
    reached = linked(*entries)
    wrong = [file for file, processes in table.items()
             if process in processes and file not in reached and (own in ("daemon/worker", "daemon/supervisor")
                                                                  or file.startswith("daemon/"))]
    assert not wrong, f"nothing in the {process} includes {wrong}"
    assert all(table[file] == {process} for file in sources() if folder_of(file) == own)


def test_what_brine_worker_is_made_of_runs_in_a_daemon_process():
    """No other process's code comes along, but for values that a shared header holds."""
    reached = {file for file in linked("daemon/worker/main.cpp") if file.startswith(("daemon/", "apache/"))}
    others = {file for file in reached if "daemon process" not in processes_of_files()[file]}
    assert {file.rpartition(".")[0] for file in others} <= {"daemon/shared/broken_scripts"}


def test_what_is_named_to_be_somewhere_is_there():
    """Each file and function in the page's section "Where is it?"."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = page[page.index("## Where is it?"):]
    for row in re.findall(r"^\| .+", section[:section.index("\n## ", 1)], re.MULTILINE)[1:]:
        files = re.findall(r"`([\w/]+\.[ch]pp)`", row)
        assert [file for file in files if not (SRC / file).exists()] == []
        text = "".join((SRC / file).read_text() for file in files)
        for function in re.findall(r"`([\w:]+)\(\)`", row):
            assert re.search(rf"\b{function}\(", text) or function == "print", f"{function}() is in none of {files}"


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_stay_on_their_side(table, library):
    wrong = []
    for file in sources():
        if "/" not in file or allowed(table[folder_of(file)][library], file):
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


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_every_header_compiles_alone(compiler):
    flags = ["-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++", f"-I{SRC}",
             f"-I{ROOT / 'include'}", f"-isystem{sysconfig.get_path('include')}",
             *_httpd_flags()]

    launcher = ["ccache"] if shutil.which("ccache") else []  # it knows the headers that are as they were

    def compile_alone(header):
        result = subprocess.run([*launcher, compiler, *flags, "-include", str(SRC / header), "/dev/null"],
                                capture_output=True, text=True)
        return "" if result.returncode == 0 else f"{header}:\n{result.stderr}"

    headers = [file for file in sources() if file.endswith(".hpp")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = [error for error in pool.map(compile_alone, headers) if error]
    assert not errors, "\n".join(errors)


def all_sources():
    """Also those of the tests."""
    return [path for folder in (SRC, ROOT / "tests" / "unit", ROOT / "tests" / "fuzz")
            for path in sorted(folder.rglob("*")) if path.suffix in {".cpp", ".hpp"}]


def library_includes(path):
    """The library headers that a file includes, or the header of the same name (`a.cpp` and `a.hpp`)."""
    texts = [other.read_text() for other in {path, path.with_suffix(".hpp")} if other.exists()]
    return {name for text in texts for kind, name in INCLUDE.findall(text) if kind == "<"}


def test_every_file_includes_what_it_uses_of_the_standard_library():
    wrong = []
    for path in all_sources():
        wrong += [f"{path.relative_to(ROOT)} uses {name} without <{'> or <'.join(sorted(headers))}>"
                  for name, headers in sorted(missing(path.read_text(), library_includes(path)).items())]
    assert not wrong, "\n".join(wrong)


def test_the_table_of_the_standard_library_is_complete():
    wrong = [f"{path.relative_to(ROOT)}: std::{name}"
             for path in all_sources() for name in sorted(unknown(path.read_text()))]
    assert not wrong, "no header is known, see tests/standard_headers.py:\n" + "\n".join(wrong)


@pytest.mark.parametrize("text, wanted", [
    ("std::uint8_t a;", "cstdint"),
    ("uint32_t a;", "cstdint"),
    ("// std::uint8_t\nconst char* a = \"std::uint8_t\";", ""),
    ("if (errno == EINTR) return;", "cerrno"),
    ("std::size_t a;", ""),
    ("#include <sys/stat.h>\nstd::optional<int> a = 1'000'000; std::move(a);", "optional utility"),
])
def test_what_is_used_without_its_header(text, wanted):
    found = set().union(*missing(text, set()).values())
    assert found - {"algorithm"} == set(wanted.split())  # std::move has two headers


FUNCTION = re.compile(r"^(?!#|using|return|namespace|struct|class|enum|typedef|friend|else|\}|TEST)[\w:][\w:<>,&*\s]*?"
                      r"[\s&*](\w+)\(([^()]*(?:\([^()]*\)[^()]*)*)\)", re.MULTILINE)


def outranked(text):
    """Free functions that take an object of the standard library and bear the name of one of its function templates.

    Argument-dependent look-up finds the template as well, as soon as some header brings it in, and may prefer it:
    `quoted(text)` was std::quoted() with GCC 14.
    """
    return {name for name, parameters in FUNCTION.findall(code_of(text)) if "std::" in parameters
            and any(header != "type_traits" and not header.startswith("c") for header in NAMES.get(name, ()))}


def test_no_function_of_ours_is_outranked_by_one_of_the_standard_library():
    wrong = [f"{path.relative_to(ROOT)}: {name}()"
             for path in all_sources() for name in sorted(outranked(path.read_text()))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text, names", [
    ("std::string quoted(const std::string& path) {", {"quoted"}),
    ("inline char* copy(char* to, std::string_view text) {", {"copy"}),
    ("void copy(char* to, const char* from) {", set()),
    ("std::string in_quotes(std::string_view path) {", set()),
    ("bool is_same(std::string_view one, std::string_view other) {", set()),  # the library's is no function
])
def test_what_is_outranked(text, names):
    assert outranked(text) == names


CONTROL = re.compile(r"\b(?:if|for|while|switch)(?: constexpr)? \(|(?<!#)\belse\b")


def unbraced(text):
    """Bodies that have no braces though they do not begin on the line where their `if (...)` or `else` ends."""
    text = code_of(text)
    for match in CONTROL.finditer(text):
        end, depth = match.end(), match.group().endswith("(")
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if re.match(r"[ \t]*\n(?!\s*[;{])", text[end:]):
            yield text[match.start():end].partition("\n")[0]


def test_a_body_on_a_line_of_its_own_has_braces():
    wrong = [f"{path.relative_to(ROOT)}: {what}" for path in all_sources() for what in unbraced(path.read_text())]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text, found", [
    ("if (a) return;\nwhile (f(a,\n         b)) {\n}\n", []),
    ("  if (f(a))\n    return;\n", ["if (f(a))"]),
    ("} else\n  f();\n", ["else"]),
])
def test_what_has_no_braces(text, found):
    assert list(unbraced(text)) == found


COMMENT = re.compile(r"^(?:[ \t]*//.*\n)+", re.MULTILINE)
DEFINITION = re.compile(r"^(?:class|struct|union|enum class) (?:alignas\(\d+\) )?(\w+)(?: final)?(?: :[^;{]*)? ?\{",
                        re.MULTILINE)
NO_SUBJECT = re.compile(r"(?:Whether|Who|Whoever|What|Whatever|Which|How|It|So|Likewise|None|Null)\b")
NO_PROSE = re.compile(r"NOLINT|---|clang-format|namespace")
NAME = re.compile(r"httpd\b|\w*[^\w\s.,;]")  # "httpd's child ...", "script-user= ...", "dumps(object) ..."


def comments(text):
    """(words, the line below) for each comment that has its lines for itself."""
    for comment in COMMENT.finditer(text):
        words = " ".join(line.strip().lstrip("/").strip() for line in comment.group().splitlines()).strip()
        if words and not NO_PROSE.match(words):
            yield words, text[comment.end():].partition("\n")[0].strip()


def unclear(text, header):
    """What is wrong with comments: a reader of a header has nothing else to go by, so it is held to more."""
    for words, below in comments(text):
        if NO_SUBJECT.match(words):
            yield f"begins without a subject: {words[:70]}"
        elif header and below and words[0].islower() and not NAME.match(words):
            yield f"does not begin with a capital letter: {words[:70]}"
        elif header and below and not re.search(r"[.:|]$|clang-format (?:on|off)$|hash: \w+$", words):
            yield f"does not end with a full stop: {words[-70:]}"
    for definition in DEFINITION.finditer(text) if header else ():
        above = re.sub(r"template <.*>\n$", "", text[:definition.start()]).splitlines()
        if not above or not above[-1].startswith("//"):
            yield f"has no comment: {definition[1]}"


def test_comments_are_sentences():
    wrong = [f"{file}: {what}" for file in sources()
             for what in unclear((SRC / file).read_text(), header=file.endswith(".hpp"))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text, found", [
    ("/// Returns true if a thread is free.\nbool f();\n", ""),
    ("/// Whether a thread is free.\nbool f();\n", "begins without a subject"),
    ("  // It is free.\n  f();\n", "begins without a subject"),
    ("/// Returns true if a thread\n/// is free\nbool f();\n", "does not end with a full stop"),
    ("/// returns true.\nbool f();\n", "does not begin with a capital letter"),
    ("// set_handler(function) calls it.\nint f();\n// httpd's own.\nint g();\n// Packets to httpd:\nint h();\n", ""),
    ("/// A slot.\nstruct Slot {\n};\n/// A value.\ntemplate <class T>\nclass Value : public A {\n};\n", ""),
    ("struct alignas(64) Slot {\n};\n", "has no comment: Slot"),
    ("/// Another.\nint a;\n\nenum class Slot : int {\n};\n", "has no comment: Slot"),
    ("class Slot;\n// --- starts\n\n// NOLINTNEXTLINE(x)\nint a = 0;  ///< what it is\n}  // namespace brine\n", ""),
])
def test_what_is_no_sentence(text, found):
    wrong = list(unclear(text, header=True))
    assert len(wrong) == bool(found) and all(what.startswith(found) for what in wrong)


def _httpd_flags():
    def ask(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return [f"-isystem{ask('apxs', '-q', 'INCLUDEDIR')}",
            f"-isystem{ask('apr-1-config', '--includedir')}",
            *ask("apr-1-config", "--cppflags").split()]
