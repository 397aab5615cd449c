"""Makes a C++ header of docs/errors.md: for each log code what it means and what to do, as plain text.

Usage: error_texts.py ERRORS.MD HEADER
"""

import json
import re
import sys
from pathlib import Path

ENTRY = re.compile(r"^## (BRINE\d+)$", re.MULTILINE)
HEADER = """// Made of docs/errors.md.
#pragma once

#include <array>
#include <string_view>

namespace brine::metrics {{

/// What docs/errors.md says of a log code.
struct ErrorText {{
  std::string_view code;
  std::string_view meaning;
  std::string_view remedy;
}};

inline constexpr std::array<ErrorText, {count}> kErrorTexts = {{{{
{rows}
}}}};

}}  // namespace brine::metrics
"""


def plain(markdown):
    """The text in one line, without links, marks and what stands in a block of code."""
    text = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(text.replace("`", "").replace("**", "").split())


def texts(page):
    """[(code, meaning, remedy)] in the page's order."""
    pieces = ENTRY.split(page)
    for code, text in zip(pieces[1::2], pieces[2::2]):
        meaning, _, rest = text.partition("\n- **When.**")
        remedy = re.search(r"- \*\*Do\.\*\*(.*?)(?=\n- \*\*|\n## |\n# |\Z)", rest, re.DOTALL)
        yield code, plain(meaning), plain(remedy[1]) if remedy else ""


def main(page, header):
    rows = [f"    {{{json.dumps(code)}, {json.dumps(meaning)}, {json.dumps(remedy)}}},"
            for code, meaning, remedy in texts(Path(page).read_text())]
    Path(header).write_text(HEADER.format(count=len(rows), rows="\n".join(rows)))


if __name__ == "__main__":
    main(*sys.argv[1:])
