"""Compiles the Python modules that an engine carries, for the Python that runs this, into a C++ header.

    python3.X embed.py OUTPUT ROOT FILE...      (files below ROOT, named from there)

Every process and each of its sub-interpreters runs the first of them at its start: to compile it there costs 20 ms and
3 MiB of memory that no application has asked for, to unmarshal the code 1 ms and what the code itself takes.
"""

import importlib.util
import marshal
import re
import sys
from pathlib import Path

HEADER = """// Made by src/script/embed.py.
#pragma once

#include <string_view>

namespace brine::script {{

/// The number that Python {version} changes whenever its byte code changes (PyImport_GetMagicNumber).
inline constexpr long kMagicNumber = {magic};

/// A Python module: its code object as marshal writes it.
struct EmbeddedPython {{
  std::string_view name;
  std::string_view code;
}};

inline constexpr EmbeddedPython kEmbeddedPython[] = {{
{entries}}};

}}  // namespace brine::script
"""


def module_name(file):
    """python/brine/pickle/_scan.py -> brine.pickle._scan, src/script/bootstrap.py -> script.bootstrap"""
    name = re.fullmatch(r"(?:python|src)/(.*?)(?:/__init__)?\.py", file)[1]
    return name.replace("/", ".")


def write_header(output, root, *files):
    entries = ""
    for file in files:
        code = marshal.dumps(compile((Path(root) / file).read_bytes(), "<brine>", "exec", dont_inherit=True))
        lines = [code[at:at + 25] for at in range(0, len(code), 25)]
        literal = "\n".join('     "' + "".join(f"\\{byte:03o}" for byte in line) + '"' for line in lines)
        entries += f'    {{"{module_name(file)}", {{\n{literal},\n     {len(code)}}}}},\n'
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(HEADER.format(
        version="%d.%d" % sys.version_info[:2], magic=int.from_bytes(importlib.util.MAGIC_NUMBER, "little"),
        entries=entries))


write_header(*sys.argv[1:])
