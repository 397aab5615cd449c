"""Writes what the tables of directives and of daemon options take without effect, for `brine migrate`.

Run by the build, as `python3 without_effect.py FOLDER OUTPUT` with this folder, so that the command knows what the
module of the same build knows. Ends with an error where the tables have another form than it expects.
"""

import re
import sys
from pathlib import Path

_TEXT = r'"(?:[^"\\]|\\.)*"'


def constants(text):
    """{name: text} of the constants that hold reasons."""
    found = re.findall(rf"constexpr std::string_view (k\w+) =\s*((?:{_TEXT}\s*)+);", text)
    return {name: joined(texts) for name, texts in found}


def joined(texts):
    return "".join(eval(text) for text in re.findall(_TEXT, texts))


def reason(text, named):
    """(why or what is missed, missed) of a call's or row's arguments."""
    known = [name for name in re.findall(r"\bk[A-Z]\w*", text) if name in named]
    if known:
        return named[known[0]], True
    texts = re.findall(_TEXT, text)
    return joined(" ".join(texts)), False


def directives(source, named):
    """{name: (reason, missed)} of the directives whose setter ignores them."""
    setters = dict(re.findall(r"^void (ignore\w*)\(cmd_parms& line, .*?\) \{(.*?)\n?\}$", source,
                              re.MULTILINE | re.DOTALL))
    rows = re.findall(r'AP_INIT_\w+\(\s*"(\w+)",\s*directive<&(ignore\w*)>', source)
    return {name: reason(setters[setter], named) for name, setter in rows}


def options(source, named):
    """{name: (reason, missed)} of the options of WSGIDaemonProcess that do nothing."""
    table = source[source.index("kOptions[] = {"):]
    table = table[:table.index("\n};")]
    rows = re.findall(rf'\{{("[\w-]+"),[^"{{}}]*?Kind::(ignored|missed\w*)(?:,\s*((?:{_TEXT}\s*)+|k\w+))?\}}', table)
    return {joined(name): (*reason(why, named)[:1], kind != "ignored") for name, kind, why in rows}


def text_of(folder):
    read = {name: (folder / name).read_text() for name in
            ("directives.cpp", "daemon_options.cpp", "daemon_options.hpp", "arguments.hpp", "ignored.hpp")}
    named = constants("".join(read.values()))
    found = directives(read["directives.cpp"], named), options(read["daemon_options.cpp"], named)
    if not all(found):
        sys.exit(f"{__file__}: the tables in {folder} have another form than expected")
    tables = [f"{name} = {{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in sorted(each.items())) + "}\n"
              for name, each in zip(("DIRECTIVES_WITHOUT_EFFECT", "OPTIONS_WITHOUT_EFFECT"), found)]
    return ('"""Written by the build from src/apache/config: {name: (why, or what is missed; whether that is missed)}.'
            '"""\n\n' + "".join(tables))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(text_of(Path(sys.argv[1])))
